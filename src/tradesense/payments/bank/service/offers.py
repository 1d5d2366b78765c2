"""The verbs of bank transfers that buyers are asked for, and the provider's view of them."""

from uuid import UUID

from tradesense.infra.db import Transaction
from tradesense.payments.bank.model import BankAccount, Offer, OutgoingStatus
from tradesense.payments.bank.refusals import OfferDiffers
from tradesense.payments.bank.rules.books import MANUAL
from tradesense.payments.bank.rules.references import reference_of
from tradesense.payments.bank.store import lines, matches, outgoing
from tradesense.payments.model import (
    IntentAsked,
    ProviderPayment,
    ProviderRefund,
    ProviderStatus,
    RefundStatus,
)
from tradesense.payments.providers import ProviderRefused, UnknownAtProvider

# After so many references that are taken, the generator is broken rather than unlucky.
ATTEMPTS_MAX = 20


async def offer(tx: Transaction, asked: IntentAsked) -> Offer:
    """
    Return the bank transfer that the buyer is asked for; one per payment, under one reference.

    Raises ProviderRefused without an account of the currency, OfferDiffers if the payment was
    offered for another amount.
    """
    account = await find_account(tx, asked.amount.currency)
    for attempt in range(ATTEMPTS_MAX):
        fresh = Offer(
            payment_id=asked.payment_id,
            purchase_id=asked.purchase_id,
            reference=reference_of(asked.payment_id, attempt),
            account=account.account,
            amount_minor=asked.amount.minor,
            currency=asked.amount.currency,
            payer=asked.payer,
        )
        if asked.amount.minor > 0 and await matches.add_offer(tx, fresh):
            return fresh
        known = await matches.find_offer(tx, asked.payment_id)
        if known is not None:
            if (known.amount_minor, known.currency) != (fresh.amount_minor, fresh.currency):
                raise OfferDiffers(f"payment {asked.payment_id} was offered otherwise before")
            return known
    raise ProviderRefused(f"no reference for payment {asked.payment_id} of {asked.amount}")


async def find_account(tx: Transaction, currency: str) -> BankAccount:
    """Return our account of a currency. Raises ProviderRefused."""
    for account in await lines.list_accounts(tx):
        if account.currency == currency:
            return account
    raise ProviderRefused(f"we have no bank account in {currency}; register one")


async def withdraw(tx: Transaction, ref: str) -> ProviderPayment:
    """Take an offer back; what comes all the same is sent back. Raises UnknownAtProvider."""
    seen = await view_of(tx, ref)
    if seen.received_minor == 0:
        await matches.withdraw_offer(tx, ref)
    return await view_of(tx, ref)


async def view_of(tx: Transaction, ref: str) -> ProviderPayment:
    """Return a payment as our tables have it: asked, received, sent back."""
    known = await matches.find_offer_under(tx, ref.partition("/")[0])
    received = await matches.find_received(tx, ref)
    if known is None or (received is None and "/" in ref):
        raise UnknownAtProvider(f"no bank transfer {ref}")
    amount_minor, currency = received or (0, known.currency)
    status = ProviderStatus.CANCELLED if known.is_withdrawn else ProviderStatus.OPEN
    return ProviderPayment(
        provider=MANUAL,
        ref=ref,
        payment_id=known.payment_id,
        status=ProviderStatus.SUCCEEDED if received else status,
        amount_minor=known.amount_minor,
        received_minor=amount_minor,
        currency=currency,
        refunds=tuple(await _refunds_of(tx, ref)),
    )


async def find_view(tx: Transaction, payment_id: UUID) -> ProviderPayment | None:
    """Return it by our own payment id, None if it was never offered."""
    known = await matches.find_offer(tx, payment_id)
    return None if known is None else await view_of(tx, known.reference)


async def _refunds_of(tx: Transaction, ref: str) -> list[ProviderRefund]:
    return [
        ProviderRefund(
            provider=MANUAL,
            ref=order.end_to_end_id,
            refund_id=order.outgoing_id,
            status=(
                RefundStatus.SUCCEEDED
                if order.status in {OutgoingStatus.PAID, OutgoingStatus.RETURNED}
                else RefundStatus.REQUESTED
            ),
            amount_minor=order.amount_minor,
            currency=order.currency,
        )
        for order in await outgoing.list_outgoing(tx, refers_to=ref)
    ]


async def find_instructions(tx: Transaction, payment_id: UUID) -> tuple[Offer, BankAccount] | None:
    """Return what a buyer has to transfer, and to whom; None if nothing was offered."""
    known = await matches.find_offer(tx, payment_id)
    if known is None:
        return None
    return known, await find_account(tx, known.currency)
