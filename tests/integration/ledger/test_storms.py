"""Everything at once, from many connections: what stands is what was acknowledged, to the cent."""

import asyncio
from datetime import timedelta
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import broken_invariants
from tradesense import ledger
from tradesense.kernel.errors import Rejected
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.ledger import Transfer, following, pending
from tradesense.ledger.jobs import Desk

worlds = count()
names, minors = st.integers(0, 5), st.integers(0, 5)
sides = st.sampled_from(
    [
        ("profit-shares", "trader-payable:a"),
        ("profit-shares", "trader-payable:b"),
        ("trader-payable:a", "trader-payable:b"),
        ("trader-payable:b", "trader-payable:a"),
        ("trader-payable:a", "payouts-in-transit"),
        ("clearing:stripe", "bank"),
        ("cash", "bank"),
    ]
)
asked = st.one_of(
    st.tuples(st.just("post"), st.lists(st.tuples(names, sides, minors), min_size=1, max_size=3)),
    st.tuples(st.just("submit"), st.lists(st.tuples(names, sides, minors), min_size=1, max_size=3)),
    st.tuples(st.just("reserve"), names, sides, minors, st.sampled_from([0, 0.02, None])),
    st.tuples(st.just("settle"), names, minors),
    st.tuples(st.just("void"), names),
    st.tuples(st.just("expire")),
    st.tuples(st.just("reverse"), names),
    st.tuples(st.just("close"), st.integers(-3, 1)),
    st.tuples(st.just("follow")),
)


class Storm:
    """One example's world: its own traders and ids, in books that earlier ones have used."""

    def __init__(self, books, db, desk, world):
        self._books, self._db, self._desk, self._world = books, db, desk, world
        # Each world closes its own periods, so it lives in its own days.
        self._moment = books.now + world * timedelta(days=10)

    def id_of(self, name):
        return derive("storm", self._world, name)

    def transfer(self, name, pair, minor):
        debit, credit = (
            f"{code}-w{self._world}:USD" if code.startswith("trader") else f"{code}:USD"
            for code in pair
        )
        return Transfer(
            id=self.id_of(name),
            debit=debit,
            credit=credit,
            amount=Money(minor, "USD"),
            reason="a wish",
            effective_at=self._moment,
        )

    def verb(self, kind, *rest):  # noqa: PLR0911 -- one for each kind of wish
        match kind:
            case "post":
                made = [self.transfer(*each) for each in rest[0]]
                return lambda tx: ledger.post(tx, *made, now=self._moment)
            case "reserve":
                name, pair, minor, expires_in_s = rest
                held = self.transfer(f"held {name}", pair, minor)
                return lambda tx: ledger.reserve(
                    tx, held, expires_in_s=expires_in_s, now=self._moment
                )
            case "settle":
                held_id, amount = self.id_of(f"held {rest[0]}"), Money(rest[1], "USD")
                return lambda tx: ledger.settle(
                    tx, reservation_id=held_id, amount=amount, now=self._moment
                )
            case "void":
                held_id = self.id_of(f"held {rest[0]}")
                return lambda tx: ledger.void(tx, reservation_id=held_id, now=self._moment)
            case "expire":
                return lambda tx: pending.expire_due(tx, now=self._moment)
            case "reverse":
                undone, undo = self.id_of(rest[0]), self.id_of(f"undo {rest[0]}")
                return lambda tx: ledger.reverse(
                    tx, transfer_id=undone, reversal_id=undo, reason="typo", now=self._moment
                )
            case "close":
                until = self._moment + timedelta(days=rest[0])
                return lambda tx: ledger.close_period(
                    tx, until=until, by="operator:jane", now=self._moment
                )
        return following.follow

    async def ask(self, number, kind, *rest):
        try:
            if kind == "submit":
                await self._desk.submit(*(self.transfer(*each) for each in rest[0]))
            else:
                key = f"storm {self._world}:{number}"
                await self._db.run(self.verb(kind, *rest), key=key)
        except Rejected:
            return False
        return True

    async def is_as_acknowledged(self, wishes, told):
        posted = {
            wished[0]
            for (kind, *rest), was_done in zip(wishes, told, strict=True)
            if was_done and kind in {"post", "submit"}
            for wished in rest[0]
        }
        async with self._db.reading() as tx:
            for name in range(6):
                stored = await ledger.find_transfer(tx, self.id_of(name))
                assert (stored is not None) == (name in posted)
            for party in ("a", "b"):
                account = f"trader-payable:{party}-w{self._world}:USD"
                assert (await ledger.balance_of(tx, account)).minor >= 0


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(wishes=st.lists(asked, min_size=1, max_size=24))
async def test_any_storm_of_requests_keeps_every_invariant(books, db, database, wishes):
    async with Desk.open(db, lambda: books.now) as desk:
        storm = Storm(books, db, desk, next(worlds))
        async with asyncio.TaskGroup() as group:
            tries = [
                group.create_task(storm.ask(number, *wish)) for number, wish in enumerate(wishes)
            ]
    await books.seal()
    await books.follow()

    assert broken_invariants(database.superuser) == {}
    await storm.is_as_acknowledged(wishes, [task.result() for task in tries])
