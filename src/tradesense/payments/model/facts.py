"""What payments publish, on `payment:<id>` and `webhook:<event id>`."""

from dataclasses import dataclass
from uuid import UUID

from tradesense.kernel.events import Event


@dataclass(frozen=True, slots=True)
class PaymentRequested(Event):
    payment_id: UUID
    purchase_id: UUID
    amount_minor: int
    currency: str
    provider: str


@dataclass(frozen=True, slots=True)
class PaymentOffered(Event):
    """The provider knows of the payment; from now on the buyer can pay."""

    payment_id: UUID
    purchase_id: UUID
    provider: str
    provider_ref: str


@dataclass(frozen=True, slots=True)
class PaymentDeclined(Event):
    """One try was refused; the payment stays open."""

    payment_id: UUID
    purchase_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentSucceeded(Event):
    payment_id: UUID
    purchase_id: UUID
    amount_minor: int
    currency: str
    provider: str
    provider_ref: str


@dataclass(frozen=True, slots=True)
class PaymentMismatched(Event):
    """Money came that is not what the order says; its refund is requested."""

    payment_id: UUID
    purchase_id: UUID
    expected_minor: int
    expected_currency: str
    received_minor: int
    received_currency: str
    provider_ref: str


@dataclass(frozen=True, slots=True)
class PaymentFailed(Event):
    """The provider gave the payment up without our asking."""

    payment_id: UUID
    purchase_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentCancelled(Event):
    """We gave the payment up, and the provider agrees that nobody can pay it now."""

    payment_id: UUID
    purchase_id: UUID


@dataclass(frozen=True, slots=True)
class PaymentReturned(Event):
    """Money came late or twice (`reason`); its refund is requested."""

    payment_id: UUID
    purchase_id: UUID
    amount_minor: int
    currency: str
    provider_ref: str
    reason: str


@dataclass(frozen=True, slots=True)
class RefundRequested(Event):
    refund_id: UUID
    payment_id: UUID
    purchase_id: UUID
    amount_minor: int
    currency: str
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentRefunded(Event):
    refund_id: UUID
    payment_id: UUID
    purchase_id: UUID
    amount_minor: int
    currency: str
    refund_ref: str


@dataclass(frozen=True, slots=True)
class RefundFailed(Event):
    """The provider could not send the money back; somebody must look at it."""

    refund_id: UUID
    payment_id: UUID
    purchase_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class WebhookReceived(Event):
    provider: str
    event_id: str
    event_type: str
    body_sha256: str


@dataclass(frozen=True, slots=True)
class WebhookRepeated(Event):
    provider: str
    event_id: str
    body_sha256: str


@dataclass(frozen=True, slots=True)
class WebhookRefused(Event):
    """`unrecorded` more were refused since the last such entry, too fast to keep each one."""

    provider: str
    reason: str
    body_sha256: str
    unrecorded: int


@dataclass(frozen=True, slots=True)
class WebhookApplied(Event):
    provider: str
    event_id: str
    outcome: str
