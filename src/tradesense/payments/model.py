"""
The nouns of payments, the facts they publish, and what we expect of a provider.

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
from typing import Protocol
from uuid import UUID

from tradesense.kernel.events import Event
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


# What a provider tells us --------------------------------------------------------------------


class ProviderStatus(StrEnum):
    OPEN = "open"
    """The buyer may still pay."""
    UNDERWAY = "underway"
    """The buyer has acted; the money is not there yet."""
    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPayment:
    """A payment as the provider shows it now; `currency` is upper case, maybe unknown to us."""

    provider: str
    ref: str
    payment_id: UUID | None
    """Whose payment the provider says it is, from what we told it; None for a stranger's."""
    status: ProviderStatus
    amount_minor: int
    received_minor: int
    currency: str
    client_secret: str | None = field(default=None, repr=False)
    pay_url: str | None = field(default=None, repr=False)
    decline_id: str | None = None
    """The try that was refused last, if the payment is open because of it."""
    decline_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRefund:
    """A refund as the provider shows it now; PENDING at the provider is REQUESTED here."""

    provider: str
    ref: str
    refund_id: UUID | None
    status: RefundStatus
    amount_minor: int
    currency: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentAsked:
    """The payment a provider shall offer to the buyer."""

    payment_id: UUID
    purchase_id: UUID
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundAsked:
    """The refund a provider shall make of the payment it calls `provider_ref`."""

    refund_id: UUID
    provider_ref: str
    amount_minor: int
    currency: str


class Provider(Protocol):
    """
    Someone who takes money for us.

    Every call may be repeated: it names what it asks for by our own id, and that is done once.
    Each raises Rejected where the provider refuses for good, Unavailable where it surely did
    nothing, OutcomeUnknown where it may have acted; then repeat it.
    """

    @property
    def name(self) -> str:
        """How payments and accounts of the ledger call this provider."""

    async def create_intent(self, asked: IntentAsked) -> ProviderPayment:
        """Offer a payment to the buyer; one per `asked.payment_id`."""

    async def fetch(self, ref: str) -> ProviderPayment:
        """Return the payment as it is now. Raises UnknownAtProvider."""

    async def cancel(self, ref: str) -> ProviderPayment:
        """Withdraw the offer and return what became of it: it may have been paid meanwhile."""

    async def refund(self, asked: RefundAsked) -> ProviderRefund:
        """Send money back; one refund per `asked.refund_id`, returned as it is now."""


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


# Facts -------------------------------------------------------------------------------------


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
