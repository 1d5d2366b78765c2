"""Orders: what is refused, what waits, what fills and at which side of which quote."""

from uuid import UUID

import pytest

from tradesense.market.model import Status
from tradesense.trading.model import (
    PRICE_MAX,
    QTY_MAX,
    AccountClosed,
    CancelRejected,
    DayRolled,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    Reason,
    Side,
    TimeInForce,
)
from trading_world import (
    EURGBP,
    EURUSD,
    GBPUSD,
    USDJPY,
    WEDNESDAY,
    World,
    a_setup,
    an_instrument,
    kinds,
    only,
)


def quoted(bid=140_000, ask=140_010, **changes):
    world = World(a_setup(**changes))
    world.quote(bid, ask)
    return world


def reason_of(events):
    return only(events, OrderRejected).reason


def test_a_market_order_fills_at_the_fresh_quote_at_its_sequence():
    world = quoted()

    bought = only(world.buy(1_000), OrderFilled)
    sold = only(world.sell(2_000), OrderFilled)

    assert (bought.price, bought.side, bought.quote_seq) == (140_010, Side.BUY, world.seq)
    assert (sold.price, sold.side, sold.position_qty) == (140_000, Side.SELL, -1_000)


def test_a_market_order_without_a_fresh_quote_fills_at_the_next_within_ten_seconds():
    world = quoted()
    world.wait(301)
    assert kinds(world.buy(1_000)) == ["OrderAccepted"]

    world.wait(10)
    assert kinds(world.quote(140_100, status=Status.CROSSED)) == []
    assert only(world.quote(140_100), OrderFilled).price == 140_100


def test_a_market_order_is_refused_once_ten_seconds_have_passed():
    world = quoted()
    world.wait(301)
    world.buy(1_000)
    world.wait(10)
    assert kinds(world.clock()) == []
    world.wait(0.000001)

    assert reason_of(world.quote(140_100)) is Reason.STALE_PRICE
    assert world.account().positions == {}


def test_the_edges_clock_counts_where_the_feed_has_fallen_silent():
    world = quoted()
    world.wait(301)

    events = world.buy(1_000)  # no tape item since: only the command knows the time

    assert kinds(events) == ["OrderAccepted"]


@pytest.mark.parametrize(
    ("fields", "touch", "fills_at"),
    [
        ({"side": Side.BUY, "limit": 139_990}, (139_980, 139_990), 139_990),
        ({"side": Side.BUY, "limit": 139_990}, (139_970, 139_980), 139_980),  # better
        ({"side": Side.BUY, "limit": 139_990}, (139_985, 139_991), None),
        ({"side": Side.SELL, "limit": 140_020}, (140_020, 140_030), 140_020),
        ({"side": Side.SELL, "limit": 140_020}, (140_019, 140_030), None),
        ({"side": Side.BUY, "stop": 140_050}, (140_040, 140_050), 140_050),
        ({"side": Side.BUY, "stop": 140_050}, (140_070, 140_080), 140_080),  # a gap
        ({"side": Side.BUY, "stop": 140_050}, (140_049, 140_049), None),
        ({"side": Side.SELL, "stop": 139_950}, (139_950, 139_960), 139_950),
        ({"side": Side.SELL, "stop": 139_950}, (139_900, 139_960), 139_900),
        ({"side": Side.SELL, "stop": 139_950}, (139_951, 139_960), None),
    ],
)
def test_waiting_orders_fill_at_the_first_quote_that_triggers_them(fields, touch, fills_at):
    world = quoted()
    assert kinds(world.order(qty=1_000, **fields)) == ["OrderAccepted"]

    events = world.quote(*touch)

    assert [event.price for event in events] == ([fills_at] if fills_at else [])


def test_orders_triggered_by_one_price_fill_in_their_sequence():
    world = quoted()
    for limit in (139_980, 139_990, 139_985):
        world.buy(1_000, limit=limit)
    ids = [order.order_id for order in world.account().orders]

    assert [event.order_id for event in world.quote(139_900)] == ids


def test_a_marketable_limit_fills_at_once_at_the_quote():
    assert only(quoted().buy(1_000, limit=150_000), OrderFilled).price == 140_010


@pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.FOK])
def test_ioc_and_fok_fill_at_acceptance_or_never(tif):
    world = quoted()

    assert only(world.buy(1_000, limit=140_010, tif=tif), OrderFilled).price == 140_010
    events = world.buy(1_000, limit=140_009, tif=tif)
    assert only(events, OrderCancelled).reason is Reason.NOT_MARKETABLE


def test_day_orders_end_at_the_reset_and_gtc_orders_stay():
    world = World(a_setup(), at=WEDNESDAY)
    world.quote(140_000)
    world.buy(1, limit=139_000, tif=TimeInForce.DAY)
    world.buy(1, limit=139_000)
    world.wait(15 * 3600)

    events = world.reset("2014-05-01")

    assert only(events, OrderCancelled).reason is Reason.DAY_ENDED
    assert isinstance(events[-1], DayRolled)
    assert len(world.account().orders) == 1


@pytest.mark.parametrize("qty", [0, -1, -QTY_MAX, QTY_MAX + 1, 10**40])
def test_the_engine_refuses_impossible_quantities_as_well(qty):
    world = quoted()

    assert reason_of(world.buy(qty)) is Reason.BAD_QUANTITY
    assert world.account().positions == {}


def test_a_quantity_is_a_multiple_of_the_smallest():
    world = World(a_setup(instruments=(an_instrument(EURUSD, min_qty=1_000),)))
    world.quote(140_000)

    assert reason_of(world.buy(1_500)) is Reason.BAD_QUANTITY
    assert kinds(world.buy(2_000)) == ["OrderAccepted", "OrderFilled"]


@pytest.mark.parametrize("price", [0, -5, PRICE_MAX + 1])
def test_the_engine_refuses_impossible_prices_as_well(price):
    assert reason_of(quoted().buy(1, limit=price)) is Reason.BAD_PRICE
    assert reason_of(quoted().buy(1, stop=price)) is Reason.BAD_PRICE


def test_a_stop_cannot_be_immediate():
    assert reason_of(quoted().buy(1, stop=150_000, tif=TimeInForce.IOC)) is Reason.BAD_PRICE


def test_an_unknown_symbol_is_refused():
    assert reason_of(quoted().buy(1, symbol="XXX/USD")) is Reason.UNKNOWN_SYMBOL


def test_a_closed_market_refuses_every_order():
    world = quoted()
    world.buy(1_000)
    world.wait(24 * 3600)  # Saturday

    assert reason_of(world.buy(1)) is Reason.MARKET_CLOSED
    assert reason_of(world.buy(1, limit=1)) is Reason.MARKET_CLOSED
    assert reason_of(world.close()) is Reason.MARKET_CLOSED
    assert world.account().positions[EURUSD].qty == 1_000


def test_margin_is_checked_at_the_order():
    """100,000 USD at 1:30 bear 3,000,000 USD: 2,142,857 EUR at 1.4 (1.40000 asked)."""
    world = quoted(140_000, 140_000)

    assert reason_of(world.buy(2_142_858)) is Reason.NO_MARGIN
    assert kinds(world.buy(2_142_857)) == ["OrderAccepted", "OrderFilled"]
    assert reason_of(world.buy(1)) is Reason.NO_MARGIN
    assert kinds(world.sell(1_000)) == ["OrderAccepted", "OrderFilled"]  # less needs no margin


def test_margin_is_checked_again_at_the_fill():
    world = quoted(140_000, 140_000)
    world.buy(1_100_000, limit=139_990)
    world.buy(1_100_000, limit=139_990)

    events = world.quote(139_990)

    assert kinds(events) == ["OrderFilled", "OrderRejected"]
    assert reason_of(events) is Reason.NO_MARGIN
    assert only(events, OrderRejected).input_seq is None
    assert world.account().orders == ()


def test_a_quote_currency_without_a_quoted_conversion_is_refused():
    instruments = (an_instrument(EURGBP), an_instrument(GBPUSD), an_instrument(EURUSD))
    world = World(a_setup(instruments=instruments))
    world.quote(85_000, symbol=EURGBP)
    assert reason_of(world.buy(1_000, symbol=EURGBP)) is Reason.NO_CONVERSION

    world.quote(165_000, symbol=GBPUSD)
    assert kinds(world.buy(1_000, symbol=EURGBP)) == ["OrderAccepted", "OrderFilled"]


def test_a_currency_two_conversions_away_is_refused():
    """EUR/GBP in a dollar account without GBP/USD: EUR/USD is there, but two steps away."""
    world = World(a_setup(instruments=(an_instrument(EURGBP), an_instrument(EURUSD))))
    world.quote(85_000, symbol=EURGBP)
    world.quote(140_000)

    assert reason_of(world.buy(1_000, symbol=EURGBP)) is Reason.NO_CONVERSION


def test_profit_converts_at_the_worse_side():
    """Long 100,000 USD/JPY: 1 yen a unit gained is 100,000 JPY, sold at 1/ask of USD/JPY."""
    world = World(a_setup(instruments=(an_instrument(USDJPY),)))
    world.quote(100_000, 100_000, symbol=USDJPY)
    world.buy(100_000, symbol=USDJPY)
    world.quote(101_000, 102_000, symbol=USDJPY)

    gained = only(world.close(symbol=USDJPY), OrderFilled)
    assert (gained.realised_minor, gained.conversion_price) == (98_039, 102_000)

    world.buy(100_000, symbol=USDJPY)
    world.quote(101_000, 101_500, symbol=USDJPY)
    lost = only(world.close(symbol=USDJPY), OrderFilled)
    assert (lost.realised_minor, lost.conversion_price) == (-99_010, 101_000)


def test_a_zero_decimal_account_currency_counts_whole_units():
    """Edge case 16: a yen account; 1,000 EUR/USD gaining 0.00001 at 100.004 JPY a dollar."""
    instruments = (an_instrument(EURUSD), an_instrument(USDJPY))
    world = World(a_setup(instruments=instruments, currency="JPY", guards=()))
    world.quote(100_004, symbol=USDJPY)
    world.quote(140_000)
    world.buy(1_000)
    world.quote(140_101)

    assert only(world.close(), OrderFilled).realised_minor == 101  # 1.01 USD = 101.00404 JPY


def test_partial_closes_share_the_cost_and_the_last_takes_the_rest():
    world = quoted(100_000, 100_000)
    world.buy(1)
    world.quote(100_001)
    world.buy(2)  # cost 300,002 for 3
    world.quote(200_000)

    costs = []
    for _ in range(3):
        before = world.account().positions[EURUSD].cost
        costs.append(before - only(world.close(qty=1), OrderFilled).position_cost)

    assert costs == [100_001, 100_000, 100_001]
    assert world.account().positions == {}


def test_a_fill_beyond_the_position_turns_it_around():
    world = quoted(140_000, 140_000)
    world.buy(1_000)
    world.quote(141_000)

    turned = only(world.sell(3_000), OrderFilled)

    assert (turned.position_qty, turned.realised_minor, turned.opening) == (-2_000, 1_000, True)
    assert turned.position_cost == -2_000 * 141_000


def test_a_turn_to_a_smaller_position_is_no_opening():
    world = quoted(140_000, 140_000)
    world.buy(1_000)

    assert only(world.sell(1_500), OrderFilled).opening is False


@pytest.mark.parametrize(
    ("fields", "left"),
    [({}, 0), ({"qty": 400}, 600), ({"share_ppm": 500_000}, 500), ({"share_ppm": 333_333}, 667)],
)
def test_a_position_closes_whole_by_quantity_or_by_share(fields, left):
    world = quoted()
    world.buy(1_000)

    assert only(world.close(**fields), OrderFilled).position_qty == left


def test_there_must_be_as_much_to_close():
    world = quoted()
    assert reason_of(world.close()) is Reason.NO_POSITION
    world.buy(1_000)

    assert reason_of(world.close(qty=1_001)) is Reason.BAD_QUANTITY
    assert reason_of(world.close(share_ppm=1)) is Reason.BAD_QUANTITY  # less than one unit


def test_two_closes_of_one_position_do_not_turn_it_around():
    world = quoted()
    world.buy(1_000)
    world.wait(301)
    assert kinds(world.close()) == ["OrderAccepted"]
    assert reason_of(world.close()) is Reason.NO_POSITION
    world.sell(1_000)

    events = world.quote(140_000)
    assert kinds(events) == ["OrderFilled", "OrderFilled"]
    assert [event.position_qty for event in events] == [0, -1_000]


def test_a_close_whose_position_is_gone_by_then_does_nothing():
    world = quoted()
    world.buy(1_000)
    world.sell(1_000, limit=140_100)
    world.wait(301)
    world.close()

    events = world.quote(140_100)

    assert kinds(events) == ["OrderFilled", "OrderRejected"]
    assert reason_of(events) is Reason.NO_POSITION
    assert world.account().positions == {}


def test_an_order_at_work_can_be_cancelled_once():
    world = quoted()
    accepted = only(world.buy(1_000, limit=100_000), OrderAccepted)

    cancelled = only(world.cancel(accepted.order_id), OrderCancelled)
    again = only(world.cancel(accepted.order_id), CancelRejected)

    assert (cancelled.reason, cancelled.input_seq) == (Reason.REQUESTED, 3)
    assert (again.reason, again.input_seq) == (Reason.UNKNOWN_ORDER, 4)
    assert kinds(world.quote(99_000)) == []


def test_every_command_leaves_an_event_with_its_number():
    world = quoted()
    world.buy(1_000)
    world.buy(0)
    world.cancel(UUID(int=9))
    world.close()
    world.close()
    world.close_account()
    world.close_account()

    numbers = [getattr(said.event, "input_seq", None) for said in world.said]
    assert sorted({number for number in numbers if number is not None}) == list(range(1, 9))


def test_closing_an_account_cancels_and_flattens():
    world = quoted()
    world.buy(1_000)
    world.buy(1, limit=100_000)

    events = world.close_account()

    assert kinds(events) == ["AccountClosing", "OrderCancelled", "OrderFilled", "AccountClosed"]
    assert only(events, AccountClosed).reason is Reason.REQUESTED


def test_each_account_keeps_to_itself():
    world = World(a_setup(1), a_setup(2))
    world.quote(140_000)
    world.buy(1_000, account=1)

    assert world.account(2).positions == {}
    assert {said.account_id for said in world.said[2:]} == {UUID(int=1)}
