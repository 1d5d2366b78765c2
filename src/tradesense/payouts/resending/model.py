"""The nouns of money that is sent again."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tradesense.payouts.model import Payee, PayoutEvent


class ResendStatus(StrEnum):
    PROPOSED = "proposed"  # waits for another operator
    REJECTED = "rejected"
    SENT = "sent"  # ordered at the bank
    PAID = "paid"  # a statement shows it
    RETURNED = "returned"  # a statement shows that it came back


@dataclass(frozen=True, slots=True, kw_only=True)
class Resend:
    """That all of what a payout left owed is sent to `payee`; who said so, and who agreed."""

    id: UUID
    payout_id: UUID
    payee: Payee
    reason: str
    proposed_by: str
    proposed_at: datetime
    status: ResendStatus = ResendStatus.PROPOSED
    decided_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResendEvent(PayoutEvent):
    """What every fact of a resend names."""

    resend_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ResendProposed(ResendEvent):
    """Whoever made the entry says that what is owed be sent; `reason` is why now."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResendRejected(ResendEvent):
    """Whoever made the entry decided against it; it stays owed."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResendSent(ResendEvent):
    """Whoever made the entry agreed, and the transfer is ordered at our bank."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResendPaid(ResendEvent):
    """A statement shows that the bank has sent it."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResendReturned(ResendEvent):
    """A statement shows that it came back; it is owed to the trader again."""

    amount_minor: int
    currency: str
