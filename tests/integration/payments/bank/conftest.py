"""A firm with an account at a bank, and the verbs on it, each in a transaction of its own."""

from dataclasses import dataclass
from typing import Any

import pytest

from bank_statements import IBAN, Paper
from tradesense import ledger, trail
from tradesense.infra.runtime import Runtime
from tradesense.payments import bank


@dataclass
class Firm:
    runtime: Runtime

    async def run(self, verb, *arguments, **named) -> Any:
        return await self.runtime.db.run(
            lambda tx: verb(tx, *arguments, now=self.runtime.now(), **named),
            key=str(self.runtime.new_id()),
        )

    async def read(self, query, *arguments, **named) -> Any:
        async with self.runtime.db.reading() as tx:
            return await query(tx, *arguments, **named)

    async def register(self, account=IBAN, currency="EUR"):
        own = bank.BankAccount(account=account, currency=currency, holder="Firm", bic="COBADEFF")
        return await self.run(bank.register_account, account=own, by="user:ops")

    async def take(self, *papers: Paper):
        """Import papers, one file each."""
        return [each for paper in papers for each in await self.take_file(paper.xml())]

    async def take_file(self, content, **options):
        told = bank.read_statements(content, **options)
        return await self.run(bank.import_statements, told, by="user:ops")

    async def lines(self, **wanted):
        return await self.read(bank.list_lines, **wanted)

    async def balance(self, account):
        return (await self.read(ledger.balance_of, account)).minor

    async def facts(self, stream):
        return [entry.kind for entry in await self.read(trail.read_stream, stream)]


@pytest.fixture
async def firm(runtime):
    made = Firm(runtime)
    await made.register()
    return made
