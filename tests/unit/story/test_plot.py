"""The three scripts: what they promise on markets that allow it, and on those that do not."""

import itertools
from dataclasses import replace
from decimal import Decimal
from random import Random  # noqa: TID251 -- a seeded market

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.app.story.driver import oversize_qty
from tradesense.app.story.plot.legs import by_day, legs
from tradesense.app.story.plot.script import Outcome, Phase, Sizing, write
from tradesense.market import Quote, get_instrument
from tradesense.trading.model import QTY_MAX

DAY_US = 86_400_000_000
MAY_1_2014_NOON_US = 1_398_945_600_000_000
EURUSD = get_instrument("EUR/USD")
SIZING = Sizing(instrument=EURUSD, initial_minor=100_000_00, leverage=30, account_currency="USD")
PHASES = (Phase(target_bp=1_000, days_min=4), Phase(target_bp=500, days_min=4))


def a_day(number: int, *, range_points: int, seed: int = 1) -> list[Quote]:
    """A day that wanders up and down between two levels `range_points` apart."""
    chance = Random(seed + number)
    start = MAY_1_2014_NOON_US + number * DAY_US
    quotes, mid, up = [], 138_500, True
    for second in range(0, 6 * 3600, 20):
        mid += chance.randrange(1, 9) * (1 if up else -1)
        if abs(mid - 138_500) > range_points // 2:
            up = mid < 138_500
        quotes.append(Quote(start + second * 1_000_000, "EUR/USD", mid, mid + 10))
    return quotes


def days(count: int, *, range_points: int) -> list[Quote]:
    return [quote for n in range(count) for quote in a_day(n, range_points=range_points)]


def outcomes(quotes: list[Quote]) -> list[Outcome]:
    scripts = write(quotes, sizing=SIZING, zone="Europe/Prague", phases=PHASES)
    return [script.expected for script in scripts]


def test_enough_lively_days_lead_all_three_to_their_end():
    assert outcomes(days(12, range_points=500)) == [
        Outcome.DAILY_LOSS, Outcome.OVERALL_LOSS, Outcome.FUNDED,
    ]  # fmt: skip


def test_one_day_cannot_reach_the_overall_floor_nor_the_minimum_of_days():
    assert outcomes(days(1, range_points=500)) == [
        Outcome.DAILY_LOSS, Outcome.RUNNING, Outcome.RUNNING,
    ]  # fmt: skip


def test_a_market_that_does_not_move_leads_nobody_anywhere():
    flat = [Quote(MAY_1_2014_NOON_US + n * 1_000_000, "EUR/USD", 138_500, 138_510)
            for n in range(500)]  # fmt: skip
    assert outcomes(flat) == [Outcome.RUNNING] * 3


def test_each_opening_is_closed_but_the_one_that_breaks():
    reckless, _, clairvoyant = write(
        days(12, range_points=500), sizing=SIZING, zone="Europe/Prague", phases=PHASES
    )

    assert net(clairvoyant) == 0
    assert net(reckless) != 0


def test_nobody_dares_more_than_the_leverage_allows():
    for script in write(
        days(12, range_points=500), sizing=SIZING, zone="Europe/Prague", phases=PHASES
    ):
        for order in script.orders:
            assert order.units * 138_500 // 100_000 <= 30 * 100_000


@pytest.mark.parametrize(("hour", "day"), [(21, 1), (22, 2)])
def test_a_programme_day_begins_at_prague_midnight_not_at_utc(hour, day):
    at = MAY_1_2014_NOON_US + (hour - 12) * 3600 * 1_000_000
    [(found, _)] = by_day([Quote(at, "EUR/USD", 138_500, 138_510)], zone="Europe/Prague")
    assert found.day == day


@given(st.lists(st.integers(-60, 60), min_size=2, max_size=300), st.integers(1, 20))
def test_legs_follow_each_other_and_never_overlap(steps, spread):
    mid, quotes = 138_500, []
    for number, step in enumerate(steps):
        mid += step
        at_us = MAY_1_2014_NOON_US + number * 1_000_000
        quotes.append(Quote(at_us, "EUR/USD", mid, mid + spread))

    found = legs(quotes)

    for before, after in itertools.pairwise(found):
        assert before.end.at_us <= after.start.at_us
        assert before.up is not after.up


def net(script):
    return sum(order.units if order.buy else -order.units for order in script.orders)


def test_a_leap_that_would_lose_too_much_at_the_smallest_size_is_left_alone():
    """A gap of 0.50 costs 50,000 on one whole lot: more than the stubborn one's day."""
    by_the_lot = replace(SIZING, instrument=replace(EURUSD, min_qty=100_000))
    quotes = [
        Quote(quote.at_us, "EUR/USD", quote.bid + 50_000, quote.ask + 50_000)
        if index >= 1_000
        else quote
        for index, quote in enumerate(a_day(0, range_points=500))
    ]
    leap = max(legs(quotes), key=lambda leg: leg.wrong_points())
    assert by_the_lot.minor(leap.wrong_points(), 100_000, leap.start) > 420_000
    stubborn = write(quotes, sizing=by_the_lot, zone="Europe/Prague", phases=PHASES)[1]
    assert all(order.at_us != leap.start.at_us for order in stubborn.orders)


@pytest.mark.parametrize("symbol", ["EUR/USD", "BTC/USD", "XAU/USD"])
def test_the_order_that_is_too_large_is_one_that_may_be_asked_for(symbol):
    """Refused by the account's margin, not by the shape of the request."""
    instrument = get_instrument(symbol)
    qty = Decimal(oversize_qty(instrument))
    units = int(qty.scaleb(instrument.qty_digits))
    assert 0 < units <= QTY_MAX
    assert units % instrument.min_qty == 0
