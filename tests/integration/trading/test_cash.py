"""Halts and withdrawals on real PostgreSQL: once each, whole, and the same after any restart."""

import asyncio
from uuid import UUID

import pytest

from tradesense import trading
from tradesense.kernel.errors import Invalid
from tradesense.trading.model import Reason
from trading_desk import ACCOUNT, Desk
from trading_world import a_setup

FIRST, SECOND = UUID(int=71), UUID(int=72)


@pytest.fixture
async def desk(db, clock, database):
    """A desk whose account has closed a profit of 40,000 minor units."""
    desk = Desk(db, clock, database)
    await desk.open(a_setup())
    await desk.quote(140_000)
    await desk.order(400_000, "in")
    await desk.settle()
    await desk.quote(140_100)
    await desk.close("out")
    await desk.settle()
    return desk


async def view(desk):
    async with desk.db.reading() as tx:
        return await trading.find_account(tx, ACCOUNT)


async def test_two_withdrawals_at_once_take_the_profit_once(desk):
    await asyncio.gather(desk.withdraw(None, FIRST), desk.withdraw(None, SECOND))
    await desk.settle()

    assert sorted((await desk.kinds())[-2:]) == ["WithdrawalRefused", "Withdrawn"]
    after = await view(desk)
    assert (after.balance_minor, after.withdrawn_minor, after.profit_minor) == (
        10_000_000, 40_000, 40_000,
    )  # fmt: skip


async def test_the_same_withdrawal_from_ten_callers_is_one_command(desk):
    await asyncio.gather(*(desk.withdraw(1_000, FIRST) for _ in range(10)))
    await desk.settle()
    await desk.withdraw(1_000, FIRST)
    await desk.settle()

    assert (await desk.kinds()).count("Withdrawn") == 1
    assert (await view(desk)).balance_minor == 10_039_000


async def test_a_restart_between_all_of_it_changes_nothing(desk):
    for ask in (
        desk.withdraw(10_000, FIRST),
        desk.withdraw(5_000, SECOND),
        desk.restore(FIRST),
        desk.restore(FIRST),
    ):
        await ask
        book = await desk.settle()
    account = book.accounts[ACCOUNT]
    assert account.withdrawals == {FIRST: 0, SECOND: 5_000}
    assert (account.balance_minor, account.cash_today_minor) == (10_035_000, -5_000)
    assert account == (await desk.settle()).accounts[ACCOUNT]
    async with desk.db.reading() as tx:
        flows = await trading.list_cash_flows(tx, ACCOUNT)
        curve = await trading.equity_curve(tx, ACCOUNT)
    assert [flow.amount_minor for flow in flows] == [-10_000, -5_000, 10_000]
    assert curve[-1].balance_minor == 10_035_000


async def test_a_halt_survives_a_restart(desk):
    async def halt(tx):
        await trading.request_halt(
            tx, account_id=ACCOUNT, reason=Reason.UNDER_REVIEW, now=desk.clock.now()
        )

    await desk.order(1_000, "waits", limit=100_000)
    await desk.ask(halt)
    await desk.settle()
    await desk.order(1_000, "refused")
    await desk.settle()

    assert (await desk.kinds())[-4:] == [
        "OrderAccepted", "AccountHalted", "OrderCancelled", "OrderRejected",
    ]  # fmt: skip
    assert (await view(desk)).halted_for is Reason.UNDER_REVIEW


@pytest.mark.parametrize("amount", [0, -1, 10**12])
async def test_an_amount_nobody_can_mean_asks_nothing(desk, amount):
    with pytest.raises(Invalid):
        await desk.withdraw(amount, FIRST)
    assert await desk.rows("SELECT 1 FROM trading_commands WHERE kind = 'withdraw'") == []


async def test_an_unknown_account_pays_nothing(desk):
    with pytest.raises(trading.UnknownAccount):
        await desk.withdraw(1, FIRST, account_id=UUID(int=9))
    await desk.withdraw(1_000, FIRST)
    with pytest.raises(trading.UnknownWithdrawal):
        await desk.restore(FIRST, account_id=UUID(int=9))
