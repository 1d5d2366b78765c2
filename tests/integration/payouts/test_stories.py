"""A payout from the request to its end, by the real engine and the real bank's part."""

from datetime import timedelta

import pytest

from payout_world import CHALLENGE, JANE, PAYOUT, PRICE_MINOR, USER
from tradesense import challenges, payouts
from tradesense.kernel.ids import derive
from tradesense.payouts import IdentityState, LeftIn, PayoutPending, PayoutStatus
from tradesense.payouts.jobs import FREEZE_WITHIN_S, Known
from tradesense.payouts.refusals import IdentityUnknown, NotClear, TooSoon
from tradesense.sagas import State

SHARE = 4_000_00  # 80 % of the 5,000 that the trader made
OWED = SHARE + PRICE_MINOR
SPENT = {"profit-shares:USD": SHARE, "refunds:USD": PRICE_MINOR}
BANK = 1_000_000_00  # what it held before


async def send(floor, payout_id=PAYOUT):
    await floor.request(payout_id)
    await floor.identify(payout_id=payout_id)
    await floor.approve(payout_id=payout_id)


async def breach(floor):
    """Let the trader lose more than the rules allow."""
    account_id = (await floor.challenge()).account_id
    await floor.trade(account_id, 1_000_000, floor.bid - 1_200)
    assert (await floor.challenge()).status is challenges.ChallengeStatus.FAILED


async def test_profit_reaches_the_traders_bank_with_the_fee(floor):
    await floor.request()
    frozen = await floor.payout()
    assert (frozen.status, frozen.withdrawn_minor) == (PayoutStatus.FROZEN, 5_000_00)
    assert (frozen.share_minor, frozen.firm_minor, frozen.fee_minor) == (
        SHARE, 1_000_00, PRICE_MINOR,
    )  # fmt: skip
    assert (await floor.account()).balance_minor == 100_000_00
    assert await floor.balances() == SPENT | {"trader-payable:ada:USD": OWED}

    await floor.identify()
    await floor.approve()
    assert (await floor.payout()).status is PayoutStatus.SENT
    assert await floor.balances() == SPENT | {"payouts-in-transit:USD": OWED}

    await floor.bank_pays()
    assert (await floor.payout()).status is PayoutStatus.PAID
    assert (await floor.saga()).state is State.COMPLETED
    assert await floor.balances() == SPENT | {"bank:USD": BANK - OWED}
    assert await floor.kinds() == [
        "PayoutRequested", "PayoutFrozen", "PayoutApproved", "PayoutApproved", "PayoutSent",
        "PayoutPaid", "FeeRefunded",
    ]  # fmt: skip
    assert {each for each in await floor.told() if each.startswith("payout")} == {
        "payout.frozen", "payout.sent", "payout.paid", "payout.fee_refunded",
    }  # fmt: skip


async def test_a_part_of_the_profit_may_be_asked_for(floor):
    await floor.request(amount_minor=1_000_01)
    frozen = await floor.payout()
    assert (frozen.withdrawn_minor, frozen.share_minor) == (1_000_01, 800_01)
    assert (await floor.account()).balance_minor == 103_999_99


async def test_a_payout_that_came_back_is_profit_in_the_account_again(floor):
    await send(floor)
    await floor.bank_pays()
    await floor.bank_returns()

    back = await floor.payout()
    assert (back.status, back.left_in) == (PayoutStatus.RETURNED, LeftIn.ACCOUNT)
    assert (await floor.account()).balance_minor == 105_000_00
    assert await floor.balances() == {"bank:USD": BANK}
    assert (await floor.kinds())[-2:] == ["PayoutReturned", "PayoutRestored"]
    # It never counted: the next one is the first, at once, with the fee.
    second = derive(USER, "payout", "2")
    await send(floor, second)
    assert (await floor.payout(second)).fee_minor == PRICE_MINOR


async def test_what_came_back_after_a_breach_stays_owed(floor):
    await send(floor)
    await floor.bank_pays()
    await breach(floor)
    await floor.bank_returns()

    back = await floor.payout()
    assert (back.status, back.left_in) == (PayoutStatus.RETURNED, LeftIn.PAYABLE)
    assert await floor.balances() == SPENT | {
        "trader-payable:ada:USD": OWED, "bank:USD": BANK,
    }  # fmt: skip
    assert "payout.owed" in await floor.told()


async def test_what_left_the_account_before_a_breach_is_paid(floor):
    await floor.request()
    await breach(floor)
    await floor.identify()
    await floor.approve()
    await floor.bank_pays()
    assert (await floor.payout()).status is PayoutStatus.PAID
    assert await floor.balances() == SPENT | {"bank:USD": BANK - OWED}


async def test_a_refused_payout_goes_back_into_the_account(floor):
    await floor.request()
    await floor.reject()
    refused = await floor.payout()
    assert (refused.status, refused.reason) == (PayoutStatus.REFUSED, "looks odd")
    assert refused.left_in is LeftIn.ACCOUNT
    assert (await floor.account()).balance_minor == 105_000_00
    assert (await floor.saga()).state is State.COMPENSATED
    assert await floor.balances() == {}
    assert (await floor.kinds())[-3:] == ["PayoutRejected", "PayoutRefused", "PayoutRestored"]


async def test_refused_after_a_breach_the_money_stays_owed(floor):
    await floor.request()
    await breach(floor)
    await floor.reject()
    refused = await floor.payout()
    assert (refused.status, refused.left_in) == (PayoutStatus.REFUSED, LeftIn.PAYABLE)
    assert await floor.balances() == SPENT | {"trader-payable:ada:USD": OWED}


async def test_payouts_follow_each_other_by_the_cycle_and_the_part_grows(floor):
    shares = []
    for number in range(1, 4):
        payout_id = derive(USER, "payout", str(number))
        await floor.request(payout_id)
        if number == 1:
            await floor.identify()
        await floor.approve(payout_id=payout_id)
        await floor.bank_pays(payout_id)
        paid = await floor.payout(payout_id)
        shares.append((paid.number, paid.share_minor, paid.fee_minor))
        with pytest.raises(TooSoon):
            await floor.request(derive(USER, "too soon"))
        await floor.profit(1_000)
    assert shares == [(1, SHARE, PRICE_MINOR), (2, 800_00, 0), (3, 900_00, 0)]


async def test_a_trader_nobody_knows_is_refused_until_somebody_does(floor):
    await floor.request()
    with pytest.raises(IdentityUnknown, match="pending"):
        await floor.approve()
    await floor.identify(is_verified=False)
    refused = await floor.payout()
    assert (refused.status, refused.reason) == (PayoutStatus.REFUSED, "payouts.identity")
    assert await floor.balances() == {}
    with pytest.raises(IdentityUnknown):
        await floor.request(derive(USER, "payout", "2"))
    await floor.identify(is_verified=True)
    await floor.request(derive(USER, "payout", "2"))
    await floor.approve(payout_id=derive(USER, "payout", "2"))
    assert (await floor.payout(derive(USER, "payout", "2"))).status is PayoutStatus.SENT
    assert await floor.kinds(f"identity:{USER}") == [
        "IdentityAsked", "IdentityRejected", "IdentityVerified",
    ]  # fmt: skip


@pytest.mark.parametrize("state", [IdentityState.VERIFIED, IdentityState.REJECTED])
async def test_a_check_of_identities_may_answer_by_itself(floor, state):
    async def check(_, __):
        return Known(state, "asked a register")

    floor.checks["check"] = check
    await floor.request()
    if state is IdentityState.VERIFIED:
        await floor.approve()
        assert (await floor.payout()).status is PayoutStatus.SENT
    else:
        assert (await floor.payout()).left_in is LeftIn.ACCOUNT


async def test_a_small_payout_needs_one_operator(floor):
    await floor.request(alone_max=10_000)
    await floor.identify(by=JANE)
    await floor.approve(JANE)
    assert (await floor.payout()).status is PayoutStatus.SENT


async def test_a_suspended_challenge_is_paid_nothing_until_it_is_reinstated(floor):
    suspended = {"challenge_id": CHALLENGE, "reason": challenges.SuspendedFor.PAYMENT_DISPUTED}
    await floor.run(challenges.suspend, **suspended)
    with pytest.raises(NotClear, match="payment disputed"):
        await floor.request()
    await floor.run(challenges.reinstate, challenge_id=CHALLENGE)
    await floor.request()
    await floor.identify()
    await floor.run(challenges.suspend, **suspended)
    with pytest.raises(NotClear):
        await floor.approve()
    await floor.run(challenges.reinstate, challenge_id=CHALLENGE)
    await floor.approve()
    assert (await floor.payout()).status is PayoutStatus.SENT


async def test_suspended_between_the_last_approval_and_the_sending_it_goes_back(floor):
    await floor.request()
    await floor.identify()
    for by in (JANE, "operator:john"):
        await floor.run(payouts.approve, payout_id=PAYOUT, by=by)
    await floor.run(
        challenges.suspend, challenge_id=CHALLENGE, reason=challenges.SuspendedFor.UNDER_REVIEW
    )
    await floor.work()
    refused = await floor.payout()
    assert (refused.status, refused.reason) == (PayoutStatus.REFUSED, "payouts.not_clear")
    assert (refused.left_in, await floor.balances()) == (LeftIn.ACCOUNT, {})


async def test_a_revoked_challenge_is_paid_nothing_and_a_person_decides_what_is_owed(floor):
    await floor.request()
    await floor.identify()
    await floor.run(
        challenges.revoke, challenge_id=CHALLENGE, reason=challenges.RevokedFor.CHARGED_BACK
    )
    await floor.settle()
    with pytest.raises(NotClear):
        await floor.approve()
    await floor.reject()
    assert (await floor.payout()).left_in is LeftIn.PAYABLE


async def test_what_an_engine_lets_go_too_late_goes_back_at_once(floor):
    """The engine was away so long that the request was given up."""
    await floor.request(is_worked=False)
    for _ in range(3):
        await floor.sagas()
    floor.clock.set(floor.clock.now() + timedelta(seconds=FREEZE_WITHIN_S))
    for _ in range(3):
        await floor.sagas()
    assert (await floor.payout()).status is PayoutStatus.REFUSED
    await floor.work()
    late = await floor.payout()
    assert (late.withdrawn_minor, late.left_in) == (None, LeftIn.ACCOUNT)
    assert (await floor.account()).balance_minor == 105_000_00
    assert await floor.balances() == {}


async def test_without_an_account_of_ours_it_waits_for_one(funded):
    await send(funded)
    waiting = await funded.saga()
    assert (waiting.state, (await funded.payout()).status) == (State.RUNNING, PayoutStatus.FROZEN)
    assert "we have no bank account in USD" in waiting.trouble
    await funded.register()
    await funded.let_pauses_pass()
    await funded.work()
    assert (await funded.payout()).status is PayoutStatus.SENT


async def test_a_transfer_that_no_statement_shows_is_a_persons_to_look_at(floor):
    await send(floor)
    await floor.wait(31)
    await floor.work()
    assert (await floor.saga()).state is State.PARKED
    await floor.bank_pays()
    assert (await floor.payout()).status is PayoutStatus.PAID


async def test_a_second_payout_waits_for_the_first(floor):
    await floor.request(amount_minor=1_000_00)
    await floor.wait(20)
    with pytest.raises(PayoutPending):
        await floor.request(derive(USER, "payout", "2"))
