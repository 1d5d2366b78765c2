"""
The nouns of purchases: what somebody ordered, and how it ended.

    AWAITING_PAYMENT ── paid ──▶ PAID ── challenge started ──▶ ACTIVE
           │                      │
           │ given up             │ given up (no challenge)
           ▼                      ▼
    CANCELLED | FAILED ────▶  REFUNDED      money that came is back, however late it came

    ACTIVE ── all the money went back, or the buyer's bank took it ──▶ REVOKED
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tradesense.kernel.events import Event
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.payments.model import Way

WAKE = "purchases"  # the channel on which the worker hears of new ones


class PurchaseStatus(StrEnum):
    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    ACTIVE = "active"
    REVOKED = "revoked"  # the challenge was taken back, as the money was
    REFUNDED = "refunded"
    CANCELLED = "cancelled"  # nobody paid in time
    FAILED = "failed"  # it could not be paid


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """One order of one plan at one price. `reason` says why it was given up, once it was."""

    id: UUID
    user_id: UUID
    plan: str
    price: Money
    status: PurchaseStatus
    opened_at: datetime
    reason: str | None = None
    way: Way = Way.DIRECT
    return_url: str = ""

    @property
    def payment_id(self) -> UUID:
        """The payment that this purchase asks for."""
        return derive(self.id, "payment")

    @property
    def challenge_id(self) -> UUID:
        """The challenge that this purchase starts, if it comes to that."""
        return derive(self.id, "challenge")


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseOpened(Event):
    purchase_id: UUID
    user_id: UUID
    plan: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchasePaid(Event):
    purchase_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseActivated(Event):
    """The challenge has started, and its price is earned."""

    purchase_id: UUID
    challenge_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseCancelled(Event):
    purchase_id: UUID
    user_id: UUID
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseFailed(Event):
    purchase_id: UUID
    user_id: UUID
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseRefunded(Event):
    """The purchase is over, and all that was paid is back."""

    purchase_id: UUID
    user_id: UUID
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseDelayed(Event):
    """No payment provider can be reached; the order is kept, and offered for payment later."""

    purchase_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseOverpaid(Event):
    """Money came twice, late, or not as ordered (`reason`); this much of it is sent back."""

    purchase_id: UUID
    user_id: UUID
    amount_minor: int
    currency: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchasePartlyRefunded(Event):
    """Some of the price went back to the buyer; the challenge goes on."""

    purchase_id: UUID
    user_id: UUID
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseDisputed(Event):
    """The buyer's bank wants the price back; the challenge is suspended until that is decided."""

    purchase_id: UUID
    user_id: UUID
    challenge_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseReinstated(Event):
    """The dispute was won; the challenge goes on."""

    purchase_id: UUID
    user_id: UUID
    challenge_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseRevoked(Event):
    """The challenge was taken back, because the money went back (`reason`)."""

    purchase_id: UUID
    user_id: UUID
    challenge_id: UUID
    reason: str
