"""
The nouns of payments: what was asked for, what was received, what goes back.

    requested -> offered -> (authorised ->) succeeded -> partially refunded -> refunded
                         |                  any of these -> disputed -> won | lost
                         -> mismatched   money came, but not what the order says: sent back
                         -> failed       the provider gave the payment up
                         -> cancelled    we gave it up; money that still comes is sent back

A payment is *attempted* at one provider after the other, at each at most once:

    asked -> offered -> paid                          the buyer has paid this one
                     -> withdrawing -> withdrawn      another took its place, or we gave up
          -> refused                                  for good
          -> away                                     surely not made; may be asked again
          -> unknown -> offered | withdrawn           maybe made, but shown to nobody

Money that a provider took under one reference is a *receipt*: honoured, once per payment, or
returned by a refund. Nothing received is ever kept silently.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tradesense.kernel.money import Money


class Way(StrEnum):
    """How the buyer pays."""

    PAGE = "page"  # a person, on the provider's own page
    DIRECT = "direct"  # a program, with the client secret


class PaymentStatus(StrEnum):
    REQUESTED = "requested"
    OFFERED = "offered"
    AUTHORISED = "authorised"
    SUCCEEDED = "succeeded"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    WON = "won"
    LOST = "lost"
    MISMATCHED = "mismatched"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = frozenset({PaymentStatus.REQUESTED, PaymentStatus.OFFERED, PaymentStatus.AUTHORISED})

# The money that was asked for has come, whatever became of it since.
HONOURED = frozenset(
    {
        PaymentStatus.SUCCEEDED,
        PaymentStatus.PARTIALLY_REFUNDED,
        PaymentStatus.REFUNDED,
        PaymentStatus.DISPUTED,
        PaymentStatus.WON,
        PaymentStatus.LOST,
    }
)


class AttemptStatus(StrEnum):
    ASKED = "asked"
    UNKNOWN = "unknown"
    AWAY = "away"
    REFUSED = "refused"
    OFFERED = "offered"
    WITHDRAWING = "withdrawing"
    WITHDRAWN = "withdrawn"
    PAID = "paid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one provider was asked for, and what came of it; `number` is its place in the order."""

    payment_id: UUID
    provider: str
    number: int
    status: AttemptStatus
    way: Way = Way.DIRECT
    ref: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    """What lets the buyer, and nobody else, pay; never in a fact, never in a log."""
    pay_url: str | None = field(default=None, repr=False)
    last_decline: str | None = None
    """The id of the last try that the buyer's bank refused; the buyer may try again."""
    trouble: str | None = None
    """Why the provider made no offer when it was asked, if it did not at first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What one purchase asks one buyer for; `attempts` in the order of their numbers."""

    payment_id: UUID
    purchase_id: UUID
    amount: Money
    status: PaymentStatus
    way: Way = Way.DIRECT
    return_url: str = ""
    payer: str = field(default="", repr=False)
    """What the buyer may be called, if we know: a bank transfer is matched by it; never sure."""
    is_captured_later: bool = False
    is_capture_requested: bool = False
    is_cancel_requested: bool = False
    is_held: bool = False
    """Whether no provider could be asked so far: the buyer waits, and nothing is lost."""
    is_earned: bool = False
    """Whether what was paid for has been delivered: refunds then come out of revenue."""
    wanted_provider: str | None = None
    is_wish_open: bool = False
    """Whether the buyer has asked for another way to pay and got no answer yet."""
    attempts: tuple[Attempt, ...] = ()

    @property
    def offer(self) -> Attempt | None:
        """The attempt that was paid, or else the one that the buyer may pay now."""
        for wanted in (AttemptStatus.PAID, AttemptStatus.OFFERED):
            for attempt in reversed(self.attempts):
                if attempt.status is wanted:
                    return attempt
        return None

    def attempt_at(self, provider: str) -> Attempt | None:
        """Return the attempt at `provider`, if it was asked."""
        return next((a for a in self.attempts if a.provider == provider), None)

    def attempt_of(self, provider: str, ref: str) -> Attempt | None:
        """Return the attempt that `provider` calls `ref`, or may: nobody told us what it is."""
        attempt = self.attempt_at(provider)
        return attempt if attempt is not None and attempt.ref in {None, ref} else None


class RefundStatus(StrEnum):
    REQUESTED = "requested"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """What of a payment goes back by another way than a refund; `aside_id` names that way."""

    aside_id: UUID
    payment_id: UUID
    amount: Money


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
    is_ours: bool = True
    """False: made in the provider's dashboard, and found there."""
    asked_by: str = "system:payments"
    refund_ref: str | None = None
    transfer_id: UUID | None = None
    trouble: str | None = None


class DisputeStatus(StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """
    Money that the buyer's bank takes back, or wants to.

    `held_id` is the transfer by which it left, once the provider has taken it; `ended_id` the one
    that gave it back or wrote it off; `reversal_id` the one that took the writing off back.
    """

    provider: str
    ref: str
    payment_id: UUID
    purchase_id: UUID
    payment_ref: str
    status: DisputeStatus
    amount_minor: int
    currency: str
    reason: str
    held_id: UUID | None = None
    ended_id: UUID | None = None
    reversal_id: UUID | None = None


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
