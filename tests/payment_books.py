"""A shop whose payments are real at the sandbox, and a hand in every book: to plant differences."""

import asyncio
import json
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import psycopg

from payment_sandbox import SandboxProcess
from tradesense import ledger, payments
from tradesense.infra.clock import SystemClock
from tradesense.infra.runtime import Runtime
from tradesense.kernel.money import Money
from tradesense.ledger.model import Transfer
from tradesense.payments import bank
from tradesense.payments.attempts.rules import Candidate
from tradesense.payments.attempts.service import begin
from tradesense.payments.model import IntentAsked, Provider, RefundAsked
from tradesense.payments.reconciliation.jobs import Asked, reconcile, reconcile_bank
from tradesense.payments.reconciliation.model import Run
from tradesense.payments.reconciliation.store import cases
from tradesense.payments.refunds import following as refunds

PRICE = Money(54_000, "USD")
IBAN = "DE89370400440532013000"  # as the sandbox's bank has it


def wall():
    return SystemClock().now()


@dataclass
class BookShop:
    """`sell` to `pay_out` are correct lives; what reaches into files and tables plants faults."""

    runtime: Runtime
    provider: Provider
    sandbox: SandboxProcess
    owner_url: str

    async def run(self, verb, **arguments):
        return await self.runtime.db.run(
            lambda tx: verb(tx, now=self.runtime.now(), **arguments), key=str(self.runtime.new_id())
        )

    async def sell(self, amount=PRICE, *, is_settled=True):
        """Return (payment id, the provider's reference) of a payment that the buyer has made."""
        payment_id, purchase_id = self.runtime.new_id(), self.runtime.new_id()
        await self.run(
            payments.request, payment_id=payment_id, purchase_id=purchase_id, amount=amount
        )
        asked = IntentAsked(payment_id=payment_id, purchase_id=purchase_id, amount=amount)
        seen = await self.provider.create_intent(asked)
        takes = Candidate(name=self.provider.name, tariff=self.provider.tariff, is_admitting=True)
        await self.run(begin, payment_id=payment_id, candidates=[takes])
        await self.run(payments.record_offer, payment_id=payment_id, seen=seen)
        await self.call(self.sandbox.pay, seen.ref)
        if is_settled:
            await self.settle(payment_id, seen.ref)
        return payment_id, seen.ref

    async def settle(self, payment_id, ref):
        seen = await self.provider.fetch(ref)
        return await self.run(payments.settle, payment_id=payment_id, seen=seen)

    async def refund(self, payment_id, ref, minor=10_000, *, is_booked=True):
        """Return the provider's name of a refund that we decided, and it made."""
        refund_id = self.runtime.new_id()
        await self.run(
            payments.request_refund,
            payment_id=payment_id,
            refund_id=refund_id,
            amount=Money(minor, "USD"),
            reason="a test",
        )
        seen = await self.provider.refund(
            RefundAsked(refund_id=refund_id, provider_ref=ref, amount_minor=minor, currency="USD")
        )
        if is_booked:
            await self.run(refunds.record_refund, refund_id=refund_id, seen=seen)
        return seen.ref

    async def sell_disputed(self):
        """Return (the provider's dispute, its payment) of a sale whose dispute we know."""
        payment_id, ref = await self.sell()
        dispute = await self.call(self.sandbox.dispute, ref)
        await self.settle(payment_id, ref)
        return dispute, ref

    async def pay_out(self):
        return await self.call(self.sandbox.pay_out)

    async def import_bank(self):
        """Take in what our bank at the sandbox has to say."""
        text = await self.call(self.sandbox.statement)
        told = bank.read_statements(text.encode())
        ours = bank.BankAccount(account=IBAN, currency="USD", holder="The Firm", bic="COBADEFFXXX")
        await self.run(bank.register_account, account=ours, by="operator:jane")
        await self.runtime.db.run(
            lambda tx: bank.import_statements(tx, told, by="operator:jane", now=self.runtime.now()),
            key=str(self.runtime.new_id()),
        )

    async def reconcile(self, *, days=20, cadence="asked", since=None) -> Run:
        """Compare all sides as if so many days had passed."""
        asked = Asked(cadence=cadence, now=wall() + timedelta(days=days), since=since)
        return await reconcile(self.runtime, self.provider, asked)

    async def reconcile_bank(self, *, days=20) -> Run:
        asked = Asked(cadence="asked", now=wall() + timedelta(days=days))
        return await reconcile_bank(self.runtime, asked)

    async def cases(self, **which):
        async with self.runtime.db.reading() as tx:
            return await cases.list_cases(tx, **which)

    async def call(self, act, *arguments, **named):
        return await asyncio.to_thread(act, *arguments, **named)

    @contextmanager
    def provider_file(self):
        """Open the sandbox's own file, to change it as no API would."""
        path = self.sandbox.home / "sandbox" / "stripe.sqlite3"
        with closing(sqlite3.connect(path)) as file, file:
            yield file

    def line_of(self, ref, kind):
        """Return the provider's line of what `ref` names, as it stands in its file."""
        with self.provider_file() as file:
            bodies = dict(file.execute("SELECT id, body FROM objects").fetchall())
        objects = {key: json.loads(body) for key, body in bodies.items()}
        for line in objects.values():
            if line["object"] == "balance_transaction" and line["type"] == kind:
                source = objects.get(line["source"], {})
                if ref in {source.get("id"), source.get("payment_intent")}:
                    return line
        raise AssertionError(f"no {kind} of {ref}")

    def change_line(self, line, **changes):
        changed = line | changes
        with self.provider_file() as file:
            done = file.execute(
                "UPDATE objects SET body = ?, created = ? WHERE id = ?",
                (json.dumps(changed), changed["created"], line["id"]),
            )
            assert done.rowcount == 1

    def copy_line(self, line, **changes):
        """Let the provider show a line again, under a name of its own."""
        copied = line | {"id": f"{line['id']}again"} | changes
        with self.provider_file() as file:
            file.execute(
                "INSERT INTO objects (id, kind, created, body) VALUES (?, ?, ?, ?)",
                (copied["id"], "balance_transaction", copied["created"], json.dumps(copied)),
            )

    def drop_line(self, line):
        with self.provider_file() as file:
            assert file.execute("DELETE FROM objects WHERE id = ?", (line["id"],)).rowcount == 1

    def drop_credit(self, reference):
        """Let the bank lose what arrived under a reference."""
        with self.provider_file() as file:
            done = file.execute(
                "DELETE FROM objects WHERE kind = 'bank_credit'"
                " AND json_extract(body, '$.reference') = ?",
                (reference,),
            )
            assert done.rowcount == 1

    def change_credit(self, reference, by_minor):
        with self.provider_file() as file:
            done = file.execute(
                "UPDATE objects SET body ="
                " json_set(body, '$.amount', json_extract(body, '$.amount') + ?)"
                " WHERE kind = 'bank_credit' AND json_extract(body, '$.reference') = ?",
                (by_minor, reference),
            )
            assert done.rowcount == 1

    async def take_money(self, metadata):
        """Charge a card in our account, as somebody with its key can; return the reference."""
        intents = self.sandbox.client().v1.payment_intents
        made = await self.call(
            intents.create,
            {
                "amount": 31_000,
                "currency": "usd",
                "payment_method": "pm_card_visa",
                "confirm": True,
                "metadata": metadata,
            },
        )
        return made.id

    async def post(self, *, reason, effective_at, minor=4_200):
        """Post a transfer on the clearing account by hand."""
        transfer = Transfer(
            id=self.runtime.new_id(),
            debit="clearing:stripe:USD",
            credit="unapplied:USD",
            amount=Money(minor, "USD"),
            reason=reason,
            effective_at=effective_at,
        )
        await self._post(transfer)

    async def post_twin(self, transfer_id):
        async with self.runtime.db.reading() as tx:
            original = await ledger.find_transfer(tx, transfer_id)
        await self._post(replace(original, id=self.runtime.new_id()))

    async def _post(self, transfer):
        await self.runtime.db.run(
            lambda tx: ledger.post(tx, transfer, now=self.runtime.now()),
            key=str(self.runtime.new_id()),
        )

    def as_owner(self, *statements):
        """Change our own tables past every privilege and trigger, as a vandal would."""
        tables = ("ledger_transfers", "payments_movements")
        with psycopg.connect(self.owner_url) as conn:
            for table in tables:
                conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            for statement, *values in statements:
                assert conn.execute(statement, values).rowcount == 1, statement
            for table in tables:
                conn.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
