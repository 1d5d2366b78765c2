"""Halts and withdrawals: a row on each side of every boundary, and what meets what."""

from dataclasses import replace
from uuid import UUID

import pytest

from tradesense.trading.engine.state import CloseAccount, Halt, Restore, Resume, Withdraw
from tradesense.trading.model import (
    AccountClosed,
    AccountHalted,
    Comparison,
    DayRolled,
    GuardBreached,
    OnCashFlow,
    OrderCancelled,
    OrderRejected,
    Reason,
    RestoreRefused,
    WithdrawalRefused,
    WithdrawalRestored,
    Withdrawn,
)
from trading_world import WEDNESDAY, World, a_setup, an_instrument, daily, kinds, only, overall

ACCOUNT, FIRST, SECOND = UUID(int=1), UUID(int=101), UUID(int=102)
LOT = 1_000_000  # one price unit (0.00001) of it is 10 USD = 1,000 minor units
HALT = Halt(Reason.PAYMENT_DISPUTED)


def with_profit(points=100, **changes):
    """An account that has closed a profit of 1,000 minor units a point."""
    world = World(a_setup(target=None, **changes))
    world.quote(140_000)
    world.buy(LOT)
    world.quote(140_000 + points)
    world.close()
    return world


def ask(world, what):
    return world.command(ACCOUNT, what)


def refused(world, what):
    return only(ask(world, what), WithdrawalRefused).reason


def test_all_profit_is_what_stands_above_the_initial_balance():
    world = with_profit()

    out = only(ask(world, Withdraw(FIRST, None)), Withdrawn)

    assert (out.amount_minor, out.balance_minor, out.fills) == (100_000, 10_000_000, 2)
    assert out.challenge_id == world.account().setup.challenge_id


@pytest.mark.parametrize(
    ("asked", "reason"),
    [(100_000, None), (100_001, Reason.ABOVE_PROFIT), (1, None), (0, Reason.ABOVE_PROFIT)],
)
def test_only_profit_leaves_to_the_cent(asked, reason):
    world = with_profit()
    events = ask(world, Withdraw(FIRST, asked))
    assert getattr(events[0], "reason", None) == reason


def test_of_two_withdrawals_at_once_the_second_finds_what_the_first_left():
    world = with_profit()
    assert only(ask(world, Withdraw(FIRST, None)), Withdrawn).amount_minor == 100_000
    assert refused(world, Withdraw(SECOND, None)) is Reason.NO_PROFIT


def test_the_same_withdrawal_twice_is_one():
    world = with_profit()
    ask(world, Withdraw(FIRST, 10_000))
    assert refused(world, Withdraw(FIRST, 10_000)) is Reason.ALREADY_WITHDRAWN
    assert world.account().balance_minor == 10_090_000


def test_a_losing_close_before_a_withdrawal_leaves_less_to_withdraw():
    world = with_profit()
    world.buy(LOT)
    world.quote(140_040)
    world.close()
    assert refused(world, Withdraw(FIRST, 100_000)) is Reason.ABOVE_PROFIT
    assert only(ask(world, Withdraw(SECOND, None)), Withdrawn).amount_minor == 40_000


def test_a_withdrawal_before_a_losing_close_finds_the_account_not_flat():
    world = with_profit()
    world.buy(LOT)
    world.quote(140_040)
    assert refused(world, Withdraw(FIRST, None)) is Reason.NOT_FLAT
    world.close()
    assert world.account().balance_minor == 10_040_000


def test_an_order_at_work_is_not_flat_either():
    world = with_profit()
    world.buy(1_000, limit=100_000)
    assert refused(world, Withdraw(FIRST, None)) is Reason.NOT_FLAT


@pytest.mark.parametrize("days", [0, 1], ids=["same day", "after the reset"])
def test_a_shifted_floor_moves_with_the_cash_until_the_reset(days):
    world = with_profit(guards=(daily(), overall()))
    if days:
        world.reset("2014-05-03")
    out = only(ask(world, Withdraw(FIRST, None)), Withdrawn)
    reset_balance = 10_100_000 if days else 10_000_000
    assert [floor.floor_minor for floor in out.floors] == [
        reset_balance - 100_000 - 500_000,
        9_000_000,
    ]
    rolled = only(world.reset("2014-05-05")[-1:], DayRolled)
    assert rolled.floors[0].floor_minor == 10_000_000 - 500_000


@pytest.mark.parametrize(
    ("comparison", "amount", "crosses"),
    [
        (Comparison.BELOW, 60_000, False),
        (Comparison.BELOW, 60_001, True),
        (Comparison.AT_OR_BELOW, 60_000, True),
        (Comparison.AT_OR_BELOW, 59_999, False),
    ],
)
def test_a_kept_floor_refuses_what_would_cross_it(comparison, amount, crosses):
    """The day began at 10,100,000 with 60,000 to lose: the floor stays at 10,040,000."""
    guard = replace(daily(60_000, comparison), on_cash_flow=OnCashFlow.KEEP)
    world = with_profit(guards=(guard,))
    world.reset("2014-05-03")
    events = ask(world, Withdraw(FIRST, amount))
    assert kinds(events) == ["WithdrawalRefused" if crosses else "Withdrawn"]
    assert getattr(events[0], "reason", None) == (Reason.WOULD_CROSS_FLOOR if crosses else None)


def test_a_floor_at_the_initial_balance_stands_while_anything_is_withdrawn():
    guard = replace(overall(), on_cash_flow=OnCashFlow.FLOOR_TO_INITIAL)
    world = with_profit(guards=(guard,))
    out = only(ask(world, Withdraw(FIRST, 40_000)), Withdrawn)
    assert out.floors[0].floor_minor == 10_000_000
    back = only(ask(world, Restore(FIRST)), WithdrawalRestored)
    assert back.floors[0].floor_minor == 9_000_000
    ask(world, Withdraw(SECOND, 40_000))
    world.buy(LOT)
    breach = only(world.quote(140_039), GuardBreached)
    assert (breach.floor_minor, breach.value_minor) == (10_000_000, 9_999_000)


def test_boxes_follow_the_balance_both_ways():
    """After a withdrawal the same loss is still the same distance from a shifted floor."""
    world = with_profit(guards=(overall(),))
    ask(world, Withdraw(FIRST, None))
    world.buy(LOT)
    ask(world, Restore(FIRST))  # moves the static floor's price by 100 points
    assert kinds(world.quote(140_100 - 1_100)) == []
    assert "GuardBreached" in kinds(world.quote(140_100 - 1_101))


def test_what_comes_back_comes_back_once_and_is_no_profit():
    world = with_profit()
    ask(world, Withdraw(FIRST, None))
    assert only(ask(world, Restore(FIRST)), WithdrawalRestored).balance_minor == 10_100_000
    again = only(ask(world, Restore(FIRST)), RestoreRefused)
    assert (again.reason, again.amount_minor) == (Reason.UNKNOWN_WITHDRAWAL, 0)
    assert world.account().profit_minor == 100_000


def test_a_breach_before_the_withdrawal_is_taken_keeps_the_money():
    world = with_profit(guards=(overall(9_990_000),))
    world.buy(LOT)
    assert "GuardBreached" in kinds(world.quote(139_989))
    assert refused(world, Withdraw(FIRST, None)) is Reason.NOT_ACTIVE


def test_a_restore_after_the_end_is_refused_by_name_with_what_is_outstanding():
    world = with_profit()
    ask(world, Withdraw(FIRST, 30_000))
    ask(world, CloseAccount(Reason.CHARGED_BACK))
    no = only(ask(world, Restore(FIRST)), RestoreRefused)
    assert (no.reason, no.amount_minor) == (Reason.NOT_ACTIVE, 30_000)


def test_a_reset_between_two_withdrawals_starts_the_next_day_from_what_is_left():
    world = with_profit()
    ask(world, Withdraw(FIRST, 30_000))
    world.reset("2014-05-03")
    account = world.account()
    assert (account.reset_balance_minor, account.cash_today_minor) == (10_070_000, 0)
    back = only(ask(world, Restore(FIRST)), WithdrawalRestored)
    assert back.floors[0].floor_minor == 10_070_000 + 30_000 - 500_000


def test_yen_has_no_cents_to_lose():
    world = World(
        a_setup(
            currency="JPY", instruments=(an_instrument("USD/JPY"),), target=None,
            guards=(daily(),),
        )
    )  # fmt: skip
    world.quote(102_000, symbol="USD/JPY")
    world.buy(1_000, symbol="USD/JPY")
    world.quote(102_357, symbol="USD/JPY")
    world.close(symbol="USD/JPY")
    assert only(ask(world, Withdraw(FIRST, None)), Withdrawn).amount_minor == 357
    assert only(ask(world, Restore(FIRST)), WithdrawalRestored).amount_minor == 357


def test_a_halt_cancels_orders_keeps_positions_and_lets_closes_through():
    world = World(a_setup(target=None))
    world.quote(140_000)
    world.buy(LOT)
    world.buy(1_000, limit=139_000)

    events = ask(world, HALT)

    assert kinds(events) == ["AccountHalted", "OrderCancelled"]
    assert only(events, AccountHalted).reason is Reason.PAYMENT_DISPUTED
    assert only(events, OrderCancelled).reason is Reason.HALTED
    assert only(world.buy(1_000), OrderRejected).reason is Reason.HALTED
    assert only(world.sell(1_000), OrderRejected).reason is Reason.HALTED
    assert kinds(world.close(qty=1_000)) == ["OrderAccepted", "OrderFilled"]
    assert refused(world, Withdraw(FIRST, None)) is Reason.HALTED
    assert kinds(ask(world, Resume())) == ["AccountResumed"]
    assert kinds(world.buy(1_000)) == ["OrderAccepted", "OrderFilled"]


def test_a_halted_account_is_judged_on_every_price():
    world = World(a_setup())
    world.quote(140_000)
    world.buy(LOT)
    ask(world, HALT)
    assert kinds(world.quote(139_499)) == ["GuardBreached", "OrderFilled", "AccountClosed"]


@pytest.mark.parametrize(
    ("before", "what", "reason"),
    [
        ([], Resume(), Reason.NOT_HALTED),
        ([HALT], HALT, Reason.HALTED),
        ([CloseAccount(Reason.REFUNDED)], HALT, Reason.CLOSED),
        ([HALT, CloseAccount(Reason.REFUNDED)], Resume(), Reason.CLOSED),
    ],
)
def test_a_halt_or_resume_that_changes_nothing_says_so(before, what, reason):
    world = World(a_setup())
    for each in before:
        ask(world, each)
    account = world.account()
    (said,) = ask(world, what)
    assert said.reason is reason
    assert replace(world.account(), input_seq=account.input_seq) == account


def test_a_close_of_the_account_says_for_what():
    world = World(a_setup(), at=WEDNESDAY)
    world.quote(140_000)
    world.buy(LOT)
    events = ask(world, CloseAccount(Reason.REFUNDED))
    assert only(events, AccountClosed).reason is Reason.REFUNDED
