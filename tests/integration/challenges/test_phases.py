"""A challenge from its start to its end, judged by the real engine on real PostgreSQL."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from challenge_firm import PLAN, Firm, open_firm, steps
from tradesense import challenges, market
from tradesense.challenges import ChallengeStatus
from tradesense.kernel.errors import Invalid

MONDAY = datetime(2014, 5, 5, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def one_way(start: datetime, days: int, last_bid: int) -> list[market.Quote]:
    """Return quiet days of two prices each; on the last of them the price moves to `last_bid`."""
    quiet = [quote for n in range(days) for quote in steps(start + n * DAY, 138_000, 138_000)]
    return [*quiet[:-1], quiet[-1]._replace(bid=last_bid, ask=last_bid + 10)]


async def trade_days(firm: Firm, account_id: UUID, start: datetime, days: int, qty: int) -> None:
    """Open and close 1,000 on each day, and `qty` over the last day's move."""
    for n in range(days):
        await firm.until(start + n * DAY)
        await firm.order(account_id, qty if n == days - 1 else 1_000)
        await firm.until(start + n * DAY + timedelta(seconds=10))
        await firm.close(account_id)


async def test_a_breach_fails_the_challenge_for_good(runtime, sealer_db, clock):
    clock.set(MONDAY - timedelta(minutes=1))
    async with open_firm(runtime, sealer_db, clock, steps(MONDAY, 138_000, 137_400)) as firm:
        challenge = await firm.start()
        await firm.until(MONDAY)
        await firm.order(challenge.account_id, 1_000_000)
        await firm.until(MONDAY + timedelta(seconds=10))

        after = await firm.challenge(challenge.id)
        assert after.status is ChallengeStatus.FAILED
        failed = (await firm.said(f"challenge:{challenge.id}"))[-1]
        assert failed.kind == "ChallengeFailed"
        assert failed.data["rule"] == "daily loss"
        assert (failed.data["loss_permitted_minor"], failed.data["loss_actual_minor"]) == (
            5_000_00,
            6_100_00,
        )
        # The verdict names the very price, and the account never trades again.
        breach = await firm.said(f"account:{challenge.account_id}")
        assert failed.data["price_seq"] in {e.data["price_seq"] for e in breach}
        assert breach[-1].kind == "AccountClosed"
        await firm.order(challenge.account_id, 1_000)
        refused = (await firm.said(f"account:{challenge.account_id}"))[-1]
        assert (refused.kind, refused.data["reason"]) == ("OrderRejected", "account_not_active")


async def test_both_phases_passed_end_in_a_funded_account(runtime, sealer_db, clock):
    second = MONDAY + 7 * DAY
    prices = [*one_way(MONDAY, 4, 139_100), *one_way(second, 4, 138_600)]
    clock.set(MONDAY - timedelta(minutes=1))
    async with open_firm(runtime, sealer_db, clock, prices) as firm:
        challenge = await firm.start()
        await trade_days(firm, challenge.account_id, MONDAY, 4, 1_000_000)
        promoted = await firm.challenge(challenge.id)
        assert (promoted.phase, promoted.status) == ("phase-2", ChallengeStatus.RUNNING)
        assert promoted.account_id != challenge.account_id

        await trade_days(firm, promoted.account_id, second, 4, 1_000_000)
        funded = await firm.challenge(challenge.id)
        assert (funded.phase, funded.status) == ("funded", ChallengeStatus.FUNDED)
        assert [each.kind for each in await firm.said(f"challenge:{challenge.id}")] == [
            "ChallengeStarted",
            "PhasePassed",
            "PhasePassed",
            "ChallengePassed",
            "ChallengeFunded",
        ]
        opened = await firm.said(f"account:{funded.account_id}")
        assert opened[0].kind == "AccountOpened"
        assert opened[0].data["terms_sha256"] == challenge.terms.sha256


async def test_the_same_start_twice_is_refused_and_changes_nothing(runtime, db):
    async def start(tx, number=1):
        return await challenges.start(
            tx,
            challenge_id=UUID(int=number),
            user_id=UUID(int=2),
            purchase_id=UUID(int=3),
            plan=PLAN,
            now=runtime.now(),
        )

    await db.run(start, key="first")
    with pytest.raises(challenges.AlreadyStarted):
        await db.run(start, key="again")
    with pytest.raises(challenges.AlreadyStarted):
        await db.run(lambda tx: start(tx, number=9), key="one purchase, two challenges")


async def test_an_unknown_plan_starts_nothing(runtime, db):
    with pytest.raises(Invalid, match="on sale: ftmo-2step-100k"):
        await db.run(
            lambda tx: challenges.start(
                tx,
                challenge_id=UUID(int=1),
                user_id=UUID(int=2),
                purchase_id=UUID(int=3),
                plan="ftmo-9step",
                now=runtime.now(),
            ),
            key="start",
        )


async def test_the_resets_of_plans_on_sale_are_in_use_before_anybody_bought_one(db):
    async with db.reading() as tx:
        assert await challenges.reset_schedules(tx) == ("00:00 Europe/Prague",)
