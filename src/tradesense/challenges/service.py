"""The verbs of challenges. Each takes the caller's transaction and never commits it."""

from dataclasses import replace
from datetime import datetime
from importlib.metadata import version
from uuid import UUID

from tradesense import market, trading, trail
from tradesense.challenges import rules, store
from tradesense.challenges.model import (
    Challenge,
    ChallengeReinstated,
    ChallengeRevoked,
    ChallengeStarted,
    ChallengeStatus,
    ChallengeSuspended,
    Plan,
    RevokedFor,
    SuspendedFor,
    Terms,
    Verdict,
)
from tradesense.challenges.programmes import PLANS
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import Conflict, Invalid, InvariantBroken, NotFound
from tradesense.kernel.events import Event
from tradesense.trading.model import GuardBreached, TargetReached
from tradesense.trail.model import Fact

ENGINE = "system:engine"
FIRM = "system:challenges"


class UnknownPlan(Invalid):
    """Nothing of this name is on sale; the message lists what is."""

    code = "challenges.unknown_plan"


class UnknownChallenge(NotFound):
    """You have no challenge of this id, or your key is for another."""

    code = "challenges.unknown"


class UnknownAccount(NotFound):
    """You have no account of this id, or your key is for another challenge."""

    code = "challenges.unknown_account"


class AlreadyStarted(Conflict):
    """The challenge has started before, and starts once."""

    code = "challenges.already_started"


class AlreadyJudged(Conflict):
    """The account has its verdict, and a verdict is never changed."""

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
        tx, Fact(event=started, stream=f"challenge:{challenge_id}", at=now, by=by, cause=cause)
    )
    await _request_open(tx, challenge, now=now)
    return challenge


async def conclude(
    tx: Transaction, outcome: GuardBreached | TargetReached, now: datetime
) -> Verdict | None:
    """
    Make the end of an account lasting: its one verdict, and what follows for the challenge.

    A breach fails the challenge for good, suspended or not. A target opens the account of the
    next phase, whose request commits with the verdict; while suspended it opens halted. A
    revoked challenge is past judging: None. Raises UnknownAccount, or AlreadyJudged.
    """
    challenge = await store.lock_by_account(tx, outcome.account_id)
    if challenge is None:
        raise UnknownAccount(f"no challenge trades account {outcome.account_id}")
    if challenge.status is ChallengeStatus.REVOKED:
        return None
    concluded = rules.conclude(challenge, outcome, now)
    if not await store.insert_verdict(tx, concluded.verdict):
        raise AlreadyJudged(f"account {outcome.account_id} has its verdict; it is final")
    if challenge.account_id != outcome.account_id or challenge.status is ChallengeStatus.FAILED:
        raise InvariantBroken(f"challenge {challenge.id} went on without a verdict")
    after = concluded.challenge
    await store.save(tx, after)
    stream, cause = f"challenge:{challenge.id}", f"account:{outcome.account_id}"
    await trail.record(
        tx,
        *(
            Fact(event=event, stream=stream, at=now, by=ENGINE, cause=cause)
            for event in concluded.events
        ),
    )
    if after.account_id != challenge.account_id:
        await store.insert_account(tx, after, now=now)
        await _request_open(tx, after, now=now)
        if after.suspended_for is not None:
            await _request_halt(tx, after, after.suspended_for, now=now)
    return concluded.verdict


async def suspend(
    tx: Transaction, *, challenge_id: UUID, reason: SuspendedFor, now: datetime
) -> Challenge:
    """
    Halt the challenge's account until `reinstate`: no new orders, closing allowed.

    It is still judged meanwhile: a breach fails it, a pass stands and the next account opens
    halted. A challenge that is over or suspended already stays as it is; look at what is
    returned. Raises UnknownChallenge.
    """
    challenge = await _lock(tx, challenge_id)
    if challenge.is_over or challenge.suspended_for is not None:
        return challenge
    after = replace(challenge, suspended_for=reason)
    said = ChallengeSuspended(
        challenge_id=challenge.id, account_id=challenge.account_id, reason=reason
    )
    await _save_and_say(tx, after, said, now=now)
    await _request_halt(tx, after, reason, now=now)
    return after


async def reinstate(tx: Transaction, *, challenge_id: UUID, now: datetime) -> Challenge:
    """
    Lift the suspension. A challenge that is not suspended stays as it is.

    Raises UnknownChallenge.
    """
    challenge = await _lock(tx, challenge_id)
    if challenge.suspended_for is None:
        return challenge
    after = replace(challenge, suspended_for=None)
    said = ChallengeReinstated(challenge_id=challenge.id, account_id=challenge.account_id)
    await _save_and_say(tx, after, said, now=now)
    await trading.request_resume(tx, account_id=after.account_id, now=now)
    return after


async def revoke(
    tx: Transaction, *, challenge_id: UUID, reason: RevokedFor, now: datetime
) -> Challenge:
    """
    Take the challenge back for good: its account is flattened and closed, no verdict follows.

    A challenge that has failed or was revoked stays as it is; look at what is returned.
    Raises UnknownChallenge.
    """
    challenge = await _lock(tx, challenge_id)
    if challenge.is_over:
        return challenge
    after = replace(
        challenge, status=ChallengeStatus.REVOKED, suspended_for=None, revoked_for=reason
    )
    said = ChallengeRevoked(
        challenge_id=challenge.id, account_id=challenge.account_id, reason=reason
    )
    await _save_and_say(tx, after, said, now=now)
    await trading.request_close_account(
        tx, account_id=after.account_id, reason=trading.Reason(reason.value), now=now
    )
    return after


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


async def _lock(tx: Transaction, challenge_id: UUID) -> Challenge:
    challenge = await store.lock(tx, challenge_id)
    if challenge is None:
        raise UnknownChallenge(f"there is no challenge {challenge_id}")
    return challenge


async def _save_and_say(tx: Transaction, after: Challenge, said: Event, *, now: datetime) -> None:
    await store.save(tx, after)
    stream, cause = f"challenge:{after.id}", f"purchase:{after.purchase_id}"
    await trail.record(tx, Fact(event=said, stream=stream, at=now, by=FIRM, cause=cause))


async def _request_halt(
    tx: Transaction, challenge: Challenge, reason: SuspendedFor, *, now: datetime
) -> None:
    why = trading.Reason(reason.value)
    await trading.request_halt(tx, account_id=challenge.account_id, reason=why, now=now)


async def _request_open(tx: Transaction, challenge: Challenge, *, now: datetime) -> None:
    setup = rules.compile_setup(challenge.terms, challenge_id=challenge.id, phase=challenge.phase)
    await trading.request_open(tx, setup=setup, now=now)
