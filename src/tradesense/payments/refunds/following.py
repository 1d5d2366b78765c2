"""What becomes of refunds at the provider: ours, and those made in its dashboard."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from tradesense import ledger
from tradesense.infra.db import Transaction
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.ledger.model import Transfer
from tradesense.payments import model, rules, standing
from tradesense.payments.model import Payment, ProviderRefund, Receipt, Refund, RefundStatus
from tradesense.payments.refunds.service import add, new_refund, record
from tradesense.payments.refusals import ForeignRefund, UnknownRefund
from tradesense.payments.store import payments as store
from tradesense.payments.store import refunds

AT_PROVIDER = "made at the provider"
TROUBLE_MAX = 300


async def record_refund(
    tx: Transaction, *, refund_id: UUID, seen: ProviderRefund, now: datetime
) -> Refund:
    """
    Apply the provider's present view of a refund: state, books and fact at once.

    A view seen before changes nothing. Raises UnknownRefund, or ForeignRefund if the provider
    sent back another amount or currency than it was asked to.
    """
    payment, refund = await _lock(tx, refund_id)
    after, transfers = await _apply(tx, payment, refund, seen, now)
    if transfers:
        await ledger.post(tx, *transfers, now=now)
    return after


async def note_refused(tx: Transaction, *, refund_id: UUID, reason: str, now: datetime) -> Refund:
    """Keep that a provider refuses a refund for good; a person must look at it."""
    _, refund = await _lock(tx, refund_id)
    if refund.status is not RefundStatus.REQUESTED:
        return refund
    return await _fail(tx, refund, reason, now)


async def note_seen(
    tx: Transaction,
    payment: Payment,
    receipt: Receipt,
    seen: Sequence[ProviderRefund],
    *,
    now: datetime,
) -> list[Transfer]:
    """
    Keep the refunds of a receipt as the provider shows them; return what the books lack.

    Those that we never asked for were made in the provider's dashboard: they are recorded and
    booked like ours. The payment is held by `tx`.
    """
    transfers: list[Transfer] = []
    for shown in seen:
        refund = await _find(tx, shown)
        if refund is None:
            if shown.status is RefundStatus.FAILED:
                continue  # neither ours nor money
            refund = replace(
                new_refund(
                    payment,
                    receipt,
                    refund_id=derive(payment.payment_id, "dashboard", shown.provider, shown.ref),
                    amount_minor=shown.amount_minor,
                    reason=AT_PROVIDER,
                    by=f"provider:{shown.provider}",
                ),
                is_ours=False,
                refund_ref=shown.ref,
            )
            await add(tx, refund, now)
        _, booked = await _apply(tx, payment, refund, shown, now)
        transfers += booked
    return transfers


async def _find(tx: Transaction, shown: ProviderRefund) -> Refund | None:
    if shown.refund_id is not None:
        known = await refunds.lock_refund(tx, shown.refund_id)
        if known is not None:
            return known
    return await refunds.find_refund_by_ref(tx, shown.provider, shown.ref)


async def _apply(
    tx: Transaction, payment: Payment, refund: Refund, seen: ProviderRefund, now: datetime
) -> tuple[Refund, list[Transfer]]:
    if (seen.amount_minor, seen.currency) != (refund.amount_minor, refund.currency) or (
        refund.is_ours and seen.refund_id != refund.refund_id
    ):
        raise ForeignRefund(f"{seen.provider} made {seen.ref} for refund {refund.refund_id}")
    if seen.status in {refund.status, RefundStatus.REQUESTED}:
        return refund, []
    reason = seen.reason or "the provider does not say why"
    if refund.status is RefundStatus.SUCCEEDED:
        return await _come_back(tx, payment, refund, reason, now)
    if refund.status is RefundStatus.FAILED:
        return refund, []
    if seen.status is RefundStatus.FAILED:
        return await _fail(tx, replace(refund, refund_ref=seen.ref), reason, now), []
    ended = replace(refund, status=RefundStatus.SUCCEEDED, refund_ref=seen.ref)
    transfer = _transfer(ended, now)
    ended = replace(ended, transfer_id=None if transfer is None else transfer.id)
    await refunds.end_refund(tx, ended)
    _, kept = await standing.restate(tx, payment)
    refunded = model.PaymentRefunded(
        refund_id=refund.refund_id,
        payment_id=refund.payment_id,
        purchase_id=refund.purchase_id,
        amount_minor=refund.amount_minor,
        currency=refund.currency,
        refund_ref=seen.ref,
        kept_minor=kept,
    )
    await record(tx, refund, refunded, now)
    return ended, [] if transfer is None else [transfer]


async def _come_back(
    tx: Transaction, payment: Payment, refund: Refund, reason: str, now: datetime
) -> tuple[Refund, list[Transfer]]:
    """Take a refund back that had been sent and has now come back: the buyer has no money yet."""
    transfer = _transfer(refund, now)
    reversal = None
    if transfer is not None:
        reversal = replace(
            transfer,
            id=derive(refund.refund_id, "came back"),
            debit=transfer.credit,
            credit=transfer.debit,
            reason=f"refund came back: {reason}"[:200],
            reverses=transfer.id,
        )
    failed = await _fail(
        tx, refund, reason, now, reversal_id=None if reversal is None else reversal.id
    )
    await standing.restate(tx, payment)
    return failed, [] if reversal is None else [reversal]


async def _fail(
    tx: Transaction,
    refund: Refund,
    reason: str,
    now: datetime,
    *,
    reversal_id: UUID | None = None,
) -> Refund:
    ended = replace(refund, status=RefundStatus.FAILED, trouble=reason[:TROUBLE_MAX])
    await refunds.end_refund(tx, ended, reversal_id=reversal_id)
    event = model.RefundFailed(refund.refund_id, refund.payment_id, refund.purchase_id, reason)
    await record(tx, refund, event, now)
    return ended


async def _lock(tx: Transaction, refund_id: UUID) -> tuple[Payment, Refund]:
    """Return a refund and its payment, both held: the payment first, as everywhere."""
    found = await refunds.find_refund(tx, refund_id)
    payment = None if found is None else await store.lock_payment(tx, found.payment_id)
    refund = await refunds.lock_refund(tx, refund_id)
    if payment is None or refund is None:
        raise UnknownRefund(f"no refund {refund_id}")
    return payment, refund


def _transfer(refund: Refund, now: datetime) -> Transfer | None:
    """Return what a sent refund changes in the books; nothing where there are none."""
    if not rules.has_books(refund.currency):
        return None
    return Transfer(
        id=derive(refund.refund_id, "sent"),
        debit=refund.debit_account,
        credit=rules.clearing_account(refund.provider, refund.currency),
        amount=Money(refund.amount_minor, refund.currency),
        reason=f"refund: {refund.reason}",
        effective_at=now,
    )
