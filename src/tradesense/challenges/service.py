"""The verbs of challenges. Each takes the caller's transaction and never commits it."""

from dataclasses import replace
from datetime import datetime
from importlib.metadata import version
from uuid import UUID

from tradesense import market, trading, trail
from tradesense.challenges import rules, store
from tradesense.challenges.model import (
    Challenge,
    ChallengeFailed,
    ChallengeFunded,
    ChallengePassed,
    ChallengeStarted,
    ChallengeStatus,
    Outcome,
    PhasePassed,
    Plan,
    Terms,
    Verdict,
)
from tradesense.challenges.programmes import PLANS
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import Conflict, Invalid, InvariantBroken, NotFound
from tradesense.kernel.events import Event
from tradesense.trading.model import GuardBreached, TargetReached
from tradesense.trail.model import Fact

FUNDED = "funded"
ENGINE = "system:engine"


class UnknownPlan(Invalid):
    code = "challenges.unknown_plan"


class UnknownChallenge(NotFound):
    code = "challenges.unknown"


class UnknownAccount(NotFound):
    code = "challenges.unknown_account"


class AlreadyStarted(Conflict):
    code = "challenges.already_started"


class AlreadyJudged(Conflict):
    code = "challenges.already_judged"


def list_plans() -> tuple[Plan, ...]:
    """Return what is on sale."""
    return tuple(PLANS.values())


def get_plan(code: str) -> Plan:
    """Return the plan of this code. Raises UnknownPlan, naming those on sale."""
    if code in PLANS:
        return PLANS[code]
    raise UnknownPlan(f"no plan {code[:60]!r}; on sale: {', '.join(PLANS)}")


def seal_terms(plan: Plan) -> Terms:
    """Return the terms a buyer of `plan` gets now: complete, canonical, named by their hash."""
    instruments = [market.get_instrument(symbol) for symbol in plan.symbols]
    return rules.seal(plan, instruments, version("tzdata"))


async def start(
    tx: Transaction,
    *,
    challenge_id: UUID,
    user_id: UUID,
    purchase_id: UUID,
    plan: str,
    now: datetime,
) -> Challenge:
    """
    Start a challenge: seal its terms and request the account of its first phase.

    Raises UnknownPlan, or AlreadyStarted if the challenge or its purchase has one.
    """
    bought = get_plan(plan)
    terms = seal_terms(bought)
    phase = rules.phases_of(terms)[0].name
    challenge = Challenge(
        id=challenge_id,
        user_id=user_id,
        purchase_id=purchase_id,
        plan=plan,
        phase=phase,
        account_id=rules.account_id_of(challenge_id, phase),
        status=ChallengeStatus.RUNNING,
        terms=terms,
        started_at=now,
    )
    reset = (bought.programme.reset_time, bought.programme.reset_zone)
    if not await store.insert(tx, challenge, reset=reset):
        raise AlreadyStarted(f"challenge {challenge_id} has started before; nothing to do")
    started = ChallengeStarted(
        challenge_id=challenge_id,
        user_id=user_id,
        purchase_id=purchase_id,
        plan=plan,
        terms_sha256=terms.sha256,
        account_id=challenge.account_id,
    )
    by, cause = f"user:{user_id}", f"purchase:{purchase_id}"
    await trail.record(
        tx, Fact(event=started, stream=_stream(challenge), at=now, by=by, cause=cause)
    )
    await _request_open(tx, challenge, now=now)
    return challenge


async def conclude(
    tx: Transaction, outcome: GuardBreached | TargetReached, now: datetime
) -> Verdict:
    """
    Make the end of an account lasting: its one verdict, and what follows for the challenge.

    A breach fails the challenge for good. A target opens the account of the next phase, whose
    request commits with the verdict. Raises UnknownAccount, or AlreadyJudged.
    """
    challenge = await store.lock_by_account(tx, outcome.account_id)
    if challenge is None:
        raise UnknownAccount(f"no challenge trades account {outcome.account_id}")
    verdict = _verdict(challenge, outcome, now)
    if not await store.insert_verdict(tx, verdict):
        raise AlreadyJudged(f"account {outcome.account_id} has its verdict; it is final")
    if (challenge.account_id, challenge.status) == (outcome.account_id, ChallengeStatus.FAILED):
        raise InvariantBroken(f"challenge {challenge.id} failed without a verdict")
    match outcome:
        case GuardBreached():
            await _fail(tx, challenge, outcome, now=now)
        case TargetReached():
            await _pass(tx, challenge, outcome, now=now)
    return verdict


async def reset_schedules(tx: Transaction) -> tuple[str, ...]:
    """
    Return every reset in use as "00:00 Europe/Prague", sorted; the feed sequences each of them.

    The resets of plans on sale are always among them, so that a challenge which starts between
    two of the feed's looks misses none.
    """
    sold = {(p.programme.reset_time, p.programme.reset_zone) for p in PLANS.values()}
    return tuple(f"{time} {zone}" for time, zone in sorted({*sold, *await store.list_resets(tx)}))


async def get(tx: Transaction, challenge_id: UUID, *, user_id: UUID) -> Challenge:
    """Return the user's challenge. Raises UnknownChallenge; another's looks like none."""
    challenge = await store.find(tx, challenge_id)
    if challenge is None or challenge.user_id != user_id:
        raise UnknownChallenge(f"you have no challenge {challenge_id}")
    return challenge


async def _fail(
    tx: Transaction, challenge: Challenge, breach: GuardBreached, *, now: datetime
) -> None:
    limit = next(each for each in rules.limits_of(challenge.terms) if each.name == breach.guard)
    reference = rules.reference_minor(
        limit,
        initial=challenge.terms.data["initial_minor"],
        reset_balance=breach.reset_balance_minor,
    )
    await store.save(tx, replace(challenge, status=ChallengeStatus.FAILED))
    failed = ChallengeFailed(
        challenge_id=challenge.id,
        account_id=breach.account_id,
        phase=challenge.phase,
        currency=challenge.terms.data["currency"],
        rule=breach.guard,
        reference_minor=reference,
        floor_minor=breach.floor_minor,
        equity_minor=breach.value_minor,
        loss_permitted_minor=reference - breach.floor_minor,
        loss_actual_minor=reference - breach.value_minor,
        price_seq=breach.price_seq,
    )
    await _record(tx, challenge, failed, now=now)


async def _pass(
    tx: Transaction, challenge: Challenge, reached: TargetReached, *, now: datetime
) -> None:
    following = rules.phase_after(challenge.terms, challenge.phase)
    if following is None:
        raise InvariantBroken(f"challenge {challenge.id}: {challenge.phase} has no target")
    promoted = replace(
        challenge,
        phase=following,
        account_id=rules.account_id_of(challenge.id, following),
        status=ChallengeStatus.FUNDED if following == FUNDED else ChallengeStatus.RUNNING,
    )
    await store.save(tx, promoted)
    await store.insert_account(tx, promoted, now=now)
    facts: list[Event] = [
        PhasePassed(
            challenge_id=challenge.id,
            account_id=reached.account_id,
            phase=challenge.phase,
            currency=challenge.terms.data["currency"],
            target_minor=reached.target_minor,
            profit_minor=reached.profit_minor,
            days_min=reached.days_min,
            days=reached.days_opened,
            price_seq=reached.price_seq,
            next_phase=following,
            next_account_id=promoted.account_id,
        )
    ]
    if following == FUNDED:
        facts += [
            ChallengePassed(challenge_id=challenge.id, price_seq=reached.price_seq),
            ChallengeFunded(challenge_id=challenge.id, account_id=promoted.account_id),
        ]
    await _record(tx, challenge, *facts, now=now)
    await _request_open(tx, promoted, now=now)


def _verdict(
    challenge: Challenge, outcome: GuardBreached | TargetReached, now: datetime
) -> Verdict:
    match outcome:
        case GuardBreached():
            ended, rule = Outcome.FAILED, outcome.guard
            limit, actual = outcome.floor_minor, outcome.value_minor
        case TargetReached():
            ended, rule = Outcome.PASSED, "profit target"
            limit, actual = outcome.target_minor, outcome.profit_minor
    return Verdict(
        account_id=outcome.account_id,
        challenge_id=challenge.id,
        phase=outcome.phase,
        outcome=ended,
        rule=rule,
        limit_minor=limit,
        actual_minor=actual,
        price_seq=outcome.price_seq,
        decided_at=now,
    )


async def _request_open(tx: Transaction, challenge: Challenge, *, now: datetime) -> None:
    setup = rules.compile_setup(challenge.terms, challenge_id=challenge.id, phase=challenge.phase)
    await trading.request_open(tx, setup=setup, now=now)


async def _record(tx: Transaction, challenge: Challenge, *events: Event, now: datetime) -> None:
    stream, cause = _stream(challenge), f"account:{challenge.account_id}"
    await trail.record(
        tx, *(Fact(event=each, stream=stream, at=now, by=ENGINE, cause=cause) for each in events)
    )


def _stream(challenge: Challenge) -> str:
    return f"challenge:{challenge.id}"
