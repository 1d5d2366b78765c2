"""Things that happen at the same moment: requests, approvals, a losing close and a payout."""

import asyncio

import pytest

from payout_world import JANE, JOHN, PAYOUT, PRICE_MINOR, USER
from tradesense import payouts
from tradesense.kernel.ids import derive
from tradesense.payouts import AlreadyApproved, PayoutPending, PayoutStatus

SECOND = derive(USER, "payout", "2")


async def test_of_two_requests_at_once_one_wins_and_the_other_is_told(floor):
    both = await asyncio.gather(
        *(floor.request(each, is_worked=False) for each in (PAYOUT, SECOND)),
        return_exceptions=True,
    )
    (won,) = [each for each in both if isinstance(each, payouts.Payout)]
    (lost,) = [each for each in both if each is not won]
    assert isinstance(lost, PayoutPending)
    await floor.work()
    assert (await floor.payout(won.id)).status is PayoutStatus.FROZEN
    assert (await floor.account()).balance_minor == 100_000_00


async def test_the_same_request_ten_times_at_once_is_one_payout(floor):
    made = await asyncio.gather(
        *(floor.request(is_worked=False) for _ in range(10)), return_exceptions=True
    )
    # Whoever came while the first was not committed yet is told that it is on its way.
    assert {type(each) for each in made} <= {payouts.Payout, PayoutPending}
    await floor.work()
    assert [each.id for each in await floor.read(payouts.list_payouts)] == [PAYOUT]
    assert await floor.kinds() == ["PayoutRequested", "PayoutFrozen"]


async def test_two_operators_at_once_send_it_once_and_one_operator_counts_once(floor):
    await floor.request()
    await floor.identify()
    said = await asyncio.gather(
        *(floor.run(payouts.approve, payout_id=PAYOUT, by=JANE) for _ in range(3)),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in said) == [
        AlreadyApproved.__name__, AlreadyApproved.__name__, "Payout",
    ]  # fmt: skip
    await floor.work()
    assert (await floor.payout()).status is PayoutStatus.FROZEN
    await floor.approve(JOHN)
    assert (await floor.payout()).status is PayoutStatus.SENT
    assert (await floor.kinds()).count("PayoutApproved") == 2


async def lose(floor):
    """Hold a position that has lost 3,000 of the 5,000 by now."""
    account_id = (await floor.challenge()).account_id
    await floor.quote()
    await floor.ask_order(account_id, 1_000_000)
    await floor.settle()
    await floor.quote(floor.bid - 300)
    return account_id


@pytest.mark.parametrize("asked", [None, 5_000_00])
async def test_a_losing_close_just_before_the_freeze_leaves_what_is_left(floor, asked):
    await floor.request(is_worked=False, amount_minor=asked)
    account_id = await lose(floor)
    await floor.ask_close(account_id)
    for _ in range(2):  # the freeze is asked for behind the close, and both wait for the engine
        await floor.sagas()
    await floor.work()

    payout, account = await floor.payout(), await floor.account()
    if asked is None:
        assert (payout.withdrawn_minor, account.balance_minor) == (2_000_00, 100_000_00)
        assert await floor.balances() == {
            "profit-shares:USD": 1_600_00, "refunds:USD": PRICE_MINOR,
            "trader-payable:ada:USD": 1_600_00 + PRICE_MINOR,
        }  # fmt: skip
    else:
        assert (payout.status, payout.reason) == (
            PayoutStatus.REFUSED, "trading.amount_above_profit",
        )  # fmt: skip
        assert (account.balance_minor, await floor.balances()) == (102_000_00, {})


async def test_a_losing_close_just_after_the_freeze_finds_the_money_still_there(floor):
    await floor.request(is_worked=False)
    account_id = await lose(floor)
    for _ in range(2):
        await floor.sagas()
    await floor.ask_close(account_id)
    await floor.work()

    payout = await floor.payout()
    assert (payout.status, payout.withdrawn_minor) == (PayoutStatus.REFUSED, None)
    assert (await floor.account()).balance_minor == 102_000_00
    assert await floor.balances() == {}
    assert "payout.refused" in await floor.told()


async def test_a_loss_after_the_freeze_cannot_touch_it(floor):
    await floor.request()
    account_id = await lose(floor)
    await floor.ask_close(account_id)
    await floor.work()
    assert (await floor.payout()).withdrawn_minor == 5_000_00
    assert (await floor.account()).balance_minor == 97_000_00
