"""The verbs of refunds: money back to the buyer, never more than was received."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from tradesense import ledger, trail
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import Conflict, Invalid, InvariantBroken, NotFound
from tradesense.kernel.events import Event
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.ledger.model import Transfer
from tradesense.payments import model, rules, store
from tradesense.payments.model import Fate, Payment, ProviderRefund, Receipt, Refund, RefundStatus
from tradesense.trail.model import Fact


class UnknownRefund(NotFound):
    """No refund has this id."""

    code = "payments.unknown_refund"


class NothingReceived(Conflict):
    """The payment has no money that could go back."""

    code = "payments.nothing_received"


class OverRefund(Invalid):
    """More is asked back than was received and has not gone back yet."""

    code = "payments.over_refund"


class RefundDiffers(Conflict):
    """The id names another refund already."""

    code = "payments.refund_differs"


class ForeignRefund(InvariantBroken):
    """A provider made another refund than we asked it to."""

    code = "payments.foreign_refund"


async def request_refund(
    tx: Transaction,
    *,
    payment_id: UUID,
    refund_id: UUID,
    amount: Money,
    reason: str,
    now: datetime,
    debit: str | None = None,
) -> Refund:
    """
    Decide to send `amount` of an honoured payment back; `payments.jobs` tells the provider.

    `debit` is the book account the money is taken from once it has left (default: deferred
    revenue). A second time returns the refund as it stands. Raises NothingReceived, OverRefund
    or RefundDiffers.
    """
    payment = await store.lock_payment(tx, payment_id)
    receipt = await store.find_honoured(tx, payment_id)
    if payment is None or receipt is None:
        raise NothingReceived(f"payment {payment_id} has received nothing")
    if amount.currency != receipt.currency or amount.minor <= 0:
        raise OverRefund(f"a refund is a positive amount of {receipt.currency}")
    refund = _refund(
        payment,
        receipt,
        refund_id=refund_id,
        amount_minor=amount.minor,
        reason=reason,
        debit=debit,
    )
    return await _request(tx, refund, receipt, now)


async def request_rest(
    tx: Transaction, payment: Payment, *, reason: str, debit: str | None, now: datetime
) -> None:
    """Send back what is left of an honoured payment; the payment is held by `tx`."""
    receipt = await store.find_honoured(tx, payment.payment_id)
    if receipt is None:
        raise NothingReceived(f"payment {payment.payment_id} has received nothing")
    refunded = await store.refunded_minor(tx, receipt.provider, receipt.provider_ref)
    rest = rules.refundable_minor(receipt, refunded)
    if rest:
        refund_id = derive(payment.payment_id, "refund", "rest", refunded)
        refund = _refund(
            payment, receipt, refund_id=refund_id, amount_minor=rest, reason=reason, debit=debit
        )
        await _request(tx, refund, receipt, now)


async def request_return(
    tx: Transaction, payment: Payment, receipt: Receipt, *, now: datetime
) -> None:
    """Send back a receipt that is not honoured, in full."""
    refund_id = derive(payment.payment_id, "return", receipt.provider, receipt.provider_ref)
    refund = _refund(
        payment,
        receipt,
        refund_id=refund_id,
        amount_minor=receipt.amount_minor,
        reason=receipt.reason,
    )
    await _request(tx, refund, receipt, now)


async def record_refund(
    tx: Transaction, *, refund_id: UUID, seen: ProviderRefund, now: datetime
) -> Refund:
    """
    Apply the provider's present view of a refund: state, books and fact at once.

    A view seen before changes nothing. Raises UnknownRefund, or ForeignRefund if the provider
    sent back another amount or currency than it was asked to.
    """
    refund = await store.lock_refund(tx, refund_id)
    if refund is None:
        raise UnknownRefund(f"no refund {refund_id}")
    asked = (refund_id, refund.amount_minor, refund.currency)
    if (seen.refund_id, seen.amount_minor, seen.currency) != asked:
        raise ForeignRefund(f"{seen.provider} made {seen.ref} for refund {refund_id}")
    if refund.status is not RefundStatus.REQUESTED or seen.status is RefundStatus.REQUESTED:
        return refund
    ended = replace(refund, status=seen.status)
    transfer = _transfer(ended, now)
    transfer_id = None if transfer is None else transfer.id
    await store.end_refund(tx, ended, refund_ref=seen.ref, transfer_id=transfer_id)
    if seen.status is RefundStatus.FAILED:
        reason = seen.reason or "the provider does not say why"
        failed = model.RefundFailed(refund_id, refund.payment_id, refund.purchase_id, reason)
        await _record(tx, refund, failed, now)
        return ended
    refunded = model.PaymentRefunded(
        refund_id=refund_id,
        payment_id=refund.payment_id,
        purchase_id=refund.purchase_id,
        amount_minor=refund.amount_minor,
        currency=refund.currency,
        refund_ref=seen.ref,
    )
    await _record(tx, refund, refunded, now)
    if transfer is not None:
        await ledger.post(tx, transfer, now=now)
    return ended


async def _request(tx: Transaction, refund: Refund, receipt: Receipt, now: datetime) -> Refund:
    known = await store.find_refund(tx, refund.refund_id)
    if known is not None:
        if (known.payment_id, known.amount_minor) != (refund.payment_id, refund.amount_minor):
            raise RefundDiffers(f"refund {refund.refund_id} is another one already")
        return known
    refunded = await store.refunded_minor(tx, receipt.provider, receipt.provider_ref)
    if refund.amount_minor > rules.refundable_minor(receipt, refunded):
        raise OverRefund(
            f"{refund.amount_minor} asked back, but of {receipt.amount_minor} received "
            f"{refunded} went back already (minor units of {receipt.currency})"
        )
    await store.add_refund(tx, refund, now=now)
    event = model.RefundRequested(
        refund_id=refund.refund_id,
        payment_id=refund.payment_id,
        purchase_id=refund.purchase_id,
        amount_minor=refund.amount_minor,
        currency=refund.currency,
        reason=refund.reason,
    )
    await _record(tx, refund, event, now)
    return refund


def _refund(
    payment: Payment,
    receipt: Receipt,
    *,
    refund_id: UUID,
    amount_minor: int,
    reason: str,
    debit: str | None = None,
) -> Refund:
    if receipt.fate is Fate.RETURNED or debit is None:
        debit = rules.owing_account(receipt.fate, receipt.currency)
    return Refund(
        refund_id=refund_id,
        payment_id=payment.payment_id,
        purchase_id=payment.purchase_id,
        provider=receipt.provider,
        provider_ref=receipt.provider_ref,
        amount_minor=amount_minor,
        currency=receipt.currency,
        reason=reason,
        debit_account=debit,
        status=RefundStatus.REQUESTED,
    )


def _transfer(refund: Refund, now: datetime) -> Transfer | None:
    """Return what a refund changes in the books: nothing until it is sent, or without books."""
    if refund.status is not RefundStatus.SUCCEEDED or not rules.has_books(refund.currency):
        return None
    return Transfer(
        id=derive(refund.refund_id, "sent"),
        debit=refund.debit_account,
        credit=rules.clearing_account(refund.provider, refund.currency),
        amount=Money(refund.amount_minor, refund.currency),
        reason=f"refund: {refund.reason}",
        effective_at=now,
    )


async def _record(tx: Transaction, refund: Refund, event: Event, now: datetime) -> None:
    stream = f"payment:{refund.payment_id}"
    await trail.record(tx, Fact(event=event, stream=stream, at=now, by="system:payments"))
