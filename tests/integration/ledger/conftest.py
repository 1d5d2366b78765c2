"""A small world of money that the ledger's tests share."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from integration.trail.facts import seal_now
from tradesense import ledger
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.ledger import Transfer
from tradesense.ledger.following import follow

NOW = datetime(2014, 5, 2, 12, tzinfo=UTC)


class Books:
    """One test's books: transfers by name, committed one verb at a time."""

    now = NOW
    clearing, deferred = "clearing:stripe:USD", "deferred-revenue:USD"
    shares, jane = "profit-shares:USD", "trader-payable:jane:USD"
    transit = "payouts-in-transit:USD"

    def __init__(self, db, sealer_db, home):
        self._db = db
        self._sealer_db = sealer_db
        self._home = home
        self._verbs = 0

    def transfer(self, name="sale", minor=54_000, currency="USD", **changes):
        made = Transfer(
            id=derive(name),
            debit=self.clearing,
            credit=self.deferred,
            amount=Money(minor, currency),
            reason="payment received",
            effective_at=NOW,
        )
        return replace(made, **changes)

    def share(self, minor, name="share"):
        return self.transfer(name, minor, debit=self.shares, credit=self.jane)

    def payout(self, minor, name="payout"):
        return self.transfer(name, minor, debit=self.jane, credit=self.transit)

    async def do(self, verb, *given, **asked):
        self._verbs += 1
        key = f"verb {self._verbs}"
        return await self._db.run(lambda tx: verb(tx, *given, **asked, now=NOW), key=key)

    async def post(self, *transfers):
        await self.do(ledger.post, *transfers)

    async def read(self, query, *given, **asked):
        async with self._db.reading() as tx:
            return await query(tx, *given, **asked)

    async def balance(self, account, **asked):
        return (await self.read(ledger.balance_of, account, **asked)).minor

    async def seal(self):
        await seal_now(self._sealer_db, self._home)

    async def follow(self):
        while await self._db.repeat(follow):
            pass


@pytest.fixture
async def books(db, sealer_db, tmp_path):
    return Books(db, sealer_db, tmp_path)
