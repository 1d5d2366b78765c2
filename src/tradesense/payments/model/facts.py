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


@dataclass(frozen=True, slots=True)
class PaymentHeld(Event):
    """No provider can be asked at present; the payment waits, and is offered once one can."""

    payment_id: UUID
    purchase_id: UUID


@dataclass(frozen=True, slots=True)
class OfferNotMade(Event):
    """A provider was `away`, `refused`, or its answer is `unknown`; the next one is asked."""

    payment_id: UUID
    purchase_id: UUID
    provider: str
    outcome: str


@dataclass(frozen=True, slots=True)
class OfferWithdrawn(Event):
    """Nobody can pay this offer any more; the payment itself may go on at another provider."""

    payment_id: UUID
    purchase_id: UUID
    provider: str


@dataclass(frozen=True, slots=True)
class OtherWayRefused(Event):
    """The buyer asked for another way to pay, and there is none."""

    payment_id: UUID
    purchase_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentAuthorised(Event):
    """The money is reserved at the buyer's bank until we capture or release it."""

    payment_id: UUID
    purchase_id: UUID
    provider: str
    provider_ref: str


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
class RestSetAside(Event):
    """So much of the payment goes back by another way, which `aside_id` names."""

    aside_id: UUID
    payment_id: UUID
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class RestPutBack(Event):
    """It did not go back that way: it may be refunded again."""

    aside_id: UUID
    payment_id: UUID
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class PaymentRefunded(Event):
    """`kept_minor` is what is still with us of the money that was honoured."""

    refund_id: UUID
    payment_id: UUID
    purchase_id: UUID
    amount_minor: int
    currency: str
    refund_ref: str
    kept_minor: int


@dataclass(frozen=True, slots=True)
class RefundFailed(Event):
    """The provider could not send the money back; somebody must look at it."""

    refund_id: UUID
    payment_id: UUID
    purchase_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class DisputeOpened(Event):
    """The buyer's bank takes money back, or wants to; we may answer."""

    payment_id: UUID
    purchase_id: UUID
    provider: str
    dispute_ref: str
    amount_minor: int
    currency: str
    reason: str


@dataclass(frozen=True, slots=True)
class DisputeWon(Event):
    payment_id: UUID
    purchase_id: UUID
    provider: str
    dispute_ref: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class DisputeLost(Event):
    """The money is gone for good; `kept_minor` is what is still with us."""

    payment_id: UUID
    purchase_id: UUID
    provider: str
    dispute_ref: str
    amount_minor: int
    currency: str
    kept_minor: int


@dataclass(frozen=True, slots=True)
class DisputeReversed(Event):
    """What was lost is ours again; what it ended stays ended, and a person decides."""

    payment_id: UUID
    purchase_id: UUID
    provider: str
    dispute_ref: str
    amount_minor: int
    currency: str


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
