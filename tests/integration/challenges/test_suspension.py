"""Challenges suspended, reinstated and revoked, by the real engine on real PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from challenge_firm import open_firm, steps
from tradesense import challenges, trading
from tradesense.challenges import ChallengeStatus, RevokedFor, SuspendedFor
from tradesense.challenges.invariants import INVARIANTS
from tradesense.kernel.ids import derive
from tradesense.trading.model import GuardBreached, TargetReached

MONDAY = datetime(2014, 5, 5, 8, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DISPUTED = SuspendedFor.PAYMENT_DISPUTED


@pytest.fixture
async def firm(runtime, sealer_db, clock):
    clock.set(MONDAY - timedelta(minutes=1))
    prices = steps(MONDAY, 138_000, 138_000, 137_400)
    async with open_firm(runtime, sealer_db, clock, prices) as made:
        yield made


async def do(firm, verb, **fields):
    now = firm.runtime.now()
    done = await firm.runtime.db.repeat(lambda tx: verb(tx, now=now, **fields))
    await firm.settled()
    return done


async def kinds(firm, stream):
    return [entry.kind for entry in await firm.said(stream)]


async def last(firm, account_id):
    return (await firm.said(f"account:{account_id}"))[-1]


async def standing(firm, account_id):
    async with firm.runtime.db.reading() as tx:
        return await challenges.get_standing(
            tx, account_id, user_id=firm.user_id, now=firm.runtime.now()
        )


async def test_a_suspended_challenge_takes_no_orders_until_it_is_reinstated(firm):
    challenge = await firm.start()
    await firm.until(MONDAY)
    suspended = await do(firm, challenges.suspend, challenge_id=challenge.id, reason=DISPUTED)
    assert suspended.suspended_for is DISPUTED
    again = await do(firm, challenges.suspend, challenge_id=challenge.id, reason=DISPUTED)
    assert again == suspended

    await firm.order(challenge.account_id, 1_000)
    assert (await last(firm, challenge.account_id)).data["reason"] == "account_halted"
    shown = await standing(firm, challenge.account_id)
    assert (shown.status, shown.why) == ("suspended", "payment disputed")

    await do(firm, challenges.reinstate, challenge_id=challenge.id)
    await do(firm, challenges.reinstate, challenge_id=challenge.id)
    await firm.order(challenge.account_id, 1_000)
    assert (await last(firm, challenge.account_id)).kind == "OrderFilled"
    assert (await standing(firm, challenge.account_id)).status == "running"
    assert await kinds(firm, f"challenge:{challenge.id}") == [
        "ChallengeStarted", "ChallengeSuspended", "ChallengeReinstated",
    ]  # fmt: skip


async def test_a_suspended_challenge_fails_on_the_price_that_breaks_it(firm):
    challenge = await firm.start()
    await firm.until(MONDAY)
    await firm.order(challenge.account_id, 1_000_000)
    await do(firm, challenges.suspend, challenge_id=challenge.id, reason=DISPUTED)
    await firm.until(MONDAY + 30 * SECOND)
    failed = await firm.challenge(challenge.id)
    assert failed.status is ChallengeStatus.FAILED
    assert failed.suspended_for is None
    stays = await do(
        firm, challenges.revoke, challenge_id=challenge.id, reason=RevokedFor.CHARGED_BACK
    )
    assert stays == failed
    assert (await kinds(firm, f"challenge:{challenge.id}"))[-1] == "ChallengeFailed"


async def test_a_revoked_challenge_is_flattened_and_never_trades_again(firm):
    challenge = await firm.start()
    await firm.until(MONDAY)
    await firm.order(challenge.account_id, 1_000)
    await do(firm, challenges.suspend, challenge_id=challenge.id, reason=DISPUTED)
    revoked = await do(
        firm, challenges.revoke, challenge_id=challenge.id, reason=RevokedFor.CHARGED_BACK
    )
    assert (revoked.status, revoked.suspended_for) == (ChallengeStatus.REVOKED, None)
    closed = await last(firm, challenge.account_id)
    assert (closed.kind, closed.data["reason"]) == ("AccountClosed", "charged_back")
    await firm.order(challenge.account_id, 1_000)
    assert (await last(firm, challenge.account_id)).data["reason"] == "account_not_active"
    shown = await standing(firm, challenge.account_id)
    assert (shown.status, shown.why) == ("revoked", "charged back")
    for verb, fields in (
        (challenges.suspend, {"reason": DISPUTED}),
        (challenges.reinstate, {}),
        (challenges.revoke, {"reason": RevokedFor.REFUNDED}),
    ):
        assert await do(firm, verb, challenge_id=challenge.id, **fields) == revoked


def a_breach(challenge):
    return GuardBreached(
        account_id=challenge.account_id, challenge_id=challenge.id, phase=challenge.phase,
        price_seq=9, guard="daily loss", measure="equity", comparison="below",
        floor_minor=9_500_000, value_minor=9_400_000, balance_minor=10_000_000,
        reset_balance_minor=10_000_000, day=MONDAY.date(), fills=1, legs=(),
    )  # fmt: skip


def a_target(challenge):
    return TargetReached(
        account_id=challenge.account_id, challenge_id=challenge.id, phase=challenge.phase,
        price_seq=9, profit_minor=1_000_000, target_minor=1_000_000, balance_minor=11_000_000,
        days_opened=4, days_min=4, day=MONDAY.date(), fills=8,
    )  # fmt: skip


async def begin(db, now):
    return await db.repeat(
        lambda tx: challenges.start(
            tx, challenge_id=UUID(int=1), user_id=UUID(int=2), purchase_id=UUID(int=3),
            plan="ftmo-2step-100k", now=now,
        )
    )  # fmt: skip


@pytest.mark.breaks_invariants  # no engine here: the outcomes are the test's own
@pytest.mark.parametrize("outcome", [a_breach, a_target])
async def test_no_verdict_follows_a_revocation(db, clock, outcome):
    now = clock.now()
    challenge = await begin(db, now)
    await db.repeat(
        lambda tx: challenges.revoke(
            tx, challenge_id=challenge.id, reason=RevokedFor.REFUNDED, now=now
        )
    )
    verdict = await db.repeat(lambda tx: challenges.conclude(tx, outcome(challenge), now))
    assert verdict is None
    async with db.reading() as tx:
        assert await challenges.find_verdict(tx, challenge.account_id) is None
        after = await challenges.get(tx, challenge.id, user_id=UUID(int=2))
    assert after.status is ChallengeStatus.REVOKED


@pytest.mark.breaks_invariants  # no engine here: the outcome is the test's own
async def test_a_pass_while_suspended_stands_and_the_next_account_opens_halted(
    runtime, sealer_db, clock
):
    clock.set(MONDAY - timedelta(minutes=1))
    prices = steps(MONDAY, 138_000, 138_000)
    async with open_firm(runtime, sealer_db, clock, prices) as firm:
        challenge = await firm.start()
        await do(firm, challenges.suspend, challenge_id=challenge.id, reason=DISPUTED)
        target, now = a_target(challenge), runtime.now()
        verdict = await runtime.db.repeat(lambda tx: challenges.conclude(tx, target, now))
        assert verdict.outcome == "passed"
        await firm.until(MONDAY)
        after = await firm.challenge(challenge.id)
        assert (after.phase, after.suspended_for) == ("phase-2", DISPUTED)
        assert await kinds(firm, f"account:{after.account_id}") == [
            "AccountOpened", "AccountHalted",
        ]  # fmt: skip
        await do(firm, challenges.reinstate, challenge_id=challenge.id)
        await firm.order(after.account_id, 1_000)
        assert (await last(firm, after.account_id)).kind == "OrderFilled"


async def test_an_unknown_challenge_cannot_be_suspended(db, clock):
    with pytest.raises(challenges.UnknownChallenge):
        await db.repeat(
            lambda tx: challenges.suspend(
                tx, challenge_id=UUID(int=9), reason=DISPUTED, now=clock.now()
            )
        )


DAMAGE = {
    "the account of a revoked challenge was asked to close for that reason": (
        "UPDATE challenges_challenges SET revoked_for = 'refunded'"
    ),
    "no verdict follows a revocation": (
        "INSERT INTO challenges_verdicts (account_id, outcome, rule, limit_minor, actual_minor,"
        " price_seq, decided_at) SELECT account_id, 'failed', 'x', 1, 1, 1, now()"
        " FROM challenges_accounts"
    ),
    "an account was asked to halt if, and only if, its challenge is suspended": (
        "UPDATE challenges_challenges SET status = 'running', revoked_for = NULL,"
        " suspended_for = 'under_review'"
    ),
}


@pytest.mark.breaks_invariants
@pytest.mark.parametrize("promise", DAMAGE)
async def test_damage_is_noticed(promise, db, clock, database):
    challenge = await begin(db, clock.now())
    await db.repeat(
        lambda tx: challenges.revoke(
            tx, challenge_id=challenge.id, reason=RevokedFor.CHARGED_BACK, now=clock.now()
        )
    )
    with psycopg.connect(database.superuser, autocommit=True) as superuser:
        assert superuser.execute(INVARIANTS[promise]).fetchall() == []
        superuser.execute(DAMAGE[promise])
        assert superuser.execute(INVARIANTS[promise]).fetchall() != []


async def test_a_withdrawal_asked_twice_is_taken_once_and_asked_otherwise_is_refused(firm):
    challenge = await firm.start()
    await firm.until(MONDAY)
    paid, account = derive(challenge.id, "payout"), challenge.account_id
    for _ in range(2):
        await do(
            firm, trading.request_withdrawal,
            account_id=account, withdrawal_id=paid, amount_minor=500,
        )  # fmt: skip
    assert (await kinds(firm, f"account:{account}"))[1:] == ["WithdrawalRefused"]
    assert (await last(firm, account)).data["reason"] == "no_profit"
    with pytest.raises(trading.WithdrawalAskedDifferently):
        await do(
            firm, trading.request_withdrawal,
            account_id=account, withdrawal_id=paid, amount_minor=501,
        )  # fmt: skip
    with pytest.raises(trading.UnknownWithdrawal):
        await do(firm, trading.request_restore, account_id=account, withdrawal_id=UUID(int=5))
    assert replace(await firm.challenge(challenge.id), terms=challenge.terms) == challenge
