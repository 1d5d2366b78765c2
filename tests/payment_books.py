"""A shop whose payments are real at the sandbox, and a hand in every book: to plant differences."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

import psycopg

from bank_statements import BUYER, Paper
from payment_sandbox import SandboxProcess
from provider_books import ProviderBooks
from tradesense import ledger, payments
from tradesense.infra.clock import SystemClock
from tradesense.infra.runtime import Runtime
from tradesense.kernel.ids import derive
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
    theirs: ProviderBooks
    owner_url: str

    async def run(self, verb, **arguments):
        said = {"now": self.runtime.now()} | arguments
        return await self.runtime.db.run(
            lambda tx: verb(tx, **said), key=str(self.runtime.new_id())
        )

    async def sell(self, amount=PRICE, *, is_settled=True):
        """Return (payment id, the provider's reference) of a payment that the buyer has made."""
        payment_id, purchase_id = self.runtime.new_id(), self.runtime.new_id()
        await self.run(
            payments.request,
            payment_id=payment_id,
            purchase_id=purchase_id,
            amount=amount,
            way=self.theirs.way,
        )
        asked = IntentAsked(
            payment_id=payment_id, purchase_id=purchase_id, amount=amount, way=self.theirs.way
        )
        seen = await self.provider.create_intent(asked)
        takes = Candidate(name=self.provider.name, tariff=self.provider.tariff, is_admitting=True)
        await self.run(begin, payment_id=payment_id, candidates=[takes])
        await self.run(payments.record_offer, payment_id=payment_id, seen=seen)
        await self.call(self.sandbox.pay, seen.ref)
        if is_settled:
            await self.settle(payment_id, seen.ref)
        return payment_id, seen.ref

    async def settle(self, payment_id, ref, **when):
        seen = await self.provider.fetch(ref)
        return await self.run(payments.settle, payment_id=payment_id, seen=seen, **when)

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
        asked = RefundAsked(
            refund_id=refund_id, provider_ref=ref, amount_minor=minor, currency="USD"
        )
        seen = await self.provider.refund(asked)
        if is_booked:
            self.theirs.settle_refund(seen.ref)
            seen = await self.provider.refund(asked)
            await self.run(refunds.record_refund, refund_id=refund_id, seen=seen)
        return seen.ref

    async def sell_disputed(self):
        """Return (the provider's dispute, its payment) of a sale whose dispute we know."""
        payment_id, ref = await self.sell()
        dispute = await self.call(self.sandbox.dispute, ref)
        await self.settle(payment_id, ref)
        return dispute, ref

    async def pay_out(self):
        made = await self.call(self.sandbox.pay_out, self.theirs.name)
        return made | {"reference": self.theirs.reference_of(made)}

    async def import_bank(self):
        """Take in what our bank at the sandbox has to say."""
        text = await self.call(self.sandbox.statement)
        await self._import(text.encode())

    async def told_by_bank(self, *entries):
        """Take in a statement of our bank that shows these lines, all of today."""
        today = wall().date()
        shown = tuple(replace(each, day=today) for each in entries)
        await self._import(Paper(currency="USD", opening="1000.00", entries=shown).xml())

    async def order_at_bank(self, minor):
        """Return a transfer of ours that the bank is asked to make."""
        await self._register()
        return await self.run(
            bank.order_transfer,
            outgoing_id=self.runtime.new_id(),
            kind=bank.OutgoingKind.PAYOUT,
            amount=Money(minor, "USD"),
            creditor="Ada Lovelace",
            creditor_account=BUYER,
            text="payout 1",
            debit_account="payouts-in-transit:USD",
        )

    async def _register(self):
        ours = bank.BankAccount(account=IBAN, currency="USD", holder="The Firm", bic="COBADEFFXXX")
        await self.run(bank.register_account, account=ours, by="operator:jane")

    async def _import(self, statement):
        told = bank.read_statements(statement)
        await self._register()
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

    def drop_credit(self, reference):
        """Let the bank lose what arrived under a reference."""
        with self.theirs.file() as file:
            done = file.execute(
                "DELETE FROM objects WHERE kind = 'bank_credit'"
                " AND json_extract(body, '$.reference') = ?",
                (reference,),
            )
            assert done.rowcount == 1

    def change_credit(self, reference, by_minor):
        with self.theirs.file() as file:
            done = file.execute(
                "UPDATE objects SET body ="
                " json_set(body, '$.amount', json_extract(body, '$.amount') + ?)"
                " WHERE kind = 'bank_credit' AND json_extract(body, '$.reference') = ?",
                (by_minor, reference),
            )
            assert done.rowcount == 1

    async def post(self, *, reason, effective_at, minor=4_200):
        """Post a transfer on the clearing account by hand."""
        transfer = Transfer(
            id=self.runtime.new_id(),
            debit=f"clearing:{self.theirs.name}:USD",
            credit="unapplied:USD",
            amount=Money(minor, "USD"),
            reason=reason,
            effective_at=effective_at,
        )
        await self._post(transfer)

    def received_id(self, payment_id, ref):
        """Return the transfer by which a payment came into the books."""
        return derive(payment_id, "received", self.theirs.name, ref)

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
