"""What becomes of a purchase. Pure: no I/O, no clock, no chance."""

from dataclasses import dataclass, replace

from tradesense.kernel.events import Event
from tradesense.kernel.money import Money
from tradesense.purchases.model import (
    Purchase,
    PurchaseActivated,
    PurchaseCancelled,
    PurchaseFailed,
    PurchasePaid,
    PurchaseRefunded,
    PurchaseStatus,
)
from tradesense.sagas.model import DEADLINE_PASSED

MISMATCHED = "purchases.payment_mismatched"
PAYMENT_FAILED = "purchases.payment_failed"

# What the saga waits for, by name; each name is said once.
PAYMENT, MONEY_RETURNED = "payment", "money-returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a fact about the payment means: how the purchase stands, and what its saga hears."""

    purchase: Purchase
    event: Event | None = None
    signals: tuple[tuple[str, str], ...] = ()


def is_price(price: Money, *, amount_minor: int | None, currency: str | None) -> bool:
    """Return whether what a buyer expects to pay, as far as said, is the price."""
    return amount_minor in {None, price.minor} and currency in {None, price.currency}


def hear(purchase: Purchase, kind: str) -> Told:
    """Return what a fact of `kind` on the payment's stream means for its purchase."""
    match kind:
        case "PaymentSucceeded":
            return _paid(purchase)
        case "PaymentMismatched":
            given_up = replace(purchase, reason=purchase.reason or MISMATCHED)
            return Told(purchase=given_up, signals=((PAYMENT, "mismatched"),))
        case "PaymentFailed":
            reason = purchase.reason or PAYMENT_FAILED
            failed = replace(purchase, status=PurchaseStatus.FAILED, reason=reason)
            return Told(
                purchase=failed,
                event=PurchaseFailed(purchase_id=purchase.id, reason=reason),
                signals=((PAYMENT, "failed"), (MONEY_RETURNED, "nothing came")),
            )
        case "PaymentCancelled":
            return _cancelled(purchase)
        case "PaymentRefunded":
            return _refunded(purchase)
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


def _paid(purchase: Purchase) -> Told:
    signals = ((PAYMENT, "succeeded"),)
    if purchase.status is not PurchaseStatus.AWAITING_PAYMENT:
        return Told(purchase=purchase, signals=signals)
    return Told(
        purchase=replace(purchase, status=PurchaseStatus.PAID),
        event=PurchasePaid(purchase_id=purchase.id),
        signals=signals,
    )


def _cancelled(purchase: Purchase) -> Told:
    signals = ((MONEY_RETURNED, "nothing came"),)
    if purchase.status is not PurchaseStatus.AWAITING_PAYMENT:
        return Told(purchase=purchase, signals=signals)
    reason = purchase.reason or PAYMENT_FAILED
    event: Event
    if reason == DEADLINE_PASSED:
        status = PurchaseStatus.CANCELLED
        event = PurchaseCancelled(purchase_id=purchase.id, reason=reason)
    else:
        status = PurchaseStatus.FAILED
        event = PurchaseFailed(purchase_id=purchase.id, reason=reason)
    ended = replace(purchase, status=status, reason=reason)
    return Told(purchase=ended, event=event, signals=signals)


def _refunded(purchase: Purchase) -> Told:
    """Take it as the end of a purchase that was given up; else somebody paid twice."""
    if purchase.reason is None or purchase.status is PurchaseStatus.REFUNDED:
        return Told(purchase=purchase)
    return Told(
        purchase=replace(purchase, status=PurchaseStatus.REFUNDED),
        event=PurchaseRefunded(purchase_id=purchase.id, reason=purchase.reason),
        signals=((MONEY_RETURNED, "refunded"),),
    )
