"""How terms are sealed, compiled for the engine, and turned into a verdict. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from tradesense.challenges.model import (
    AmountOf,
    Challenge,
    ChallengeFailed,
    ChallengeFunded,
    ChallengePassed,
    ChallengeStatus,
    Comparison,
    Conclusion,
    DayCounts,
    Effect,
    Lock,
    LossLimit,
    OnCashFlow,
    Outcome,
    PayoutRules,
    PhasePassed,
    PhaseRules,
    Plan,
    Reference,
    TargetOn,
    Terms,
    Tested,
    Verdict,
    When,
)
from tradesense.kernel.canonical import canonical
from tradesense.kernel.errors import Invalid, InvariantBroken
from tradesense.kernel.events import Event
from tradesense.kernel.ids import derive
from tradesense.kernel.money import half_even
from tradesense.market.model import Instrument
from tradesense.trading.model import (
    ORDER_WAIT_S,
    REOPENING_WAIT_S,
    AccountSetup,
    BelowResetBalance,
    Guard,
    GuardBreached,
    Measure,
    Static,
    Target,
    TargetReached,
)
from tradesense.trading.model import Comparison as EngineComparison
from tradesense.trading.model import OnCashFlow as EngineOnCashFlow

# Names the executable rules: whoever judges these terms again must follow the same ones.
RULE_VERSION = "tradesense-rules-2"
BASIS_POINTS = 10_000

# Terms that were sealed before payouts existed say nothing of them. Theirs are what every
# programme was sold with from the first day on: written down again here, so that a change of
# the programmes never reaches a challenge that is running (docs/decisions).
FIRST_PAYOUTS = PayoutRules(
    first_after_days=14,
    every_days=14,
    profit_min_bp=2,
    split_bp=8_000,
    split_later_bp=9_000,
    split_later_from=3,
    refunds_fee=True,
)


class CannotJudge(Invalid):
    """The switches of a programme ask for what no engine of ours judges yet."""

    code = "challenges.cannot_judge"


class CannotSell(Invalid):
    """The terms of a plan contradict each other."""

    code = "challenges.cannot_sell"


def account_id_of(challenge_id: UUID, phase: str) -> UUID:
    """Return the id of the account that trades `phase`; the same in every run."""
    return derive(challenge_id, phase)


def seal(plan: Plan, instruments: Sequence[Instrument], tz_database: str) -> Terms:
    """
    Return the terms of `plan` as canonical bytes with their name; complete by themselves.

    Raises CannotSell for a price that could not go back with a payout.
    """
    if plan.programme.payouts.refunds_fee and plan.price.currency != plan.initial.currency:
        raise CannotSell(f"{plan.code}: its price can go back with a payout in its own currency")
    text = canonical(
        {
            "v": 1,
            "rule_version": RULE_VERSION,
            "plan": plan.code,
            "programme": plan.programme.code,
            "source": plan.programme.source,
            "currency": plan.initial.currency,
            "initial_minor": plan.initial.minor,
            "price": plan.price,
            "leverage": plan.leverage,
            "order_wait_s": ORDER_WAIT_S,
            "reopening_wait_s": REOPENING_WAIT_S,
            "reset": {"time": plan.programme.reset_time, "zone": plan.programme.reset_zone},
            "tz_database": tz_database,
            "instruments": sorted(instruments, key=lambda each: each.symbol),
            "conversions": _conversions(instruments, plan.initial.currency),
            "limits": plan.programme.limits,
            "phases": plan.programme.phases,
            "payouts": plan.programme.payouts,
        }
    )
    return Terms.read(text)


def _conversions(
    instruments: Sequence[Instrument], currency: str
) -> dict[str, dict[str, str | bool]]:
    """Return which symbol turns each quote currency into `currency`, and whether it divides."""
    pairs = {(each.base, each.quote): each.symbol for each in instruments}
    found: dict[str, dict[str, str | bool]] = {}
    for quote in {each.quote for each in instruments} - {currency}:
        if symbol := pairs.get((quote, currency)):
            found[quote] = {"symbol": symbol, "inverted": False}
        elif symbol := pairs.get((currency, quote)):
            found[quote] = {"symbol": symbol, "inverted": True}
    return found


def limits_of(terms: Terms) -> tuple[LossLimit, ...]:
    """Return the sealed loss limits, in the order they were sealed."""
    return tuple(_limit(each) for each in terms.data["limits"])


def phases_of(terms: Terms) -> tuple[PhaseRules, ...]:
    """Return the sealed phases, first to last; the last one is the funded account."""
    return tuple(_phase(each) for each in terms.data["phases"])


def payout_rules_of(terms: Terms) -> PayoutRules:
    """Return how the funded account pays out, as it was sealed, or first published."""
    sealed = terms.data.get("payouts")
    return FIRST_PAYOUTS if sealed is None else PayoutRules(**sealed)


def phase_after(terms: Terms, phase: str) -> str | None:
    """Return the name of the phase that follows `phase`, None after the last."""
    names = [each.name for each in phases_of(terms)]
    following = names[names.index(phase) + 1 :]
    return following[0] if following else None


def compile_setup(terms: Terms, *, challenge_id: UUID, phase: str) -> AccountSetup:
    """
    Return the account that the engine opens for `phase`, from the sealed terms alone.

    Raises Invalid for switches this engine cannot judge; such a plan is never put on sale.
    """
    data = terms.data
    initial: int = data["initial_minor"]
    reset = data["reset"]
    rules = next(each for each in phases_of(terms) if each.name == phase)
    return AccountSetup(
        account_id=account_id_of(challenge_id, phase),
        challenge_id=challenge_id,
        phase=phase,
        currency=data["currency"],
        initial_minor=initial,
        leverage=data["leverage"],
        instruments=tuple(Instrument(**each) for each in terms.data["instruments"]),
        guards=tuple(_guard(limit, initial) for limit in limits_of(terms)),
        target=_target(rules, initial),
        reset=f"{reset['time']} {reset['zone']}",
        terms_sha256=terms.sha256,
    )


def permitted_minor(limit: LossLimit, *, initial: int, reference: int) -> int:
    """Return the loss that `limit` permits, in minor units, measured from `reference`."""
    match limit.amount_of:
        case AmountOf.INITIAL_BP:
            return half_even(initial * limit.amount, BASIS_POINTS)
        case AmountOf.REFERENCE_BP:
            return half_even(reference * limit.amount, BASIS_POINTS)
        case AmountOf.CASH_MINOR:
            return limit.amount


def floor_minor(limit: LossLimit, *, initial: int, reference: int) -> int:
    """
    Return the floor of `limit` while its reference stands at `reference`, in minor units.

    A locked trailing floor stops rising at the initial balance, or that much above it.
    """
    floor = reference - permitted_minor(limit, initial=initial, reference=reference)
    match limit.lock:
        case Lock.NONE:
            return floor
        case Lock.AT_INITIAL:
            return min(floor, initial)
        case Lock.AT_INITIAL_PLUS:
            return min(floor, initial + limit.lock_plus_minor)


def is_breached(comparison: Comparison, *, value: int, floor: int) -> bool:
    """Tell whether `value` breaks `floor`; exactly at the floor it depends on the comparison."""
    match comparison:
        case Comparison.BELOW:
            return value < floor
        case Comparison.AT_OR_BELOW:
            return value <= floor


def conclude(
    challenge: Challenge, outcome: GuardBreached | TargetReached, now: datetime
) -> Conclusion:
    """
    Return what the end of an account means.

    A breach fails the challenge for good; a target moves it to its next phase, and to funded
    after the last. Raises InvariantBroken for a target in a phase that has none.
    """
    match outcome:
        case GuardBreached():
            return _failed(challenge, outcome, now)
        case TargetReached():
            return _passed(challenge, outcome, now)


def _failed(challenge: Challenge, breach: GuardBreached, now: datetime) -> Conclusion:
    limit = next(each for each in limits_of(challenge.terms) if each.name == breach.guard)
    initial: int = challenge.terms.data["initial_minor"]
    from_initial = limit.reference is Reference.INITIAL
    reference = initial if from_initial else breach.reset_balance_minor
    failed = ChallengeFailed(
        challenge_id=challenge.id,
        account_id=breach.account_id,
        phase=breach.phase,
        currency=challenge.terms.data["currency"],
        rule=breach.guard,
        reference_minor=reference,
        floor_minor=breach.floor_minor,
        equity_minor=breach.value_minor,
        loss_permitted_minor=reference - breach.floor_minor,
        loss_actual_minor=reference - breach.value_minor,
        price_seq=breach.price_seq,
    )
    verdict = Verdict(
        account_id=breach.account_id,
        challenge_id=challenge.id,
        phase=breach.phase,
        outcome=Outcome.FAILED,
        rule=breach.guard,
        limit_minor=breach.floor_minor,
        actual_minor=breach.value_minor,
        price_seq=breach.price_seq,
        decided_at=now,
    )
    after = replace(challenge, status=ChallengeStatus.FAILED, suspended_for=None)
    return Conclusion(verdict=verdict, challenge=after, events=(failed,))


def _passed(challenge: Challenge, reached: TargetReached, now: datetime) -> Conclusion:
    following = phase_after(challenge.terms, reached.phase)
    if following is None:
        raise InvariantBroken(f"challenge {challenge.id}: {reached.phase} has no target to reach")
    is_funded = phase_after(challenge.terms, following) is None
    after = replace(
        challenge,
        phase=following,
        account_id=account_id_of(challenge.id, following),
        status=ChallengeStatus.FUNDED if is_funded else ChallengeStatus.RUNNING,
    )
    passed = PhasePassed(
        challenge_id=challenge.id,
        account_id=reached.account_id,
        phase=reached.phase,
        currency=challenge.terms.data["currency"],
        target_minor=reached.target_minor,
        profit_minor=reached.profit_minor,
        days_min=reached.days_min,
        days=reached.days_opened,
        price_seq=reached.price_seq,
        next_phase=following,
        next_account_id=after.account_id,
    )
    verdict = Verdict(
        account_id=reached.account_id,
        challenge_id=challenge.id,
        phase=reached.phase,
        outcome=Outcome.PASSED,
        rule="profit target",
        limit_minor=reached.target_minor,
        actual_minor=reached.profit_minor,
        price_seq=reached.price_seq,
        decided_at=now,
    )
    events: tuple[Event, ...] = (passed,)
    if is_funded:
        events = (
            passed,
            ChallengePassed(challenge_id=challenge.id, price_seq=reached.price_seq),
            ChallengeFunded(challenge_id=challenge.id, account_id=after.account_id),
        )
    return Conclusion(verdict=verdict, challenge=after, events=events)


def _guard(limit: LossLimit, initial: int) -> Guard:
    if (limit.tested, limit.when, limit.effect, limit.lock) != (
        Tested.EQUITY,
        When.EVERY_INPUT,
        Effect.FAIL,
        Lock.NONE,
    ):
        raise CannotJudge(f"no engine judges the switches of {limit.name!r} yet; do not sell it")
    if limit.on_cash_flow is OnCashFlow.NEW_ACCOUNT:
        raise CannotJudge(f"no engine opens a new account after a withdrawal yet: {limit.name!r}")
    if limit.amount_of is AmountOf.REFERENCE_BP:
        raise CannotJudge(f"{limit.name!r} is a share of its reference, which no engine judges yet")
    permitted = permitted_minor(limit, initial=initial, reference=initial)
    recipe: Static | BelowResetBalance
    match limit.reference:
        case Reference.INITIAL:
            recipe = Static(floor_minor=initial - permitted)
        case Reference.DAY_START_BALANCE:
            recipe = BelowResetBalance(amount_minor=permitted)
        case _:
            raise CannotJudge(f"no engine follows {limit.reference} for {limit.name!r} yet")
    return Guard(
        name=limit.name,
        measure=Measure.EQUITY,
        recipe=recipe,
        comparison=EngineComparison(limit.comparison.value),
        on_cash_flow=EngineOnCashFlow(limit.on_cash_flow.value),
    )


def _target(rules: PhaseRules, initial: int) -> Target | None:
    if rules.target_bp is None:
        return None
    if (rules.target_on, rules.day_counts, rules.best_day_max_bp) != (
        TargetOn.CLOSED_FLAT,
        DayCounts.OPENING,
        None,
    ):
        raise CannotJudge(f"no engine judges the target of {rules.name!r} yet; do not sell it")
    return Target(
        profit_minor=half_even(initial * rules.target_bp, BASIS_POINTS), days_min=rules.days_min
    )


def _limit(data: dict[str, Any]) -> LossLimit:
    return LossLimit(
        name=data["name"],
        amount_of=AmountOf(data["amount_of"]),
        amount=data["amount"],
        reference=Reference(data["reference"]),
        tested=Tested(data["tested"]),
        when=When(data["when"]),
        comparison=Comparison(data["comparison"]),
        effect=Effect(data["effect"]),
        on_cash_flow=OnCashFlow(data["on_cash_flow"]),
        lock=Lock(data["lock"]),
        lock_plus_minor=data["lock_plus_minor"],
    )


def _phase(data: dict[str, Any]) -> PhaseRules:
    return PhaseRules(
        name=data["name"],
        target_bp=data["target_bp"],
        target_on=None if data["target_on"] is None else TargetOn(data["target_on"]),
        days_min=data["days_min"],
        day_counts=DayCounts(data["day_counts"]),
        day_profit_min_bp=data["day_profit_min_bp"],
        best_day_max_bp=data["best_day_max_bp"],
    )
