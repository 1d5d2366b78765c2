"""How an account stands: equity against its floors and target, days, next reset, verdict."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from tradesense import market, trading
from tradesense.challenges import rules, store
from tradesense.challenges.model import (
    Challenge,
    LossLimit,
    OnCashFlow,
    Outcome,
    Reference,
    Verdict,
)
from tradesense.challenges.service import UnknownAccount
from tradesense.infra.db import Transaction
from tradesense.kernel.instants import from_us, to_us
from tradesense.kernel.money import Money
from tradesense.trading import AccountView


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorStanding:
    """One loss limit now. Money in minor units of the account's currency."""

    name: str
    floor_minor: int
    permitted_minor: int  # from the reference down to the floor
    room_minor: int  # what equity may still lose; below zero once crossed
    reference: Reference
    reference_minor: int
    floor_after_reset_minor: int  # if the balance stays what it is


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetStanding:
    """Closed profit against the target; it counts while the account is flat."""

    target_minor: int
    profit_minor: int
    missing_minor: int  # 0 once it is there
    is_flat: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysStanding:
    """Days that count towards the minimum, and why today does or does not."""

    counted: int
    needed: int
    today: date
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything a trader has to know about one account, at the engine's last price."""

    account_id: UUID
    challenge_id: UUID
    plan: str
    phase: str
    status: str  # running | suspended | passed | failed | revoked | closed
    why: str | None  # it is suspended or was revoked
    currency: str
    initial_minor: int
    balance_minor: int
    equity_minor: int
    floors: tuple[FloorStanding, ...]
    target: TargetStanding | None
    days: DaysStanding
    next_reset_at: datetime
    reset: str  # local time and zone
    verdict: Verdict | None
    arithmetic: tuple[str, ...]  # of the verdict, in words and numbers
    price_seq: int
    at: datetime


async def get_standing(
    tx: Transaction, account_id: UUID, *, user_id: UUID, now: datetime
) -> Standing:
    """Return how the user's account stands. Raises UnknownAccount; another's looks like none."""
    challenge = await find_owned(tx, account_id, user_id=user_id)
    view = await trading.find_account(tx, account_id)
    if view is None:
        raise UnknownAccount(f"account {account_id} is not open yet; ask again in a moment")
    verdict = await store.find_verdict(tx, account_id)
    return _standing(challenge, view, verdict, now)


async def find_owned(tx: Transaction, account_id: UUID, *, user_id: UUID) -> Challenge:
    """Return the challenge of the user's account. Raises UnknownAccount."""
    challenge = await store.find_by_account(tx, account_id)
    if challenge is None or challenge.user_id != user_id:
        raise UnknownAccount(f"you have no account {account_id}")
    return challenge


def status_of(challenge: Challenge, view: AccountView, verdict: Verdict | None) -> str:
    """Return running, suspended, passed, failed, revoked or (closed by request) closed."""
    if verdict is not None:
        return verdict.outcome.value
    if challenge.revoked_for is not None:
        return "revoked"
    if challenge.suspended_for is not None and view.status.value == "active":
        return "suspended"
    return "running" if view.status.value == "active" else "closed"


def why_of(challenge: Challenge) -> str | None:
    """Return in words why the challenge is suspended or was revoked."""
    reason = challenge.suspended_for or challenge.revoked_for
    return None if reason is None else reason.value.replace("_", " ")


def _standing(
    challenge: Challenge, view: AccountView, verdict: Verdict | None, now: datetime
) -> Standing:
    setup = view.setup
    after_us = max(view.at_us, to_us(now))
    return Standing(
        account_id=setup.account_id,
        challenge_id=challenge.id,
        plan=challenge.plan,
        phase=setup.phase,
        status=status_of(challenge, view, verdict),
        why=None if verdict is not None else why_of(challenge),
        currency=setup.currency,
        initial_minor=setup.initial_minor,
        balance_minor=view.balance_minor,
        equity_minor=view.equity_minor,
        floors=tuple(_floor(limit, view) for limit in rules.limits_of(challenge.terms)),
        target=_target(view),
        days=_days(view),
        next_reset_at=from_us(market.next_boundary(setup.reset, after_us=after_us).at_us),
        reset=setup.reset,
        verdict=verdict,
        arithmetic=() if verdict is None else arithmetic(challenge, verdict),
        price_seq=view.price_seq,
        at=from_us(view.at_us),
    )


def _floor(limit: LossLimit, view: AccountView) -> FloorStanding:
    initial = view.setup.initial_minor
    permitted = rules.permitted_minor(limit, initial=initial, reference=view.reset_balance_minor)
    if limit.on_cash_flow is OnCashFlow.FLOOR_TO_INITIAL and view.withdrawn_minor > 0:
        permitted = 0
    floor = next(each.floor_minor for each in view.floors if each.guard == limit.name)
    moves = limit.reference is Reference.DAY_START_BALANCE and permitted > 0
    return FloorStanding(
        name=limit.name,
        floor_minor=floor,
        permitted_minor=permitted,
        room_minor=view.equity_minor - floor,
        reference=limit.reference,
        reference_minor=floor + permitted,
        floor_after_reset_minor=view.balance_minor - permitted if moves else floor,
    )


def _target(view: AccountView) -> TargetStanding | None:
    target = view.setup.target
    if target is None:
        return None
    profit = view.profit_minor
    return TargetStanding(
        target_minor=target.profit_minor,
        profit_minor=profit,
        missing_minor=max(0, target.profit_minor - profit),
        is_flat=not view.positions,
    )


def _days(view: AccountView) -> DaysStanding:
    needed = 0 if view.setup.target is None else view.setup.target.days_min
    counts = "counts: a position was opened" if view.opened_today else "does not count yet"
    return DaysStanding(
        counted=view.days_opened,
        needed=needed,
        today=view.day,
        why=f"a day counts once a position is opened on it; {view.day} {counts}",
    )


def arithmetic(challenge: Challenge, verdict: Verdict) -> tuple[str, ...]:
    """Return how the verdict comes about, line by line: the limit and the actual loss apart."""
    currency = challenge.terms.data["currency"]

    def cash(minor: int) -> str:
        return str(Money(minor, currency))

    at = f"at price {verdict.price_seq:,}"
    if verdict.outcome is Outcome.PASSED:
        return (
            f"profit {cash(verdict.actual_minor)}, everything flat, {at}",
            f"target {cash(verdict.limit_minor)} reached",
        )
    limit = next(each for each in rules.limits_of(challenge.terms) if each.name == verdict.rule)
    initial = challenge.terms.data["initial_minor"]
    permitted = rules.permitted_minor(limit, initial=initial, reference=initial)
    if limit.on_cash_flow is OnCashFlow.FLOOR_TO_INITIAL and verdict.limit_minor == initial:
        permitted = 0
    reference = verdict.limit_minor + permitted
    loss = reference - verdict.actual_minor
    floor = f"{cash(reference)} - {cash(permitted)} permitted = floor {cash(verdict.limit_minor)}"
    found = f"equity {cash(verdict.actual_minor)} {at}: a loss of {cash(loss)}"
    return f"{limit.name}: {floor}", f"{found}, {cash(loss - permitted)} more than permitted"
