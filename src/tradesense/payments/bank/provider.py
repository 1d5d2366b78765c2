"""
The bank transfer as a way to pay, for when no other provider can take money.

It needs nobody outside: the buyer gets our account and a reference, the bank's statement says
what came, and two people agree on it. So every call is a transaction of ours, and repeating it
finds what it did.
"""

import hmac
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Self
from uuid import UUID

from psycopg.rows import DictRow

from tradesense.infra.db import Database, Transaction
from tradesense.infra.settings import Settings
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.payments.bank.model import OutgoingKind
from tradesense.payments.bank.refusals import BadAccount
from tradesense.payments.bank.rules import books
from tradesense.payments.bank.service import offers, outgoing
from tradesense.payments.bank.store import lines, matches
from tradesense.payments.bank.store import outgoing as store
from tradesense.payments.model import (
    IntentAsked,
    Movement,
    MovementKind,
    ProviderPayment,
    ProviderRefund,
    ProviderStatus,
    RefundAsked,
    RefundStatus,
    Tariff,
    Way,
)
from tradesense.payments.providers import ProviderRefused

PURPOSE = "bank transfer pages"


class Manual:
    """A `payments.model.Provider` over our own tables; calls are refused inside a transaction."""

    name = books.MANUAL

    def __init__(
        self, db: Database, *, now: Callable[[], datetime], public_url: str, secret: bytes
    ) -> None:
        self._db, self._now, self._public_url, self._secret = db, now, public_url, secret
        self._currencies: frozenset[str] = frozenset()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: Settings, db: Database, now: Callable[[], datetime]
    ) -> AsyncIterator[Self]:
        """Open it over `db`; which currencies it takes is read from our accounts, once."""
        secret = settings.key_for(PURPOSE)
        made = cls(db, now=now, public_url=settings.public_url, secret=secret)
        await made.refresh()
        yield made

    @property
    def tariff(self) -> Tariff:
        """What it takes: any currency that we have an account in; it costs nothing but time."""
        ways = frozenset({Way.PAGE, Way.DIRECT})
        return Tariff(currencies=self._currencies, ways=ways, fee_bp=0, fee_minor=0, is_manual=True)

    async def refresh(self) -> None:
        """Read our accounts again. Raises Unavailable."""
        async with self._db.reading() as tx:
            known = await lines.list_accounts(tx)
        self._currencies = frozenset(account.currency for account in known)

    async def create_intent(self, asked: IntentAsked) -> ProviderPayment:
        """Give the payment a reference under which the buyer can send the money."""
        if asked.is_captured_later:
            raise ProviderRefused("a bank transfer cannot be reserved first and captured later")

        async def verb(tx: Transaction) -> ProviderPayment:
            made = await offers.offer(tx, asked)
            return await offers.view_of(tx, made.reference)

        return self._with_page(await self._db.repeat(verb))

    async def find(self, payment_id: UUID) -> ProviderPayment | None:
        """Return the offer that was made for our `payment_id`, None if there surely is none."""
        async with self._db.reading() as tx:
            seen = await offers.find_view(tx, payment_id)
        return None if seen is None else self._with_page(seen)

    async def fetch(self, ref: str) -> ProviderPayment:
        """Return the payment as it is now. Raises UnknownAtProvider."""
        async with self._db.reading() as tx:
            return self._with_page(await offers.view_of(tx, ref))

    async def capture(self, ref: str, amount_minor: int) -> ProviderPayment:
        """Refuse: what a bank transfer brings is ours already."""
        seen = await self.fetch(ref)
        if seen.status is ProviderStatus.SUCCEEDED and amount_minor == seen.received_minor:
            return seen
        raise ProviderRefused("a bank transfer cannot be captured: nothing was reserved")

    async def cancel(self, ref: str) -> ProviderPayment:
        """Withdraw the offer; what comes all the same will be sent back."""
        return self._with_page(await self._db.repeat(lambda tx: offers.withdraw(tx, ref)))

    async def refund(self, asked: RefundAsked) -> ProviderRefund:
        """Order a transfer back to whom the money came from; done when a statement shows it."""
        return await self._db.repeat(lambda tx: self._refund(tx, asked))

    async def list_movements(self, *, since: datetime, until: datetime) -> Sequence[Movement]:
        """
        Return its books of [since, until): what came, and that it is at the bank already.

        Each charge is followed by a payout of the same amount, each refund by one from the bank
        (positive), so that nothing ever stands with this provider.
        """
        async with self._db.reading() as tx:
            received = await store.list_received(tx, since=since, until=until)
            refunded = await store.list_refunded(tx, since=since, until=until)
        moved = [
            move
            for row in received
            for move in _pair(row, MovementKind.CHARGE, row["amount_minor"], row["provider_ref"])
        ] + [
            move
            for row in refunded
            for move in _pair(row, MovementKind.REFUND, -row["amount_minor"], row["end_to_end_id"])
        ]
        return sorted(moved, key=lambda move: move.at)

    def page_secret(self, payment_id: UUID) -> str:
        """Return what opens the page of a payment, for whoever was given it."""
        return page_secret(self._secret, payment_id)

    async def _refund(self, tx: Transaction, asked: RefundAsked) -> ProviderRefund:
        await matches.lock_offer_under(tx, asked.provider_ref.partition("/")[0])
        seen = await offers.view_of(tx, asked.provider_ref)
        known = next((each for each in seen.refunds if each.refund_id == asked.refund_id), None)
        if known is not None:
            return known
        sent = sum(each.amount_minor for each in seen.refunds)
        if asked.amount_minor > seen.received_minor - sent or asked.currency != seen.currency:
            raise ProviderRefused(
                f"{asked.amount_minor} {asked.currency} is greater than unrefunded amount: "
                f"{seen.received_minor - sent} minor units of {seen.currency}"
            )
        name, account = await matches.find_payer(tx, asked.provider_ref)
        refund = ProviderRefund(
            provider=self.name,
            ref=f"TS{asked.refund_id.hex}",
            refund_id=asked.refund_id,
            status=RefundStatus.REQUESTED,
            amount_minor=asked.amount_minor,
            currency=asked.currency,
        )
        try:
            await outgoing.order_transfer(
                tx,
                outgoing_id=asked.refund_id,
                kind=OutgoingKind.REFUND,
                amount=Money(asked.amount_minor, asked.currency),
                creditor=name,
                creditor_account=account,
                text=f"refund {asked.provider_ref}",
                debit_account=f"clearing:{self.name}:{asked.currency}",
                refers_to=asked.provider_ref,
                now=self._now(),
            )
        except BadAccount as refused:
            return replace(refund, status=RefundStatus.FAILED, reason=str(refused))
        return refund

    def _with_page(self, seen: ProviderPayment) -> ProviderPayment:
        if seen.payment_id is None:
            return seen
        secret = self.page_secret(seen.payment_id)
        url = f"{self._public_url}/pay/bank/{seen.payment_id}/{secret}"
        return replace(seen, client_secret=secret, pay_url=url)


def page_secret(secret: bytes, payment_id: UUID) -> str:
    """Return the 128 bits that open a payment's page, from the instance's `secret` for it."""
    return hmac.digest(secret, payment_id.bytes, sha256).hex()[:32]


def _pair(row: DictRow, kind: MovementKind, amount_minor: int, object_ref: str) -> list[Movement]:
    first = Movement(
        provider=books.MANUAL,
        ref=str(derive("manual", kind, object_ref)),
        kind=kind,
        amount_minor=amount_minor,
        fee_minor=0,
        currency=row["currency"],
        at=row["at"],
        payment_ref=row["provider_ref"],
        object_ref=object_ref,
    )
    second = replace(
        first,
        ref=str(derive("manual", "payout", object_ref)),
        kind=MovementKind.PAYOUT,
        amount_minor=-amount_minor,
        bank_reference=row["bank_ref"],
    )
    return [first, second]
