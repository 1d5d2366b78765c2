"""The verbs of payments. Each takes the caller's transaction and never commits it."""

from dataclasses import replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from tradesense import ledger, trail
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import Conflict, Invalid, InvariantBroken, NotFound
from tradesense.kernel.events import Event
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.ledger.model import Transfer
from tradesense.payments import model, refunds, rules, store
from tradesense.payments.model import Payment, PaymentStatus, ProviderPayment, Receipt
from tradesense.trail.model import Fact


class UnknownPayment(NotFound):
    """No payment has this id."""

    code = "payments.unknown_payment"


class BadAmount(Invalid):
    """Nobody can be asked for nothing, or for less."""

    code = "payments.bad_amount"


class PaymentDiffers(Conflict):
    """The id names another payment already; an id is said again only with the same content."""

    code = "payments.payment_differs"


class ForeignIntent(InvariantBroken):
    """A provider offers something else than we asked it to."""

    code = "payments.foreign_intent"


async def request(
    tx: Transaction,
    *,
    payment_id: UUID,
    purchase_id: UUID,
    amount: Money,
    now: datetime,
    provider: str = "stripe",
) -> Payment:
    """
    Decide to ask the buyer for `amount`; the provider is told afterwards, between transactions.

    A second time returns the payment as it stands. Raises BadAmount or PaymentDiffers.
    """
    if amount.minor <= 0:
        raise BadAmount(f"a payment is a positive amount, not {amount}")
    payment = Payment(
        payment_id=payment_id,
        purchase_id=purchase_id,
        amount=amount,
        provider=provider,
        status=PaymentStatus.REQUESTED,
    )
    if not await store.add_payment(tx, payment, now=now):
        known = await lock(tx, payment_id)
        if (known.purchase_id, known.amount) != (purchase_id, amount):
            raise PaymentDiffers(f"payment {payment_id} asks for {known.amount} already")
        return known
    event = model.PaymentRequested(payment_id, purchase_id, amount.minor, amount.currency, provider)
    await _record(tx, payment, event, now)
    return payment


async def record_offer(
    tx: Transaction, *, payment_id: UUID, seen: ProviderPayment, now: datetime
) -> Payment:
    """
    Keep what `Provider.create_intent` returned: from now on the buyer can pay.

    A second time changes nothing. Raises UnknownPayment, or ForeignIntent if the provider
    answered with another payment, amount or currency than it was asked for.
    """
    payment = await lock(tx, payment_id)
    asked = (payment_id, payment.amount.minor, payment.amount.currency)
    if (seen.payment_id, seen.amount_minor, seen.currency) != asked:
        raise ForeignIntent(f"{seen.provider} offers {seen.ref} for payment {payment_id}")
    if payment.status is not PaymentStatus.REQUESTED:
        return payment
    offered = replace(
        payment,
        status=PaymentStatus.OFFERED,
        provider_ref=seen.ref,
        client_secret=seen.client_secret,
        pay_url=seen.pay_url,
    )
    await store.save_offer(tx, offered, poll_in_s=rules.POLL_SOON_S)
    event = model.PaymentOffered(payment_id, payment.purchase_id, seen.provider, seen.ref)
    await _record(tx, offered, event, now)
    return offered


async def settle(
    tx: Transaction, *, payment_id: UUID, seen: ProviderPayment, now: datetime
) -> rules.Outcome:
    """
    Apply the provider's present view of a payment: state, receipt, books and facts at once.

    Never call it with what a webhook says; fetch first. A view seen before changes nothing.
    Raises UnknownPayment.
    """
    payment = await lock(tx, payment_id)
    known = await store.find_receipt(tx, seen.provider, seen.ref)
    outcome = rules.judge(payment, seen, is_receipt_known=known is not None)
    match outcome:
        case rules.Unchanged():
            pass
        case rules.Declined(decline_id, reason):
            await store.save_status(tx, replace(payment, last_decline=decline_id))
            event = model.PaymentDeclined(payment_id, payment.purchase_id, reason)
            await _record(tx, payment, event, now)
        case rules.Withdrawn():
            await _end(tx, payment, PaymentStatus.CANCELLED, now)
        case rules.GivenUp(reason):
            await store.save_status(tx, replace(payment, status=PaymentStatus.FAILED))
            failed = model.PaymentFailed(payment_id, payment.purchase_id, reason)
            await _record(tx, payment, failed, now)
        case rules.Paid(receipt) | rules.Mismatched(receipt) | rules.Unwanted(receipt):
            await _receive(tx, payment, outcome, receipt, now)
        case _:
            assert_never(outcome)
    return outcome


async def give_up(
    tx: Transaction, *, payment_id: UUID, reason: str, now: datetime, debit: str | None = None
) -> Payment:
    """
    Undo a payment, whatever became of it: withdraw the offer, or send the money back in full.

    The provider is told by `payments.jobs`, between transactions; PaymentCancelled or
    PaymentRefunded says when it is done. What was never offered, or has ended without money, is
    done at once. `debit` is the book account the money is taken from (default: where `settle`
    put it). A second time changes nothing. Raises UnknownPayment.
    """
    payment = await lock(tx, payment_id)
    match payment.status:
        case PaymentStatus.REQUESTED:
            return await _end(tx, payment, PaymentStatus.CANCELLED, now)
        case PaymentStatus.OFFERED:
            payment = replace(payment, is_cancel_requested=True)
            await store.save_status(tx, payment)
        case PaymentStatus.SUCCEEDED:
            await refunds.request_rest(tx, payment, reason=reason, debit=debit, now=now)
        case PaymentStatus.MISMATCHED | PaymentStatus.FAILED | PaymentStatus.CANCELLED:
            pass  # nothing was kept
        case _:
            assert_never(payment.status)
    return payment


async def lock(tx: Transaction, payment_id: UUID) -> Payment:
    """Return a payment, held until `tx` ends. Raises UnknownPayment."""
    payment = await store.lock_payment(tx, payment_id)
    if payment is None:
        raise UnknownPayment(f"no payment {payment_id}")
    return payment


async def _end(tx: Transaction, payment: Payment, status: PaymentStatus, now: datetime) -> Payment:
    ended = replace(payment, status=status)
    await store.save_status(tx, ended)
    event = model.PaymentCancelled(payment.payment_id, payment.purchase_id)
    await _record(tx, payment, event, now)
    return ended


async def _receive(
    tx: Transaction,
    payment: Payment,
    outcome: rules.Paid | rules.Mismatched | rules.Unwanted,
    receipt: Receipt,
    now: datetime,
) -> None:
    transfer = _transfer(receipt, now)
    transfer_id = None if transfer is None else transfer.id
    await store.add_receipt(tx, receipt, transfer_id=transfer_id, now=now)
    status = rules.status_after(payment, outcome)
    if status is not payment.status:
        await store.save_status(tx, replace(payment, status=status))
    await _record(tx, payment, _received_event(payment, outcome, receipt), now)
    if not isinstance(outcome, rules.Paid):
        await refunds.request_return(tx, payment, receipt, now=now)
    if transfer is not None:
        await ledger.post(tx, transfer, now=now)


def _received_event(
    payment: Payment, outcome: rules.Paid | rules.Mismatched | rules.Unwanted, receipt: Receipt
) -> Event:
    match outcome:
        case rules.Paid():
            return model.PaymentSucceeded(
                payment_id=payment.payment_id,
                purchase_id=payment.purchase_id,
                amount_minor=receipt.amount_minor,
                currency=receipt.currency,
                provider=receipt.provider,
                provider_ref=receipt.provider_ref,
            )
        case rules.Mismatched():
            return model.PaymentMismatched(
                payment_id=payment.payment_id,
                purchase_id=payment.purchase_id,
                expected_minor=payment.amount.minor,
                expected_currency=payment.amount.currency,
                received_minor=receipt.amount_minor,
                received_currency=receipt.currency,
                provider_ref=receipt.provider_ref,
            )
        case rules.Unwanted():
            return model.PaymentReturned(
                payment_id=payment.payment_id,
                purchase_id=payment.purchase_id,
                amount_minor=receipt.amount_minor,
                currency=receipt.currency,
                provider_ref=receipt.provider_ref,
                reason=receipt.reason,
            )


def _transfer(receipt: Receipt, now: datetime) -> Transfer | None:
    if not rules.has_books(receipt.currency):
        return None
    return Transfer(
        id=derive(receipt.payment_id, "received", receipt.provider, receipt.provider_ref),
        debit=rules.clearing_account(receipt.provider, receipt.currency),
        credit=rules.owing_account(receipt.fate, receipt.currency),
        amount=Money(receipt.amount_minor, receipt.currency),
        reason="payment received",
        effective_at=now,
    )


async def _record(tx: Transaction, payment: Payment, event: Event, now: datetime) -> None:
    stream = f"payment:{payment.payment_id}"
    await trail.record(tx, Fact(event=event, stream=stream, at=now, by="system:payments"))
