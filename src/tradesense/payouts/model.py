"""
The nouns of payouts: what a trader asks for, who agrees to it, and how it ends.

    REQUESTED ── the engine lets it go ──▶ FROZEN ── approved ──▶ SENT ── at the bank ──▶ PAID
        │ the engine refuses                 │ refused               came back ──▶ RETURNED ◀┘
        ▼                                    ▼
     REFUSED ◀───────────────────────────────┘

Money that was frozen and is not sent (REFUSED, RETURNED) goes back into the account while that
is active; else it stays owed to the trader: `left_in` says which, once it is known.
What is owed may be sent again: see `resending`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tradesense.kernel.events import Event
from tradesense.kernel.money import Money

WAKE = "payouts"  # the channel on which the worker hears of new ones


class PayoutStatus(StrEnum):
    REQUESTED = "requested"
    FROZEN = "frozen"  # out of the account, owed to the trader, waiting for people
    SENT = "sent"  # ordered at the bank
    PAID = "paid"  # a statement shows it
    RETURNED = "returned"  # a statement shows that it came back
    REFUSED = "refused"


class Decision(StrEnum):
    """What the operators came to, all of them together."""

    APPROVED = "approved"
    REJECTED = "rejected"


class LeftIn(StrEnum):
    """Where money is that was taken out of an account and did not arrive."""

    ACCOUNT = "account"  # back in the trading account, as profit
    PAYABLE = "payable"  # owed to the trader: the account has ended meanwhile


class IdentityState(StrEnum):
    """What we know of who a trader is."""

    PENDING = "pending"
    VERIFIED = "verified"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payee:
    """Whose bank account the money goes to; never on the trail."""

    name: str = field(repr=False)
    account: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """
    What a trader asks for: a challenge, or the account it trades, never both.

    `amount_minor` is None for all profit; `currency`, if said, must be the account's.
    """

    payee: Payee
    challenge_id: UUID | None = None
    account_id: UUID | None = None
    amount_minor: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """
    One payout of one challenge. `asked_minor` is None where all profit was asked for.

    `number` counts the challenge's payouts that stand, from 1; `split_bp` is the trader's part in
    basis points. What was withdrawn is known once it is frozen: `share_minor` of it is the
    trader's; `fee_minor` is the challenge's price, where it goes back with this payout. Up to
    `alone_max_minor` one operator may approve it.
    """

    id: UUID
    user_id: UUID
    challenge_id: UUID
    account_id: UUID
    currency: str
    asked_minor: int | None
    number: int
    split_bp: int
    alone_max_minor: int
    payee: Payee
    requested_at: datetime
    status: PayoutStatus = PayoutStatus.REQUESTED
    withdrawn_minor: int | None = None
    share_minor: int = 0
    fee_minor: int = 0
    decision: Decision | None = None
    reason: str | None = None
    left_in: LeftIn | None = None

    @property
    def firm_minor(self) -> int:
        """What of the withdrawn profit stays with the firm."""
        return (self.withdrawn_minor or 0) - self.share_minor

    @property
    def amount(self) -> Money:
        """What goes to the trader's bank."""
        return Money(self.share_minor + self.fee_minor, self.currency)

    @property
    def approvals_needed(self) -> int:
        """How many operators must agree."""
        return 1 if self.amount.minor <= self.alone_max_minor else 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """That `by` agreed to a payout."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What is known of who a trader is, and who decided it."""

    user_id: UUID
    state: IdentityState
    reason: str
    decided_by: str | None
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A funded account as it stands when profit is asked of it; `available_minor` is that."""

    currency: str
    initial_minor: int
    available_minor: int
    is_flat: bool
    funded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The challenge's payouts that stand: how many, and when the last one was asked for."""

    count: int = 0
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutEvent(Event):
    """What every fact of a payout names."""

    payout_id: UUID
    challenge_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRequested(PayoutEvent):
    """`asked_minor` is None where all profit was asked for."""

    account_id: UUID
    user_id: UUID
    number: int
    split_bp: int
    asked_minor: int | None
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutFrozen(PayoutEvent):
    """Profit has left the account; `amount_minor` (share and fee) is owed to the trader."""

    withdrawn_minor: int
    share_minor: int
    firm_minor: int
    fee_minor: int
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutApproved(PayoutEvent):
    """An operator agreed, the `approvals`-th of `needed`; the entry says who."""

    approvals: int
    needed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRejected(PayoutEvent):
    """Whoever made the entry decided against it; PayoutRefused follows."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRefused(PayoutEvent):
    """It will not be sent; `reason` is why."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutSent(PayoutEvent):
    """The transfer is ordered at our bank."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutPaid(PayoutEvent):
    """A statement shows that the bank has sent it."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRefunded(PayoutEvent):
    """The price of the challenge was part of what was paid."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutReturned(PayoutEvent):
    """A statement shows that it came back; it is owed to the trader again."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRestored(PayoutEvent):
    """The profit is back in the account, and nothing of it is owed any more."""

    withdrawn_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutOwed(PayoutEvent):
    """The account has ended, so the money stays owed to the trader."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityAsked(Event):
    """A person must say who this trader is."""

    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityVerified(Event):
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRejected(Event):
    user_id: UUID
    reason: str
