"""
What a line may mean: suggestions, and the matches that two pairs of eyes agree on.

    open ─▶ approved   by another person than who proposed it; the money is settled
         ─▶ rejected   by anybody; its lines are free for another proposal
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tradesense.payments.bank.model.lines import LineKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A bank transfer that a buyer was asked for, under `reference`."""

    payment_id: UUID
    purchase_id: UUID
    reference: str
    account: str
    amount_minor: int
    currency: str
    payer: str = field(default="", repr=False)
    """The name on the buyer's account, if the buyer told us."""
    is_withdrawn: bool = False
    is_paid: bool = False
    """Whether money came under this reference already."""


class Strength(StrEnum):
    """How sure a suggestion is: one person may approve a strong one, a weak one takes two."""

    STRONG = "strong"
    WEAK = "weak"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """These lines may pay for these payments, for this reason."""

    line_ids: tuple[UUID, ...]
    payment_ids: tuple[UUID, ...]
    strength: Strength
    reason: str


class MatchStatus(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """
    A proposal of what some lines are; decided once.

    `payment_ids` belong to kind PAYMENT, `party` (the provider's name) to PROVIDER_PAYOUT.
    `proposed_by` and `decided_by` are written as on the trail: `operator:<id>` or `system:bank`.
    """

    match_id: UUID
    kind: LineKind
    line_ids: tuple[UUID, ...]
    payment_ids: tuple[UUID, ...]
    party: str
    reason: str
    proposed_by: str
    proposed_at: datetime
    status: MatchStatus
    decided_by: str | None = None
