"""A payout from the request to its end, by the real engine and the real bank's part."""

from payout_world import PAYOUT, PRICE_MINOR
from tradesense.payouts import LeftIn, PayoutStatus
from tradesense.sagas import State

SHARE = 4_000_00  # 80 % of the 5,000 that the trader made
OWED = SHARE + PRICE_MINOR
SPENT = {"profit-shares:USD": SHARE, "refunds:USD": PRICE_MINOR}


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
    assert await floor.balances() == SPENT | {"bank:USD": 1_000_000_00 - OWED}
    assert await floor.kinds() == [
        "PayoutRequested", "PayoutFrozen", "PayoutApproved", "PayoutApproved", "PayoutSent",
        "PayoutPaid", "FeeRefunded",
    ]  # fmt: skip
    assert {each for each in await floor.told() if each.startswith("payout")} == {
        "payout.frozen", "payout.sent", "payout.paid", "payout.fee_refunded",
    }  # fmt: skip


async def test_a_payout_that_came_back_is_profit_in_the_account_again(floor):
    await floor.request()
    await floor.identify()
    await floor.approve()
    await floor.bank_pays()
    await floor.bank_returns()

    back = await floor.payout()
    assert (back.status, back.left_in) == (PayoutStatus.RETURNED, LeftIn.ACCOUNT)
    assert (await floor.account()).balance_minor == 105_000_00
    assert await floor.balances() == {"bank:USD": 1_000_000_00}
    assert (await floor.kinds())[-2:] == ["PayoutReturned", "PayoutRestored"]
    assert back.id == PAYOUT
