"""A firm with an account at a bank, and the verbs on it, each in a transaction of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from bank_statements import IBAN, Entry, Paper
from tradesense import ledger, payments, trail
from tradesense.infra.runtime import Runtime
from tradesense.kernel.money import Money
from tradesense.payments import bank
from tradesense.payments.attempts.rules import Candidate
from tradesense.payments.attempts.service import begin
from tradesense.payments.model import IntentAsked, RefundAsked
from tradesense.payments.refunds import following as refunds

JANE, JOHN = "user:jane", "user:john"


@dataclass
class Firm:
    runtime: Runtime
    provider: bank.Manual
    paper: Paper | None = None

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

    async def bank_says(self, *entries: Entry):
        """Import the next statement of the account; return its lines."""
        number = 1 if self.paper is None else int(self.paper.bank_id[1:]) + 1
        first = Paper(entries=entries)
        self.paper = first if self.paper is None else self.paper.next(f"S{number}", *entries)
        (imported,) = await self.take(self.paper)
        lines = await self.lines()
        return [line for line in lines if line.statement_id == imported.statement_id]

    async def ask(self, amount=54_000, currency="EUR"):
        """Ask a buyer for a bank transfer; return the offer."""
        asked = IntentAsked(
            payment_id=self.runtime.new_id(),
            purchase_id=self.runtime.new_id(),
            amount=Money(amount, currency),
        )
        seen = await self.provider.create_intent(asked)
        await self.expect(asked, seen)
        return seen

    async def expect(self, asked: IntentAsked, seen):
        """Keep the payment whose offer was `seen`, as the platform does."""
        await self.run(
            payments.request,
            payment_id=asked.payment_id,
            purchase_id=asked.purchase_id,
            amount=asked.amount,
        )
        takes = Candidate(
            name="manual", tariff=replace(self.provider.tariff, is_manual=False), is_admitting=True
        )
        await self.run(begin, payment_id=asked.payment_id, candidates=[takes])
        await self.run(payments.record_offer, payment_id=asked.payment_id, seen=seen)

    async def propose(self, lines, seen=(), *, by=JANE, **named):
        return await self.run(
            bank.propose,
            match_id=named.pop("match_id", None) or self.runtime.new_id(),
            kind=named.pop("kind", bank.LineKind.PAYMENT),
            line_ids=[line.line_id for line in lines],
            payment_ids=[each.payment_id for each in seen],
            reason=named.pop("reason", "looks right"),
            by=by,
            **named,
        )

    async def approve(self, match, *, by=JOHN):
        return await self.run(bank.approve, match_id=match.match_id, by=by)

    async def reject(self, match, *, by=JOHN):
        return await self.run(bank.reject, match_id=match.match_id, reason="no", by=by)

    async def matches(self, **wanted):
        return await self.read(bank.list_matches, **wanted)

    async def send_refunds(self, seen):
        """Tell the provider of every refund that waits, as the worker does; return them."""
        told = []
        for refund in await self.read(payments.list_refunds, seen.payment_id):
            answer = await self.provider.refund(
                RefundAsked(
                    refund_id=refund.refund_id,
                    provider_ref=refund.provider_ref,
                    amount_minor=refund.amount_minor,
                    currency=refund.currency,
                )
            )
            await self.run(refunds.record_refund, refund_id=refund.refund_id, seen=answer)
            told.append(answer)
        return told

    async def payment(self, seen):
        return await self.read(payments.find_payment, seen.payment_id)

    async def refunds(self, seen):
        return await self.read(payments.list_refunds, seen.payment_id)

    async def lines(self, **wanted):
        return await self.read(bank.list_lines, **wanted)

    async def balance(self, account):
        return (await self.read(ledger.balance_of, account)).minor

    async def facts(self, stream):
        return [entry.kind for entry in await self.read(trail.read_stream, stream)]


@asynccontextmanager
async def open_firm(runtime: Runtime) -> AsyncIterator[Firm]:
    """A firm that takes bank transfers in EUR."""
    async with bank.Manual.open(runtime.settings, runtime.db, runtime.now) as provider:
        made = Firm(runtime, provider)
        await made.register()
        await provider.refresh()
        yield made
