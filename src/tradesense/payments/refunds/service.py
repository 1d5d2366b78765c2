"""The verbs of refunds: money back to the buyer, never more than was received."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from tradesense import trail
from tradesense.infra.db import Transaction
from tradesense.kernel.events import Event
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.payments import model, rules
from tradesense.payments.model import (
    DisputeStatus,
    Fate,
    Payment,
    Receipt,
    Refund,
    RefundStatus,
)
from tradesense.payments.refusals import (
    NothingReceived,
    OverRefund,
    PaymentDisputed,
    RefundDiffers,
    UnknownPayment,
    UnknownRefund,
)
from tradesense.payments.store import asides, disputes, refunds
from tradesense.payments.store import payments as store
from tradesense.trail.model import Fact

BY = "system:payments"


async def request_refund(
    tx: Transaction,
    *,
    payment_id: UUID,
    refund_id: UUID,
    amount: Money | None,
    reason: str,
    now: datetime,
    debit: str | None = None,
    by: str = BY,
) -> Refund:
    """
    Decide to send `amount` (None: the rest) of an honoured payment back.

    `payments.jobs` tells the provider. `debit` is the book account the money is taken from once
    it has left (default: revenue if it was earned, else what is owed). A second time returns the
    refund as it stands. Raises UnknownPayment, NothingReceived, PaymentDisputed, OverRefund or
    RefundDiffers.
    """
    payment = await store.lock_payment(tx, payment_id)
    if payment is None:
        raise UnknownPayment(f"no payment {payment_id}")
    receipt = await store.find_honoured(tx, payment_id)
    if receipt is None:
        raise NothingReceived(
            f"payment {payment_id} is {payment.status.value}: it has no money that could go back"
        )
    known = await refunds.find_refund(tx, refund_id)
    if amount is None:
        left = await refundable(tx, payment, receipt)
        amount_minor = known.amount_minor if known is not None else left
    else:
        amount_minor = amount.minor
        if amount.currency != receipt.currency:
            raise OverRefund(f"the payment was made in {receipt.currency}; refund it in that")
    refund = new_refund(
        payment,
        receipt,
        refund_id=refund_id,
        amount_minor=amount_minor,
        reason=reason,
        debit=debit,
        by=by,
    )
    return await _request(tx, payment, refund, receipt, now)


async def request_rest(
    tx: Transaction, payment: Payment, *, reason: str, debit: str | None, now: datetime
) -> None:
    """Send back what is left of an honoured payment, if anything; it is held by `tx`."""
    receipt = await store.find_honoured(tx, payment.payment_id)
    if receipt is None:
        raise NothingReceived(f"payment {payment.payment_id} has received nothing")
    refunded = await refunds.refunded_minor(tx, receipt.provider, receipt.provider_ref)
    rest = await refundable(tx, payment, receipt)
    if rest:
        refund_id = derive(payment.payment_id, "refund", "rest", refunded)
        refund = new_refund(
            payment, receipt, refund_id=refund_id, amount_minor=rest, reason=reason, debit=debit
        )
        await add(tx, refund, now)


async def request_return(
    tx: Transaction, payment: Payment, receipt: Receipt, *, now: datetime
) -> None:
    """Send back a receipt that is not honoured, in full."""
    refund_id = derive(payment.payment_id, "return", receipt.provider, receipt.provider_ref)
    refund = new_refund(
        payment,
        receipt,
        refund_id=refund_id,
        amount_minor=receipt.amount_minor,
        reason=receipt.reason,
    )
    await add(tx, refund, now)


async def send_again(tx: Transaction, *, refund_id: UUID, by: str, now: datetime) -> Refund:
    """
    Ask once more for a refund that has failed, as a new one of the same content.

    A second time returns the new one as it stands. Raises UnknownRefund, or RefundDiffers if the
    refund has not failed.
    """
    failed = await refunds.find_refund(tx, refund_id)
    if failed is None:
        raise UnknownRefund(f"no refund {refund_id}")
    payment = await store.lock_payment(tx, failed.payment_id)
    receipt = await store.find_receipt(tx, failed.provider, failed.provider_ref)
    if failed.status is not RefundStatus.FAILED or payment is None or receipt is None:
        raise RefundDiffers(
            f"refund {refund_id} is {failed.status.value}; only a failed one is sent again"
        )
    again = replace(
        failed,
        refund_id=derive(refund_id, "again"),
        status=RefundStatus.REQUESTED,
        is_ours=True,
        asked_by=by,
        refund_ref=None,
        transfer_id=None,
        trouble=None,
    )
    return await _request(tx, payment, again, receipt, now)


async def _request(
    tx: Transaction, payment: Payment, refund: Refund, receipt: Receipt, now: datetime
) -> Refund:
    known = await refunds.find_refund(tx, refund.refund_id)
    if known is not None:
        if (known.payment_id, known.amount_minor) != (refund.payment_id, refund.amount_minor):
            raise RefundDiffers(f"refund {refund.refund_id} is another one already")
        return known
    own = [
        each
        for each in await disputes.list_disputes(tx, payment.payment_id)
        if each.payment_ref == receipt.provider_ref and each.status is not DisputeStatus.WON
    ]
    if own:
        raise PaymentDisputed(
            f"dispute {own[0].ref} of this payment is {own[0].status.value}: the bank takes "
            "the money back itself; wait for its end, or accept it at the provider"
        )
    left = await refundable(tx, payment, receipt)
    if refund.amount_minor <= 0:
        raise OverRefund(
            f"a refund is a positive amount; {left} {receipt.currency} (minor units) can go back"
        )
    if refund.amount_minor > left:
        aside = await asides.set_aside_minor(tx, payment.payment_id)
        gone = f"; {aside} went back another way" if aside else ""
        raise OverRefund(
            f"{refund.amount_minor} asked back, but of {receipt.amount_minor} received only "
            f"{left} can still go back (minor units of {receipt.currency}){gone}"
        )
    return await add(tx, refund, now)


async def add(tx: Transaction, refund: Refund, now: datetime) -> Refund:
    """Keep a refund that is due, unless it is kept already."""
    if await refunds.find_refund(tx, refund.refund_id) is not None:
        return refund
    await refunds.add_refund(tx, refund, now=now)
    event = model.RefundRequested(
        refund_id=refund.refund_id,
        payment_id=refund.payment_id,
        purchase_id=refund.purchase_id,
        amount_minor=refund.amount_minor,
        currency=refund.currency,
        reason=refund.reason,
    )
    await record(tx, refund, event, now)
    return refund


async def refundable(tx: Transaction, payment: Payment, receipt: Receipt) -> int:
    """
    Return how much of a receipt may still go back, in minor units.

    That is what has not gone back, is not on its way, not disputed and not set aside. The
    payment is held by `tx`.
    """
    refunded = await refunds.refunded_minor(tx, receipt.provider, receipt.provider_ref)
    aside = await asides.set_aside_minor(tx, payment.payment_id)
    disputed = sum(
        each.amount_minor
        for each in await disputes.list_disputes(tx, payment.payment_id)
        if each.payment_ref == receipt.provider_ref and each.status is not DisputeStatus.WON
    )
    return max(0, receipt.amount_minor - refunded - aside - disputed)


def new_refund(
    payment: Payment,
    receipt: Receipt,
    *,
    refund_id: UUID,
    amount_minor: int,
    reason: str,
    debit: str | None = None,
    by: str = BY,
) -> Refund:
    """Return a refund of `receipt` as it is asked for."""
    if receipt.fate is Fate.RETURNED:
        debit = rules.owing_account(receipt.fate, receipt.currency)
    elif debit is None:
        debit = rules.spent_account(is_earned=payment.is_earned, currency=receipt.currency)
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
        asked_by=by,
    )


async def record(tx: Transaction, refund: Refund, event: Event, now: datetime) -> None:
    """Put a fact about a refund on its payment's stream."""
    stream = f"payment:{refund.payment_id}"
    await trail.record(tx, Fact(event=event, stream=stream, at=now, by="system:payments"))
