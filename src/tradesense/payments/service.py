"""The verbs of payments. Each takes the caller's transaction and never commits it."""

from dataclasses import replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from tradesense import ledger, trail
from tradesense.infra.db import Transaction
from tradesense.kernel.events import Event
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.ledger.model import Transfer
from tradesense.payments import model, rules, standing
from tradesense.payments.attempts import service as attempting
from tradesense.payments.disputes import service as disputes
from tradesense.payments.model import (
    HONOURED,
    OPEN,
    AttemptStatus,
    Payment,
    PaymentStatus,
    ProviderPayment,
    Receipt,
    Way,
)
from tradesense.payments.refunds import following
from tradesense.payments.refunds import service as refunds
from tradesense.payments.refusals import (
    BadAmount,
    GoneBack,
    PaymentDiffers,
    PaymentEnded,
    UnknownPayment,
)
from tradesense.payments.store import attempts
from tradesense.payments.store import payments as store
from tradesense.payments.store import refunds as refund_store
from tradesense.trail.model import Fact

# Eight digits, the most that Stripe takes; a plan that costs more is a typing error.
AMOUNT_MAX_MINOR = 99_999_999


async def request(
    tx: Transaction,
    *,
    payment_id: UUID,
    purchase_id: UUID,
    amount: Money,
    now: datetime,
    way: Way = Way.DIRECT,
    return_url: str = "",
    payer: str = "",
    is_captured_later: bool = False,
) -> Payment:
    """
    Decide to ask the buyer for `amount`; a provider is told afterwards, between transactions.

    `payer` is what the buyer may be called, and stays off the trail. A second time returns the
    payment as it stands. Raises BadAmount or PaymentDiffers.
    """
    if not 0 < amount.minor <= AMOUNT_MAX_MINOR:
        raise BadAmount(f"a payment is a positive amount up to {AMOUNT_MAX_MINOR}, not {amount}")
    payment = Payment(
        payment_id=payment_id,
        purchase_id=purchase_id,
        amount=amount,
        status=PaymentStatus.REQUESTED,
        way=way,
        return_url=return_url,
        payer=payer,
        is_captured_later=is_captured_later,
    )
    if not await store.add_payment(tx, payment, now=now):
        known = await lock(tx, payment_id)
        if (known.purchase_id, known.amount) != (purchase_id, amount):
            raise PaymentDiffers(f"payment {payment_id} asks for {known.amount} already")
        return known
    event = model.PaymentRequested(payment_id, purchase_id, amount.minor, amount.currency)
    await _record(tx, payment, event, now)
    return payment


async def settle(
    tx: Transaction, *, payment_id: UUID, seen: ProviderPayment, now: datetime
) -> rules.Outcome:
    """
    Apply the provider's present view of a payment: state, receipt, books and facts at once.

    Never call it with what a webhook says; fetch first. A view seen before changes nothing.
    Raises UnknownPayment.
    """
    payment = await lock(tx, payment_id)
    receipt = await store.find_receipt(tx, seen.provider, seen.ref)
    outcome = rules.judge(payment, seen, is_receipt_known=receipt is not None)
    transfers: list[Transfer] = []
    match outcome:
        case rules.Unchanged():
            pass
        case rules.Declined(decline_id, reason):
            await _change(tx, payment, seen, last_decline=decline_id)
            event = model.PaymentDeclined(payment_id, payment.purchase_id, reason)
            await _record(tx, payment, event, now)
        case rules.Authorised():
            await store.save_status(tx, replace(payment, status=PaymentStatus.AUTHORISED))
            reserved = model.PaymentAuthorised(
                payment_id, payment.purchase_id, seen.provider, seen.ref
            )
            await _record(tx, payment, reserved, now)
        case rules.Withdrawn():
            await _withdrawn(tx, payment, seen, now)
        case rules.GivenUp(reason):
            await _change(tx, payment, seen, status=AttemptStatus.WITHDRAWN)
            await attempting.displace(tx, payment, but=seen.provider)
            await store.save_status(tx, replace(payment, status=PaymentStatus.FAILED))
            failed = model.PaymentFailed(payment_id, payment.purchase_id, reason)
            await _record(tx, payment, failed, now)
        case rules.Paid(receipt) | rules.Mismatched(receipt) | rules.Unwanted(receipt):
            transfers += await _receive(tx, payment, outcome, receipt, now)
        case _:
            assert_never(outcome)
    if receipt is not None and (seen.refunds or seen.disputes):
        transfers += await _follow(tx, payment_id, receipt, seen, now)
    if transfers:
        await ledger.post(tx, *transfers, now=now)
    return outcome


async def give_up(
    tx: Transaction, *, payment_id: UUID, reason: str, now: datetime, debit: str | None = None
) -> Payment:
    """
    Undo a payment, whatever became of it: withdraw the offers, or send the money back in full.

    The providers are told by `payments.jobs`, between transactions; PaymentCancelled or
    PaymentRefunded says when it is done. What was never offered, or has ended without money, is
    done at once. `debit` is the book account the money is taken from (default: where it is). A
    second time changes nothing. Raises UnknownPayment.
    """
    payment = await lock(tx, payment_id)
    if payment.status in OPEN and not payment.is_cancel_requested:
        left = await attempting.displace(tx, payment, but=None)
        payment = replace(payment, attempts=left)
        if not rules.is_live(left):
            return await _end(tx, payment, PaymentStatus.CANCELLED, now)
    if payment.status in OPEN or payment.status in HONOURED:
        payment = replace(payment, is_cancel_requested=True)
        await store.save_status(tx, payment)
    if payment.status in HONOURED:
        await refunds.request_rest(tx, payment, reason=reason, debit=debit, now=now)
    return payment


async def earn(tx: Transaction, *, payment_id: UUID) -> None:
    """
    Note that what was paid for is delivered in this transaction: the money is ours from now on.

    Raises UnknownPayment, or GoneBack if it has not come, or some of it has gone back since.
    """
    payment = await lock(tx, payment_id)
    if payment.is_earned:
        return
    receipt = await store.find_honoured(tx, payment_id)
    gone = receipt is None or await refund_store.refunded_minor(
        tx, receipt.provider, receipt.provider_ref
    )
    if gone or payment.status not in {PaymentStatus.SUCCEEDED, PaymentStatus.WON}:
        raise GoneBack(f"payment {payment_id} is {payment.status.value}, and not wholly ours")
    await store.save_status(tx, replace(payment, is_earned=True))


async def capture(tx: Transaction, *, payment_id: UUID) -> Payment:
    """
    Decide to take what is authorised; `payments.jobs` tells the provider. `give_up` releases it.

    A second time changes nothing. Raises UnknownPayment, or PaymentEnded if nothing is reserved.
    """
    payment = await lock(tx, payment_id)
    if payment.status in HONOURED:
        return payment
    if payment.status is not PaymentStatus.AUTHORISED or payment.offer is None:
        raise PaymentEnded(f"payment {payment_id} is {payment.status.value}; nothing is reserved")
    wanted = replace(payment, is_capture_requested=True)
    await store.save_status(tx, wanted)
    await attempts.save(tx, payment.offer, look_in_s=0)
    return wanted


async def lock(tx: Transaction, payment_id: UUID) -> Payment:
    """Return a payment, held until `tx` ends. Raises UnknownPayment."""
    payment = await store.lock_payment(tx, payment_id)
    if payment is None:
        raise UnknownPayment(f"no payment {payment_id}")
    return payment


async def _follow(
    tx: Transaction, payment_id: UUID, receipt: Receipt, seen: ProviderPayment, now: datetime
) -> list[Transfer]:
    """Keep what has become of money that came: what went back, and what is disputed."""
    payment = await lock(tx, payment_id)
    transfers = await following.note_seen(tx, payment, receipt, seen.refunds, now=now)
    transfers += await disputes.note_seen(tx, payment, receipt, seen.disputes, now=now)
    after, _ = await standing.restate(tx, payment)
    if payment.is_cancel_requested and after.status in HONOURED:
        # It was given up while it was disputed: what was won goes back now.
        await refunds.request_rest(tx, after, reason="given up", debit=None, now=now)
    return transfers


async def _change(
    tx: Transaction, payment: Payment, seen: ProviderPayment, **changes: object
) -> Payment:
    """Save the attempt that `seen` shows with `changes`; return the payment as it stands then."""
    attempt = payment.attempt_of(seen.provider, seen.ref)
    if attempt is None:
        return payment
    after = replace(attempt, ref=seen.ref, **changes)  # type: ignore[arg-type] # its own fields
    await attempts.save(tx, after, look_in_s=rules.POLL_SOON_S)
    left = tuple(after if each == attempt else each for each in payment.attempts)
    return replace(payment, attempts=left)


async def _withdrawn(
    tx: Transaction, payment: Payment, seen: ProviderPayment, now: datetime
) -> None:
    payment = await _change(tx, payment, seen, status=AttemptStatus.WITHDRAWN)
    is_over = payment.is_cancel_requested and not rules.is_live(payment.attempts)
    if payment.status in OPEN and is_over:
        await _end(tx, payment, PaymentStatus.CANCELLED, now)
    else:
        event = model.OfferWithdrawn(payment.payment_id, payment.purchase_id, seen.provider)
        await _record(tx, payment, event, now)


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
) -> list[Transfer]:
    transfer = _transfer(receipt, now)
    transfer_id = None if transfer is None else transfer.id
    await store.add_receipt(tx, receipt, transfer_id=transfer_id, now=now)
    is_unwanted = isinstance(outcome, rules.Unwanted)
    attempt = payment.attempt_of(receipt.provider, receipt.provider_ref)
    if attempt is not None:
        # What was paid although it is not wanted goes back: it is over as an offer.
        status = AttemptStatus.WITHDRAWN if is_unwanted else AttemptStatus.PAID
        over = replace(attempt, status=status, ref=receipt.provider_ref)
        await attempts.save(tx, over, look_in_s=0)
    if not is_unwanted:
        await attempting.displace(tx, payment, but=receipt.provider)
    status_now = rules.status_after(payment, outcome)
    if status_now is not payment.status:
        await store.save_status(tx, replace(payment, status=status_now))
    await _record(tx, payment, _received_event(payment, outcome, receipt), now)
    if not isinstance(outcome, rules.Paid):
        await refunds.request_return(tx, payment, receipt, now=now)
    return [] if transfer is None else [transfer]


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
