"""
What we expect of whoever takes money for us, and what they tell us.

A payment has at most one offer at each provider, found there by our own payment id. A view of a
payment is whole: what was asked, received, sent back and disputed as of now; so one `fetch`
settles everything, whatever the webhooks said and in whatever order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from tradesense.kernel.money import Money
from tradesense.payments.model.payments import DisputeStatus, RefundStatus, Way


class ProviderStatus(StrEnum):
    OPEN = "open"
    """The buyer may still pay."""
    UNDERWAY = "underway"
    """The buyer has acted; the money is not there yet."""
    AUTHORISED = "authorised"
    """The money is reserved at the buyer's bank, and ours once we capture it."""
    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDispute:
    """A payment that the buyer's bank takes back, or wants to, as the provider shows it now."""

    provider: str
    ref: str
    payment_ref: str
    status: DisputeStatus
    amount_minor: int
    currency: str
    reason: str
    is_withdrawn: bool
    """Whether the provider has taken the amount from us meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRefund:
    """A refund as the provider shows it now; PENDING at the provider is REQUESTED here."""

    provider: str
    ref: str
    refund_id: UUID | None
    """Whose refund the provider says it is; None if it was not made by us."""
    status: RefundStatus
    amount_minor: int
    currency: str
    reason: str | None = None


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
    refunds: tuple[ProviderRefund, ...] = ()
    disputes: tuple[ProviderDispute, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentAsked:
    """The payment a provider shall offer to the buyer; `return_url` is where a page leads back."""

    payment_id: UUID
    purchase_id: UUID
    amount: Money
    way: Way = Way.DIRECT
    is_captured_later: bool = False
    return_url: str = ""
    payer: str = field(default="", repr=False)
    """What the buyer may be called; empty where nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundAsked:
    """The refund a provider shall make of the payment it calls `provider_ref`."""

    refund_id: UUID
    provider_ref: str
    amount_minor: int
    currency: str


class MovementKind(StrEnum):
    """Why a provider's balance changed."""

    CHARGE = "charge"
    REFUND = "refund"
    REFUND_FAILED = "refund_failed"
    DISPUTE = "dispute"
    DISPUTE_REVERSED = "dispute_reversed"
    FEE = "fee"
    PAYOUT = "payout"  # to our bank
    PAYOUT_FAILED = "payout_failed"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """
    One line of a provider's own books of our balance there, final once shown.

    `amount_minor` is signed, before `fee_minor` (positive: taken from us). `payment_ref` is the
    reference of the payment it belongs to, as in `ProviderPayment.ref`; `object_ref` that of the
    refund, dispute or payout itself. A payout arrives at the bank under `bank_reference`.
    """

    provider: str
    ref: str
    kind: MovementKind
    amount_minor: int
    fee_minor: int
    currency: str
    at: datetime
    payment_ref: str | None = None
    object_ref: str | None = None
    bank_reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """What a provider takes, and what it costs: for choosing between providers."""

    currencies: frozenset[str]
    ways: frozenset[Way]
    fee_bp: int
    fee_minor: int
    """Per payment, in minor units of its currency; besides `fee_bp`, rounded up."""
    is_manual: bool = False
    """Whether the money takes days and our people's work: asked only where the buyer wants it."""

    def cost_minor(self, amount: Money) -> int:
        """Return what taking `amount` is expected to cost, in its minor units."""
        return self.fee_minor - (-amount.minor * self.fee_bp // 10_000)


class Provider(Protocol):
    """
    Someone who takes money for us.

    Every call may be repeated: it names what it asks for by our own id, and that is done once.
    Each raises Rejected where the provider refuses for good, Unavailable where it surely did
    nothing, OutcomeUnknown where it may have acted; then repeat it, or `find` what came of it.
    """

    @property
    def name(self) -> str:
        """How payments and accounts of the ledger call this provider."""

    @property
    def tariff(self) -> Tariff:
        """What it takes, and at what cost."""

    async def create_intent(self, asked: IntentAsked) -> ProviderPayment:
        """Offer a payment to the buyer; one per `asked.payment_id`."""

    async def find(self, payment_id: UUID) -> ProviderPayment | None:
        """Return the offer that was made for our `payment_id`, None if there surely is none."""

    async def fetch(self, ref: str) -> ProviderPayment:
        """Return the payment as it is now. Raises UnknownAtProvider."""

    async def capture(self, ref: str, amount_minor: int) -> ProviderPayment:
        """Take so much of an authorised payment, releasing the rest; return it as it is now."""

    async def cancel(self, ref: str) -> ProviderPayment:
        """Withdraw the offer and return what became of it: it may have been paid meanwhile."""

    async def refund(self, asked: RefundAsked) -> ProviderRefund:
        """Send money back; one refund per `asked.refund_id`, returned as it is now."""

    async def list_movements(self, *, since: datetime, until: datetime) -> Sequence[Movement]:
        """Return the provider's own books of [since, until), oldest first."""
