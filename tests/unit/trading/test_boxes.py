"""Safe boxes: inside nothing can happen; with one leg the edge is the exact price of the breach."""

import random  # noqa: TID251 -- chance is this test's subject; it is seeded

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.trading.engine.boxes.edges import COMPACT_AT_LEAST, EdgeIndex
from tradesense.trading.engine.boxes.thresholds import OPEN_END, Edges, box_of, last_safe
from tradesense.trading.engine.judging import crossed_guards
from tradesense.trading.engine.turn import equity_minor
from trading_world import (
    EURGBP,
    EURUSD,
    GBPUSD,
    USDJPY,
    World,
    a_setup,
    an_instrument,
    daily,
    overall,
)

PRICES = {EURUSD: 138_000, GBPUSD: 168_000, EURGBP: 82_000, USDJPY: 102_000, "EUR/JPY": 141_000}


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(-10, 2 * 10**6))
def test_the_last_safe_move_is_found_from_any_guess(last, limit, guess):
    asked = []

    def is_safe(move):
        asked.append(move)
        return move <= last

    assert last_safe(is_safe, guess=guess, limit=limit) == min(last, limit)
    assert all(0 <= move <= limit for move in asked)


@pytest.mark.parametrize("side", ["long", "short"])
def test_with_one_leg_the_edge_is_the_last_price_that_does_not_breach(side):
    world = World(a_setup())
    world.quote(140_000, 140_010)
    (world.buy if side == "long" else world.sell)(1_000_000)

    box = box_of(world.account(), world.book.market.marks)

    edges = box[EURUSD]
    if side == "long":  # bought at 140,010; 500 units of 10 USD to the daily floor
        assert (edges.bid_lo, edges.ask_hi) == (140_010 - 500, OPEN_END)
    else:
        assert (edges.ask_hi, edges.bid_lo) == (140_000 + 500, 0)


def test_waiting_orders_are_edges_of_one_coordinate():
    world = World(a_setup())
    world.quote(140_000, 140_010)
    world.buy(1, limit=139_000)
    world.sell(1, limit=141_000)
    world.buy(1, stop=142_000)
    world.sell(1, stop=138_000)

    (edges,) = box_of(world.account(), world.book.market.marks).values()

    assert edges == Edges(bid_lo=138_001, bid_hi=140_999, ask_lo=139_001, ask_hi=141_999)


def test_a_flat_account_without_orders_has_no_box():
    world = World(a_setup())

    assert box_of(world.account(), world.book.market.marks) == {}


@pytest.mark.parametrize("round_", range(40))
def test_no_guard_is_crossed_anywhere_inside_the_box(seed, round_):
    dice = random.Random(seed + round_)
    instruments = tuple(an_instrument(symbol) for symbol in PRICES)
    guards = (daily(dice.choice([50_000, 500_000])), overall())
    world = World(a_setup(instruments=instruments, guards=guards, leverage=100))
    for symbol, price in PRICES.items():
        world.quote(price, price + dice.randint(0, 20), symbol=symbol)
    for symbol in dice.sample(sorted(PRICES), dice.randint(1, 5)):
        order = dice.choice([world.buy, world.sell])
        order(dice.choice([7, 10_000, 100_000, 333_333]), symbol=symbol)
    account, marks = world.account(), world.book.market.marks
    box = box_of(account, marks)

    for _ in range(300):
        inside = {symbol: _somewhere(dice, mark, box.get(symbol)) for symbol, mark in marks.items()}
        assert crossed_guards(account, equity_minor(account, inside)) == []


def _somewhere(dice, mark, edges):
    """Return a mark inside the box, often in a corner of it."""
    edges = edges or Edges()
    bid_lo, ask_hi = max(1, edges.bid_lo), min(2 * mark.ask, edges.ask_hi)
    bid = dice.choice([bid_lo, mark.bid, dice.randint(bid_lo, max(bid_lo, mark.bid))])
    ask = dice.choice([ask_hi, mark.ask, dice.randint(min(mark.ask, ask_hi), ask_hi)])
    return mark._replace(bid=bid, ask=max(ask, bid))


def test_a_quote_touches_only_those_whose_edge_it_passes():
    index = EdgeIndex()
    index.put(1, {EURUSD: Edges(bid_lo=100)})
    index.put(2, {EURUSD: Edges(bid_lo=90), USDJPY: Edges(ask_hi=50)})
    index.put(3, {EURUSD: Edges(ask_lo=95, bid_hi=120)})

    assert index.touched(EURUSD, 100, 100) == set()
    assert index.touched(EURUSD, 99, 99) == {1}
    assert index.touched(EURUSD, 94, 94) == {3}
    assert index.touched(EURUSD, 121, 121) == {3}
    assert index.touched(USDJPY, 50, 51) == {2}
    assert index.touched(GBPUSD, 1, 1) == set()


def test_a_new_box_replaces_the_old_one():
    index = EdgeIndex()
    index.put(1, {EURUSD: Edges(bid_lo=100)})
    index.put(1, {EURUSD: Edges(bid_lo=50)})
    assert index.touched(EURUSD, 99, 99) == set()

    index.put(1, {})
    assert index.touched(EURUSD, 1, 1) == set()


def test_dead_entries_do_not_pile_up():
    index = EdgeIndex()
    for number in range(50 * COMPACT_AT_LEAST):
        index.put(number % 10, {EURUSD: Edges(bid_lo=100 + number)})

    heap = index._symbols[EURUSD].bid_lo  # noqa: SLF001 -- its size is what is promised
    assert len(heap.entries) <= 4 * COMPACT_AT_LEAST
    assert index.touched(EURUSD, 1, 1) == set(range(10))
