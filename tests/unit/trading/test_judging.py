"""Judging: the numbers on each side of every boundary, and both warnings of FTMO."""

import pytest

from tradesense.market.model import Status
from tradesense.trading.model import (
    AccountClosed,
    AccountStatus,
    Comparison,
    DayRolled,
    GuardBreached,
    OrderFilled,
    Reason,
    Target,
    TargetReached,
)
from trading_world import (
    EURUSD,
    GBPUSD,
    WEDNESDAY,
    World,
    a_setup,
    an_instrument,
    daily,
    kinds,
    only,
    overall,
)

# 1,000,000 units of EUR/USD: one price unit (0.00001) is 10 USD = 1,000 minor units.
LOT = 1_000_000
HELD_LONG = 140_000


def long_a_million(**changes):
    world = World(a_setup(**changes))
    world.quote(HELD_LONG)
    world.buy(LOT)
    return world


def test_the_daily_floor_turns_exactly_at_the_limit():
    world = long_a_million()

    assert kinds(world.quote(HELD_LONG - 500)) == []  # equity 95,000.00: touched, not below
    events = world.quote(HELD_LONG - 501)

    assert kinds(events) == ["GuardBreached", "OrderFilled", "AccountClosed"]
    breach = only(events, GuardBreached)
    assert (breach.guard, breach.floor_minor, breach.value_minor) == (
        "daily loss", 9_500_000, 9_499_000,
    )  # fmt: skip


def test_at_or_below_breaches_on_the_exact_touch():
    world = long_a_million(guards=(daily(comparison=Comparison.AT_OR_BELOW),))

    assert kinds(world.quote(HELD_LONG - 499)) == []
    assert only(world.quote(HELD_LONG - 500), GuardBreached).value_minor == 9_500_000


def test_ftmo_warning_one_a_floating_loss_of_2001_at_balance_92000_breaches_90000():
    """FTMO: at a balance of 92,000 a floating loss of 2,001 violates the overall limit."""
    world = World(a_setup(guards=(daily(10_000_000), overall())))
    world.quote(140_000)
    world.buy(LOT)
    world.quote(139_200)
    world.close()
    assert world.account().balance_minor == 9_200_000

    world.buy(100_000)  # 1 USD a price unit
    assert kinds(world.quote(139_200 - 2_000)) == []
    breach = only(world.quote(139_200 - 2_001), GuardBreached)

    assert (breach.guard, breach.floor_minor) == ("overall loss", 9_000_000)
    assert (breach.balance_minor, breach.value_minor) == (9_200_000, 8_999_900)


def test_ftmo_warning_two_a_loss_inside_yesterdays_limit_breaches_when_the_new_level_is_set():
    """Equity 99,000 is inside 97,000 (102,000 - 5,000), and outside the new 100,000."""
    world = World(a_setup(target=None), at=WEDNESDAY)
    world.quote(140_000)
    world.buy(LOT)
    world.quote(140_500)
    world.close()  # balance 105,000
    world.buy(LOT)
    world.quote(140_500 - 600)  # equity 99,000, floor of the day 95,000
    assert world.account().is_active

    world.wait(14 * 3600)
    world.quote(140_500 - 600)
    events = world.reset("2014-05-01")

    assert kinds(events) == ["DayRolled", "GuardBreached", "OrderFilled", "AccountClosed"]
    rolled, breach = only(events, DayRolled), only(events, GuardBreached)
    assert rolled.floors[0].floor_minor == 10_000_000
    assert (breach.floor_minor, breach.value_minor) == (10_000_000, 9_900_000)


def test_a_gap_through_the_limit_fails_at_the_first_price_beyond():
    world = long_a_million()

    events = world.quote(HELD_LONG - 3_000)

    breach, filled = only(events, GuardBreached), only(events, OrderFilled)
    assert breach.value_minor == 7_000_000
    assert (filled.price, filled.liquidation) == (HELD_LONG - 3_000, Reason.BREACHED)
    assert only(events, AccountClosed).balance_minor == 7_000_000


def test_one_price_is_enough():
    world = long_a_million()
    world.quote(HELD_LONG - 501)

    assert kinds(world.quote(HELD_LONG + 500)) == []
    assert world.account().status is AccountStatus.CLOSED


@pytest.mark.parametrize("status", [Status.CROSSED, Status.LATE, Status.CLOSED, Status.DUPLICATE])
def test_a_price_that_is_not_valid_judges_and_fills_nothing(status):
    world = long_a_million()
    world.sell(LOT, stop=HELD_LONG - 100)

    assert kinds(world.quote(HELD_LONG - 5_000, status=status)) == []
    assert world.account().positions[EURUSD].qty == LOT


def test_a_locked_price_is_valid():
    world = long_a_million()

    assert "GuardBreached" in kinds(world.quote(HELD_LONG - 501, HELD_LONG - 501))


def test_long_is_marked_at_bid_and_short_at_ask():
    world = World(a_setup())
    world.quote(140_000, 140_010)
    world.sell(LOT)

    assert kinds(world.quote(140_000, 140_500)) == []
    assert only(world.quote(140_000, 140_501), GuardBreached).value_minor == 9_499_000


@pytest.mark.parametrize(
    ("daily_minor", "overall_minor", "named"),
    [
        (500_000, 9_500_000, "overall loss"),  # equal floors
        (499_999, 9_500_000, "daily loss"),  # 95,000.01 is higher
        (500_001, 9_500_000, "overall loss"),
    ],
)
def test_of_two_crossed_floors_the_higher_counts_and_overall_on_equal_ones(
    daily_minor, overall_minor, named
):
    world = long_a_million(guards=(daily(daily_minor), overall(overall_minor)))

    assert only(world.quote(HELD_LONG - 900), GuardBreached).guard == named


def test_a_breach_beats_a_target():
    """A close that reaches the target at a price which also breaks a floor has failed."""
    world = World(a_setup(target=Target(profit_minor=-10_000_000, days_min=0), guards=(overall(),)))
    assert kinds(output.event for output in world.said)[-2:] == ["TargetReached", "AccountClosed"]

    world = World(a_setup(target=Target(profit_minor=-2_000_000, days_min=1), guards=(overall(),)))
    world.quote(140_000)
    world.buy(LOT)
    world.sell(LOT, stop=138_900)

    events = world.quote(138_900)  # realises 11,000: balance 89,000

    assert kinds(events) == ["OrderFilled", "GuardBreached", "AccountClosed"]
    assert only(events, GuardBreached).legs == ()


def test_a_target_needs_closed_profit_with_everything_flat():
    world = long_a_million()

    assert kinds(world.quote(HELD_LONG + 1_200)) == []  # floating 12,000 is not closed
    assert kinds(world.close(qty=900_000)) == ["OrderAccepted", "OrderFilled"]  # closed, not flat
    events = world.close()

    assert kinds(events) == ["OrderAccepted", "OrderFilled", "TargetReached", "AccountClosed"]
    assert only(events, TargetReached).profit_minor == 1_200_000


@pytest.mark.parametrize(("gain", "passes"), [(999, False), (1_000, True)])
def test_a_target_turns_exactly_at_its_profit(gain, passes):
    world = long_a_million()
    world.quote(HELD_LONG + gain)

    assert ("TargetReached" in kinds(world.close())) is passes


def test_passing_cancels_the_orders_at_work():
    world = long_a_million()
    world.buy(1, limit=100_000)
    world.quote(HELD_LONG + 1_000)

    events = world.close()

    assert kinds(events)[-3:] == ["TargetReached", "OrderCancelled", "AccountClosed"]
    assert world.account().orders == ()


def test_the_target_waits_for_enough_days_with_an_opening():
    world = World(a_setup(target=Target(profit_minor=100, days_min=2)))
    world.quote(140_000)
    world.buy(1_000)
    world.quote(140_200)
    assert "TargetReached" not in kinds(world.close())
    world.buy(1_000)  # the same day counts once
    assert "TargetReached" not in kinds(world.close())

    world.wait(14 * 3600)
    world.quote(140_200)
    assert kinds(world.reset("2014-05-03")) == ["DayRolled"]
    assert world.account().days_opened == 1


def test_days_are_counted_on_the_local_date_of_the_opening():
    world = World(a_setup(target=None), at=WEDNESDAY)
    world.quote(140_000)
    world.buy(1_000)
    world.wait(14 * 3600 + 1)
    world.reset("2014-05-01")
    world.quote(140_000)
    world.close()
    assert world.account().days_opened == 1  # a close opens nothing

    world.sell(500)
    assert world.account().days_opened == 2
    world.sell(500)
    assert world.account().days_opened == 2


def test_missed_resets_roll_day_by_day():
    world = World(a_setup())
    world.quote(140_000)
    world.buy(1_000)

    events = world.reset("2014-05-05")

    assert [event.day.isoformat() for event in events] == ["2014-05-03", "2014-05-04", "2014-05-05"]
    assert [event.opened for event in events] == [True, False, False]


def test_a_reset_of_another_zone_does_nothing():
    world = long_a_million()

    assert kinds(world.reset("2014-05-03", "17:00 America/New_York")) == []


def test_a_reset_that_began_the_accounts_first_day_is_not_rolled_again():
    """Opened between local midnight and the sequenced boundary: the new day is its first."""
    world = World()
    world.wait(14 * 3600 + 1)
    world.open(a_setup())
    assert world.account().day.isoformat() == "2014-05-03"

    assert kinds(world.reset("2014-05-03")) == []


def test_ten_closes_caused_by_one_breach_are_one_decision():
    symbols = [f"{base}/USD" for base in ("EUR", "GBP", "AUD", "NZD")]
    world = World(a_setup(instruments=tuple(an_instrument(symbol) for symbol in symbols)))
    for symbol in symbols:
        world.quote(100_000, symbol=symbol)
        world.buy(100_000, symbol=symbol)

    events = world.quote(94_999, symbol="GBP/USD")

    assert kinds(events) == ["GuardBreached", *["OrderFilled"] * 4, "AccountClosed"]
    assert [leg.symbol for leg in only(events, GuardBreached).legs] == sorted(symbols)
    assert only(events, AccountClosed).balance_minor == 10_000_000 - 500_100


def test_a_breach_cancels_the_orders_at_work():
    world = long_a_million()
    world.buy(10, limit=100_000)

    events = world.quote(HELD_LONG - 501)

    assert kinds(events) == ["GuardBreached", "OrderCancelled", "OrderFilled", "AccountClosed"]
    assert kinds(world.quote(99_000)) == []


def test_after_a_fail_no_order_is_taken():
    world = long_a_million()
    world.quote(HELD_LONG - 501)

    assert [event.reason for event in world.buy(1)] == [Reason.NOT_ACTIVE]
    assert [event.reason for event in world.close()] == [Reason.NOT_ACTIVE]


def two_legs(**changes):
    """Long 500,000 of EUR/USD and of GBP/USD; each price unit of either is 5 USD."""
    instruments = (an_instrument(EURUSD), an_instrument(GBPUSD))
    world = World(a_setup(instruments=instruments, **changes))
    for symbol in (EURUSD, GBPUSD):
        world.quote(140_000, symbol=symbol)
        world.buy(500_000, symbol=symbol)
    return world


def test_a_breach_that_depends_on_a_stale_leg_waits_for_that_leg():
    world = two_legs()
    world.wait(301)
    assert kinds(world.quote(138_999)) == []  # crossed, but GBP/USD is 301 s old
    assert world.account().is_active

    assert [event.reason for event in world.buy(1)] == [Reason.WAITING_FOR_PRICE]
    assert kinds(world.quote(140_100, symbol=GBPUSD)) == []  # and it has recovered
    assert kinds(world.buy(1)) == ["OrderAccepted", "OrderFilled"]

    events = world.quote(139_900, symbol=GBPUSD)
    assert only(events, GuardBreached).value_minor == 10_000_000 - 500_500 - 50_000


def test_a_breach_with_a_leg_within_its_limit_of_silence_does_not_wait():
    world = two_legs()
    world.wait(300)

    assert "GuardBreached" in kinds(world.quote(138_999))


def test_a_closed_market_is_final_and_its_leg_is_liquidated_at_its_first_fresh_quote():
    btc = an_instrument("BTC/USD", price_digits=2, qty_digits=4, calendar="crypto")
    world = World(a_setup(instruments=(an_instrument(EURUSD), btc)))
    world.quote(140_000)
    world.buy(100_000)
    world.quote(40_000_00, symbol="BTC/USD")
    world.buy(10_0000, symbol="BTC/USD")
    world.wait(24 * 3600)  # Saturday

    events = world.quote(39_499_00, symbol="BTC/USD")

    assert kinds(events) == ["GuardBreached", "OrderFilled"]
    assert only(events, OrderFilled).symbol == "BTC/USD"
    assert world.account().status is AccountStatus.BREACHED
    assert kinds(world.quote(139_000, status=Status.CLOSED)) == []

    world.wait(36 * 3600)  # Sunday evening, after the opening
    events = world.quote(139_000)

    assert kinds(events) == ["OrderFilled", "AccountClosed"]
    assert only(events, OrderFilled).liquidation is Reason.BREACHED
    assert only(events, AccountClosed).balance_minor == 10_000_000 - 501_000 - 100_000


SUNDAY_OPEN_S = 61 * 3600  # from Friday 08:00 UTC to Sunday 21:00 UTC


@pytest.mark.parametrize(
    ("seconds", "judges"), [(59, False), (60, True), (300, True), (301, False)]
)
def test_after_a_session_gap_guards_wait_at_most_a_minute_and_then_for_stale_legs(seconds, judges):
    world = two_legs()
    world.wait(SUNDAY_OPEN_S + seconds)

    assert ("GuardBreached" in kinds(world.quote(138_900))) is judges


def test_a_leg_without_a_fresh_quote_is_liquidated_when_it_quotes():
    world = two_legs()
    world.wait(SUNDAY_OPEN_S + 100)

    events = world.quote(138_900)
    assert kinds(events) == ["GuardBreached", "OrderFilled"]  # GBP/USD has Friday's price

    assert kinds(world.quote(139_990, symbol=GBPUSD)) == ["OrderFilled", "AccountClosed"]
