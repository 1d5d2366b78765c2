"""
The nouns of payments: what was asked for, what was received, what goes back.

    requested -> offered -> succeeded
                         -> mismatched   money came, but not what the order says: sent back
                         -> failed       the provider gave the payment up
                         -> cancelled    we gave it up; money that still comes is sent back

Money that a provider took under one reference is a *receipt*: honoured, once per payment, or
returned by a refund. Nothing received is ever kept silently.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tradesense.kernel.money import Money


class PaymentStatus(StrEnum):
    REQUESTED = "requested"
    OFFERED = "offered"
    SUCCEEDED = "succeeded"
    MISMATCHED = "mismatched"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = frozenset({PaymentStatus.REQUESTED, PaymentStatus.OFFERED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What one purchase asks one buyer for."""

    payment_id: UUID
    purchase_id: UUID
    amount: Money
    provider: str
    status: PaymentStatus
    provider_ref: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    """What lets the buyer, and nobody else, pay; never in a fact, never in a log."""
    pay_url: str | None = field(default=None, repr=False)
    last_decline: str | None = None
    """The id of the last try that the buyer's bank refused; the buyer may try again."""
    is_cancel_requested: bool = False


class RefundStatus(StrEnum):
    REQUESTED = "requested"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money on its way back to the buyer, taken from `debit_account` once it has left."""

    refund_id: UUID
    payment_id: UUID
    purchase_id: UUID
    provider: str
    provider_ref: str
    amount_minor: int
    currency: str
    reason: str
    debit_account: str
    status: RefundStatus


class Fate(StrEnum):
    """What becomes of money that a provider took."""

    HONOURED = "honoured"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Money that `provider` took for us under `provider_ref`; once per reference."""

    provider: str
    provider_ref: str
    payment_id: UUID
    amount_minor: int
    currency: str
    fate: Fate
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A provider's call, as it came and proven to be the provider's."""

    provider: str
    event_id: str
    type: str
    object_ref: str | None
    """The payment it is about, if it is about one."""
    body: bytes
    signature: str
    received_at: datetime
