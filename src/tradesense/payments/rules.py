"""What a provider's view of a payment means for it. Pure."""

from dataclasses import dataclass

from tradesense.kernel.money import MINOR_DIGITS
from tradesense.payments.model import (
    OPEN,
    Fate,
    Payment,
    PaymentStatus,
    ProviderPayment,
    ProviderStatus,
    Receipt,
)

# A lost webhook delays a buyer who pays in the first minute by this much; afterwards, for up to
# a day in which nobody may pay, we ask seldom.
POLL_SOON_S = 5
POLLS_SOON = 12
POLL_LATER_S = 30


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


Outcome = Unchanged | Declined | Paid | Mismatched | Unwanted | Withdrawn | GivenUp


def judge(payment: Payment, seen: ProviderPayment, *, is_receipt_known: bool) -> Outcome:
    """
    Return what the provider's present view changes.

    Only the present counts, so webhooks may come late, twice or in any order. Money is looked at
    first: whatever the payment's state, what was taken is either honoured or sent back.
    """
    if seen.status is ProviderStatus.SUCCEEDED and seen.received_minor > 0:
        return Unchanged() if is_receipt_known else _received(payment, seen)
    if payment.status not in OPEN or seen.ref != payment.provider_ref:
        return Unchanged()
    if seen.status is ProviderStatus.CANCELLED:
        return Withdrawn() if payment.is_cancel_requested else GivenUp("cancelled by the provider")
    if seen.status is ProviderStatus.OPEN and seen.decline_id not in {None, payment.last_decline}:
        return Declined(str(seen.decline_id), seen.decline_reason or "declined")
    return Unchanged()


def _received(payment: Payment, seen: ProviderPayment) -> Outcome:
    if payment.status is PaymentStatus.SUCCEEDED or (
        payment.provider_ref is not None and seen.ref != payment.provider_ref
    ):
        return Unwanted(_receipt(payment, seen, Fate.RETURNED, "paid twice"))
    if payment.status not in OPEN or payment.is_cancel_requested:
        return Unwanted(_receipt(payment, seen, Fate.RETURNED, "paid too late"))
    if (seen.received_minor, seen.currency) != (payment.amount.minor, payment.amount.currency):
        return Mismatched(_receipt(payment, seen, Fate.RETURNED, "not what the order says"))
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
            # Its own offer was paid while we withdrew it: nothing more can come of it.
            ends = payment.status in OPEN and receipt.provider_ref == payment.provider_ref
            return PaymentStatus.CANCELLED if ends else payment.status


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


def has_books(currency: str) -> bool:
    """Whether the ledger keeps this currency; money in any other only goes back where it was."""
    return currency in MINOR_DIGITS


def refundable_minor(receipt: Receipt, refunded_minor: int) -> int:
    """Return how much of a receipt has not been sent back yet."""
    return receipt.amount_minor - refunded_minor
