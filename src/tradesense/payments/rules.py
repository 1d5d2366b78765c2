"""What a provider's view of a payment means for it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from tradesense.kernel.money import MINOR_DIGITS
from tradesense.payments.model import (
    HONOURED,
    OPEN,
    Attempt,
    AttemptStatus,
    Dispute,
    DisputeStatus,
    Fate,
    Payment,
    PaymentStatus,
    ProviderPayment,
    ProviderStatus,
    Receipt,
)

# A lost webhook delays a buyer who pays in the first minute by this much; afterwards, for up to
# days in which nobody may pay, we ask seldom; yet often enough that a payment which nothing is
# heard of ends within 60 s, also when one look at it hangs.
POLL_SOON_S = 5
POLLS_SOON = 12
POLL_LATER_S = 20
WISH_PAUSE_S = 5.0  # between two tries to grant a buyer another way to pay


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Nothing new."""


@dataclass(frozen=True, slots=True)
class Declined:
    """A try was refused; the buyer may try again."""

    decline_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Paid:
    """The money that was asked for has come."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Mismatched:
    """Money has come, but another amount or currency than asked for."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Unwanted:
    """Money has come for a payment that no longer takes any: late, or a second time."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Nobody can pay any more, as we asked."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The provider gave the payment up by itself."""

    reason: str


@dataclass(frozen=True, slots=True)
class Authorised:
    """The money is reserved; it is ours once we capture it."""


Outcome = Unchanged | Declined | Paid | Mismatched | Unwanted | Withdrawn | GivenUp | Authorised


def judge(payment: Payment, seen: ProviderPayment, *, is_receipt_known: bool) -> Outcome:
    """
    Return what the provider's present view changes.

    Only the present counts, so webhooks may come late, twice or in any order. Money is looked at
    first: whatever the payment's state, what was taken is either honoured or sent back.
    """
    if seen.status is ProviderStatus.SUCCEEDED and seen.received_minor > 0:
        return Unchanged() if is_receipt_known else _received(payment, seen)
    attempt = payment.attempt_of(seen.provider, seen.ref)
    if attempt is None or attempt.status not in _LIVE:
        return Unchanged()
    is_current = attempt.status is AttemptStatus.OFFERED and not payment.is_cancel_requested
    if seen.status is ProviderStatus.CANCELLED:
        return GivenUp("cancelled by the provider") if is_current else Withdrawn()
    return _tried(payment, attempt, seen) if is_current else Unchanged()


def _tried(payment: Payment, attempt: Attempt, seen: ProviderPayment) -> Outcome:
    if seen.status is ProviderStatus.OPEN and seen.decline_id not in {None, attempt.last_decline}:
        return Declined(str(seen.decline_id), seen.decline_reason or "declined")
    if seen.status is ProviderStatus.AUTHORISED and payment.status is PaymentStatus.OFFERED:
        return Authorised()
    return Unchanged()


_LIVE = frozenset({AttemptStatus.OFFERED, AttemptStatus.WITHDRAWING, AttemptStatus.UNKNOWN})


def _received(payment: Payment, seen: ProviderPayment) -> Outcome:
    attempt = payment.attempt_of(seen.provider, seen.ref)
    if payment.status in HONOURED or attempt is None:
        return Unwanted(_receipt(payment, seen, Fate.RETURNED, "paid twice"))
    if payment.status not in OPEN or payment.is_cancel_requested:
        return Unwanted(_receipt(payment, seen, Fate.RETURNED, "paid too late"))
    if (seen.received_minor, seen.currency) != (payment.amount.minor, payment.amount.currency):
        receipt = _receipt(payment, seen, Fate.RETURNED, "not what the order says")
        is_current = attempt.status is AttemptStatus.OFFERED
        return Mismatched(receipt) if is_current else Unwanted(receipt)
    return Paid(_receipt(payment, seen, Fate.HONOURED, "as ordered"))


def _receipt(payment: Payment, seen: ProviderPayment, fate: Fate, reason: str) -> Receipt:
    return Receipt(
        provider=seen.provider,
        provider_ref=seen.ref,
        payment_id=payment.payment_id,
        amount_minor=seen.received_minor,
        currency=seen.currency,
        fate=fate,
        reason=reason,
    )


def status_after(payment: Payment, outcome: Paid | Mismatched | Unwanted) -> PaymentStatus:
    """Return the state of a payment for which money has come."""
    match outcome:
        case Paid():
            return PaymentStatus.SUCCEEDED
        case Mismatched():
            return PaymentStatus.MISMATCHED
        case Unwanted(receipt):
            # Its last offer was paid while we withdrew it: nothing more can come of it.
            others = [each for each in payment.attempts if each.provider != receipt.provider]
            ends = payment.is_cancel_requested and payment.status in OPEN and not is_live(others)
            return PaymentStatus.CANCELLED if ends else payment.status


def is_live(attempts: Sequence[Attempt]) -> bool:
    """Whether the buyer was shown any of these offers and may still pay it."""
    return any(
        each.status in {AttemptStatus.OFFERED, AttemptStatus.WITHDRAWING} for each in attempts
    )


def standing(
    received_minor: int, *, refunded_minor: int, disputes: Sequence[Dispute]
) -> PaymentStatus:
    """Return the state of an honoured payment by what has gone back or is disputed."""
    states = {dispute.status for dispute in disputes}
    for state, status in (
        (DisputeStatus.LOST, PaymentStatus.LOST),
        (DisputeStatus.OPEN, PaymentStatus.DISPUTED),
    ):
        if state in states:
            return status
    if refunded_minor >= received_minor:
        return PaymentStatus.REFUNDED
    if refunded_minor:
        return PaymentStatus.PARTIALLY_REFUNDED
    return PaymentStatus.WON if states else PaymentStatus.SUCCEEDED


def kept_minor(received_minor: int, *, refunded_minor: int, disputes: Sequence[Dispute]) -> int:
    """Return what is still with us of an honoured payment, disputed parts counted as ours."""
    lost = sum(each.amount_minor for each in disputes if each.status is DisputeStatus.LOST)
    return max(0, received_minor - refunded_minor - lost)


def clearing_account(provider: str, currency: str) -> str:
    """Return the book account of money that a provider has taken and not yet paid out."""
    return f"clearing:{provider}:{currency}"


def owing_account(fate: Fate, currency: str) -> str:
    """Return the book account that says to whom received money belongs until it is earned."""
    match fate:
        case Fate.HONOURED:
            return f"deferred-revenue:{currency}"
        case Fate.RETURNED:
            return f"unapplied:{currency}"


def spent_account(*, is_earned: bool, currency: str, by_force: bool = False) -> str:
    """
    Return the book account that bears money which goes back.

    What was not earned yet is owed; what was earned comes out of revenue, shown apart from it:
    as a refund, or as a chargeback if the buyer's bank took it (`by_force`).
    """
    if not is_earned:
        return owing_account(Fate.HONOURED, currency)
    return f"chargebacks:{currency}" if by_force else f"refunds:{currency}"


def has_books(currency: str) -> bool:
    """Whether the ledger keeps this currency; money in any other only goes back where it was."""
    return currency in MINOR_DIGITS


def refundable_minor(receipt: Receipt, refunded_minor: int) -> int:
    """Return how much of a receipt has not been sent back yet."""
    return receipt.amount_minor - refunded_minor
