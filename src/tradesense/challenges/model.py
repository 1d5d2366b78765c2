"""The nouns of a challenge: what is sold, what was sealed, what was decided."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from tradesense.kernel.events import Event
from tradesense.kernel.money import Money


class AmountOf(StrEnum):
    """Switch 1: what the permitted loss is counted in."""

    INITIAL_BP = "initial_bp"  # basis points of the initial balance
    REFERENCE_BP = "reference_bp"  # basis points of the reference
    CASH_MINOR = "cash_minor"  # minor units of the account currency


class Reference(StrEnum):
    """Switch 2: where the loss is measured from."""

    INITIAL = "initial"
    DAY_START_BALANCE = "day_start_balance"
    DAY_START_EQUITY = "day_start_equity"
    DAY_START_HIGHER = "day_start_higher"  # the higher of balance and equity at the reset
    HIGHEST_DAY_END_BALANCE = "highest_day_end_balance"
    HIGHEST_CLOSED_BALANCE = "highest_closed_balance"
    HIGHEST_EQUITY = "highest_equity"


class Tested(StrEnum):
    """Switch 3: the value held against the floor."""

    EQUITY = "equity"
    BALANCE = "balance"


class When(StrEnum):
    """Switch 4: how often the value is tested."""

    EVERY_INPUT = "every_input"
    DAY_END = "day_end"


class Comparison(StrEnum):
    """Switch 5: whether touching the floor is a breach."""

    BELOW = "below"
    AT_OR_BELOW = "at_or_below"


class Effect(StrEnum):
    """Switch 6: what a breach does."""

    FAIL = "fail"
    PAUSE = "pause_until_reset"
    WARN = "warn"


class OnCashFlow(StrEnum):
    """Switch 7: what a withdrawal or credit does to the floor."""

    SHIFT = "shift"
    KEEP = "keep"
    FLOOR_TO_INITIAL = "floor_to_initial"
    NEW_ACCOUNT = "new_account"


class Lock(StrEnum):
    """Where a trailing floor stops rising for ever."""

    NONE = "none"
    AT_INITIAL = "at_initial"
    AT_INITIAL_PLUS = "at_initial_plus"


class DayCounts(StrEnum):
    """Which day counts towards the minimum."""

    OPENING = "opening"  # an opening falls on its local date
    PROFITABLE = "profitable"  # its profit reaches `day_profit_min_bp` of initial


class TargetOn(StrEnum):
    """What has to reach the target."""

    CLOSED_FLAT = "closed_flat"  # closed profit, with no position open
    EQUITY_FLATTENED = "equity_flattened"  # equity; the account is flattened, then judged


@dataclass(frozen=True, slots=True, kw_only=True)
class LossLimit:
    """One loss limit with all of its seven switches, and the lock of a trailing floor."""

    name: str
    amount_of: AmountOf
    amount: int  # in the unit that `amount_of` names
    reference: Reference
    tested: Tested
    when: When
    comparison: Comparison
    effect: Effect
    on_cash_flow: OnCashFlow
    lock: Lock = Lock.NONE
    lock_plus_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRules:
    """What one phase asks for. `target_bp` is None where there is no target (funded)."""

    name: str  # phase-1 | phase-2 | funded
    target_bp: int | None  # basis points of the initial balance
    target_on: TargetOn | None
    days_min: int
    day_counts: DayCounts = DayCounts.OPENING
    day_profit_min_bp: int = 0
    best_day_max_bp: int | None = None  # of the phase's total net profit


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRules:
    """When a funded account pays profit out, and how it is split; basis points throughout."""

    first_after_days: int  # since the account was funded
    every_days: int  # since the last payout was asked for
    profit_min_bp: int  # of the initial balance
    split_bp: int  # the trader's part
    split_later_bp: int
    split_later_from: int  # the number of the payout from which the later part holds
    refunds_fee: bool  # the challenge's price goes back with the first payout


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """A firm's rules as data. `source` is the page they stand on; `chosen` what it leaves open."""

    code: str
    title: str
    source: str
    chosen: str
    reset_time: str  # HH:MM, local
    reset_zone: str  # IANA name
    limits: tuple[LossLimit, ...]
    phases: tuple[PhaseRules, ...]
    payouts: PayoutRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a trader can buy: a programme at one size, in one currency, for one price."""

    code: str
    title: str
    programme: Programme
    initial: Money
    price: Money
    leverage: int
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """
    What was bought, sealed: `text` are the exact canonical bytes, `sha256` (hex) names them.

    `data` is what the bytes say; nothing else may decide about the challenge.
    """

    text: bytes
    sha256: str
    data: Mapping[str, Any]

    @classmethod
    def read(cls, text: bytes) -> Self:
        """Return the terms that sealed bytes state."""
        return cls(text=text, sha256=hashlib.sha256(text).hexdigest(), data=json.loads(text))


class ChallengeStatus(StrEnum):
    RUNNING = "running"
    FUNDED = "funded"
    FAILED = "failed"
    REVOKED = "revoked"


class SuspendedFor(StrEnum):
    """Why a challenge takes no orders for now."""

    PAYMENT_DISPUTED = "payment_disputed"
    UNDER_REVIEW = "under_review"


class RevokedFor(StrEnum):
    """Why a challenge was taken back for good: its price is no longer ours."""

    REFUNDED = "refunded"
    CHARGED_BACK = "charged_back"


class Outcome(StrEnum):
    """How one account ended."""

    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """
    A bought plan and where it stands; `account_id` is the account of the current phase.

    `suspended_for` only while it is running or funded, `revoked_for` only once it is revoked.
    """

    id: UUID
    user_id: UUID
    purchase_id: UUID
    plan: str
    phase: str
    account_id: UUID
    status: ChallengeStatus
    terms: Terms
    started_at: datetime
    suspended_for: SuspendedFor | None = None
    revoked_for: RevokedFor | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has failed or was revoked, and so stays as it is for ever."""
        return self.status in {ChallengeStatus.FAILED, ChallengeStatus.REVOKED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """
    The end of one account. `limit_minor` is what had to hold, `actual_minor` what was found.

    Failed: the floor and the equity below it. Passed: the target profit and the profit made.
    """

    account_id: UUID
    challenge_id: UUID
    phase: str
    outcome: Outcome
    rule: str
    limit_minor: int
    actual_minor: int
    price_seq: int
    decided_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What the end of an account means: its verdict, the challenge after it, what is said."""

    verdict: Verdict
    challenge: Challenge
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeStarted(Event):
    """The first entry of `challenge:<id>`; `terms_sha256` names the sealed terms."""

    challenge_id: UUID
    user_id: UUID
    purchase_id: UUID
    plan: str
    terms_sha256: str
    account_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePassed(Event):
    """An account reached its target; `next_account_id` trades the next phase."""

    challenge_id: UUID
    account_id: UUID
    phase: str
    currency: str
    target_minor: int
    profit_minor: int
    days_min: int
    days: int
    price_seq: int
    next_phase: str
    next_account_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengePassed(Event):
    """Every evaluation phase is passed."""

    challenge_id: UUID
    price_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeFunded(Event):
    """The funded account is requested; from here on only the loss limits count."""

    challenge_id: UUID
    account_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeFailed(Event):
    """
    A loss limit was crossed. The limit and the actual loss stand apart.

    `floor_minor` is the least equity allowed, `equity_minor` what was found at `price_seq`;
    losses are measured from `reference_minor`: permitted = reference - floor, actual =
    reference - equity.
    """

    challenge_id: UUID
    account_id: UUID
    phase: str
    currency: str
    rule: str
    reference_minor: int
    floor_minor: int
    equity_minor: int
    loss_permitted_minor: int
    loss_actual_minor: int
    price_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeSuspended(Event):
    """No new orders until it is reinstated; its account is still judged."""

    challenge_id: UUID
    account_id: UUID
    reason: SuspendedFor


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeReinstated(Event):
    """The suspension is lifted."""

    challenge_id: UUID
    account_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeRevoked(Event):
    """Taken back for good: the account is closed, and no verdict follows this."""

    challenge_id: UUID
    account_id: UUID
    reason: RevokedFor
