"""What becomes of a purchase. Pure: no I/O, no clock, no chance."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from tradesense.kernel.events import Event
from tradesense.kernel.money import Money
from tradesense.purchases.model import (
    Purchase,
    PurchaseActivated,
    PurchaseCancelled,
    PurchaseDelayed,
    PurchaseDisputed,
    PurchaseFailed,
    PurchaseOverpaid,
    PurchasePaid,
    PurchasePartlyRefunded,
    PurchaseRefunded,
    PurchaseReinstated,
    PurchaseRevoked,
    PurchaseStatus,
)
from tradesense.sagas.model import DEADLINE_PASSED

MISMATCHED = "purchases.payment_mismatched"
PAYMENT_FAILED = "purchases.payment_failed"

# What the saga waits for, by name; each name is said once.
PAYMENT, MONEY_RETURNED = "payment", "money-returned"


class Act(StrEnum):
    """What becomes of a challenge whose price is in question."""

    SUSPEND = "suspended"
    REINSTATE = "reinstated"
    REFUND = "refunded"
    CHARGE_BACK = "charged_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """
    What a fact about the payment means: how the purchase stands, and what its saga hears.

    `act` is what becomes of its challenge, if that changes.
    """

    purchase: Purchase
    event: Event | None = None
    signals: tuple[tuple[str, str], ...] = ()
    act: Act | None = None


def is_price(price: Money, *, amount_minor: int | None, currency: str | None) -> bool:
    """Return whether what a buyer expects to pay, as far as said, is the price."""
    return amount_minor in {None, price.minor} and currency in {None, price.currency}


def hear(purchase: Purchase, kind: str, data: Mapping[str, object]) -> Told:
    """Return what a fact of `kind` about the payment, and its `data`, mean for its purchase."""
    if kind in _MEANINGS:
        return _MEANINGS[kind](purchase)
    match kind:
        case "PaymentRefunded" | "DisputeLost":
            return _gone(purchase, kind, data)
        case "PaymentReturned":
            return Told(purchase=purchase, event=_overpaid(purchase, data))
        case _:
            raise ValueError(f"{kind} says nothing about a purchase")


def activated(purchase: Purchase) -> Told:
    """Return the purchase with its challenge started."""
    return Told(
        purchase=replace(purchase, status=PurchaseStatus.ACTIVE),
        event=PurchaseActivated(purchase_id=purchase.id, challenge_id=purchase.challenge_id),
    )


def given_up(purchase: Purchase, reason: str) -> Purchase:
    """Return the purchase as it waits for its money to be back; the first reason stays."""
    return replace(purchase, reason=purchase.reason or reason)


def money_is_back(purchase: Purchase) -> Told:
    """Return a purchase that was given up, with all its money back."""
    if purchase.reason is None or purchase.status is PurchaseStatus.REFUNDED:
        return Told(purchase=purchase)
    return Told(
        purchase=replace(purchase, status=PurchaseStatus.REFUNDED),
        event=PurchaseRefunded(
            purchase_id=purchase.id, user_id=purchase.user_id, reason=purchase.reason
        ),
    )


def _paid(purchase: Purchase) -> Told:
    signals = ((PAYMENT, "succeeded"),)
    if purchase.status is not PurchaseStatus.AWAITING_PAYMENT:
        return Told(purchase=purchase, signals=signals)
    return Told(
        purchase=replace(purchase, status=PurchaseStatus.PAID),
        event=PurchasePaid(purchase_id=purchase.id),
        signals=signals,
    )


def _mismatched(purchase: Purchase) -> Told:
    given_up = replace(purchase, reason=purchase.reason or MISMATCHED)
    return Told(purchase=given_up, signals=((PAYMENT, "mismatched"),))


def _delayed(purchase: Purchase) -> Told:
    event = PurchaseDelayed(purchase_id=purchase.id, user_id=purchase.user_id)
    return Told(purchase=purchase, event=event)


def _failed(purchase: Purchase) -> Told:
    reason = purchase.reason or PAYMENT_FAILED
    return Told(
        purchase=replace(purchase, status=PurchaseStatus.FAILED, reason=reason),
        event=PurchaseFailed(purchase_id=purchase.id, user_id=purchase.user_id, reason=reason),
        signals=((PAYMENT, "failed"), (MONEY_RETURNED, "nothing came")),
    )


def _cancelled(purchase: Purchase) -> Told:
    signals = ((MONEY_RETURNED, "nothing came"),)
    if purchase.status is not PurchaseStatus.AWAITING_PAYMENT:
        return Told(purchase=purchase, signals=signals)
    reason = purchase.reason or PAYMENT_FAILED
    user_id = purchase.user_id
    event: Event
    if reason == DEADLINE_PASSED:
        status = PurchaseStatus.CANCELLED
        event = PurchaseCancelled(purchase_id=purchase.id, user_id=user_id, reason=reason)
    else:
        status = PurchaseStatus.FAILED
        event = PurchaseFailed(purchase_id=purchase.id, user_id=user_id, reason=reason)
    ended = replace(purchase, status=status, reason=reason)
    return Told(purchase=ended, event=event, signals=signals)


def _gone(purchase: Purchase, kind: str, data: Mapping[str, object]) -> Told:
    """Take money that has gone: the end of what was given up, or of a challenge."""
    kept_minor = int(str(data["kept_minor"]))
    is_lost = kind == "DisputeLost"
    if purchase.status is PurchaseStatus.ACTIVE:
        if is_lost or kept_minor == 0:
            return _revoked(purchase, Act.CHARGE_BACK if is_lost else Act.REFUND)
        if kept_minor == purchase.price.minor:
            return Told(purchase=purchase)  # another receipt than the one we keep
        return Told(purchase=purchase, event=_partly_refunded(purchase, data))
    if kept_minor or purchase.status is PurchaseStatus.REVOKED:
        return Told(purchase=purchase)  # the rest follows, or all has been said
    told = money_is_back(purchase)
    return replace(told, signals=((MONEY_RETURNED, "refunded"),))


def _revoked(purchase: Purchase, act: Act) -> Told:
    return Told(
        purchase=replace(purchase, status=PurchaseStatus.REVOKED, reason=act.value),
        event=PurchaseRevoked(
            purchase_id=purchase.id,
            user_id=purchase.user_id,
            challenge_id=purchase.challenge_id,
            reason=act.value,
        ),
        act=act,
    )


def _disputed(purchase: Purchase) -> Told:
    if purchase.status is not PurchaseStatus.ACTIVE:
        return Told(purchase=purchase)
    event = PurchaseDisputed(
        purchase_id=purchase.id, user_id=purchase.user_id, challenge_id=purchase.challenge_id
    )
    return Told(purchase=purchase, event=event, act=Act.SUSPEND)


def _reinstated(purchase: Purchase) -> Told:
    if purchase.status is not PurchaseStatus.ACTIVE:
        return Told(purchase=purchase)
    event = PurchaseReinstated(
        purchase_id=purchase.id, user_id=purchase.user_id, challenge_id=purchase.challenge_id
    )
    return Told(purchase=purchase, event=event, act=Act.REINSTATE)


def _overpaid(purchase: Purchase, data: Mapping[str, object]) -> PurchaseOverpaid:
    return PurchaseOverpaid(
        purchase_id=purchase.id,
        user_id=purchase.user_id,
        amount_minor=int(str(data["amount_minor"])),
        currency=str(data["currency"]),
        reason=str(data["reason"]),
    )


def _partly_refunded(purchase: Purchase, data: Mapping[str, object]) -> PurchasePartlyRefunded:
    return PurchasePartlyRefunded(
        purchase_id=purchase.id,
        user_id=purchase.user_id,
        amount_minor=int(str(data["amount_minor"])),
        currency=str(data["currency"]),
    )


_MEANINGS: dict[str, Callable[[Purchase], Told]] = {
    "PaymentSucceeded": _paid,
    "PaymentMismatched": _mismatched,
    "PaymentFailed": _failed,
    "PaymentCancelled": _cancelled,
    "PaymentHeld": _delayed,
    "DisputeOpened": _disputed,
    "DisputeWon": _reinstated,
}
