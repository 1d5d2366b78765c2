"""The arithmetic of positions against fractions; days and sessions at their edges."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.kernel.instants import to_us
from tradesense.trading.engine.arithmetic import (
    Mark,
    conversion,
    cost_of_part,
    margin_minor,
    pnl_minor,
    terms_by_symbol,
)
from tradesense.trading.engine.sessions import is_fresh, local_day, must_quote_first
from trading_world import EURGBP, EURUSD, GBPUSD, SECOND_US, USDJPY, a_setup, an_instrument

quantities = st.integers(-(10**9), 10**9).filter(bool)
prices = st.integers(1, 10**7)


def mark(bid, ask, at_us=0):
    return Mark(bid, ask, at_us, 1)


@given(quantities, prices, prices)
def test_profit_in_the_accounts_currency_is_rounded_once(qty, entry, price):
    terms = terms_by_symbol(a_setup())[EURUSD]

    found = pnl_minor(terms, qty, qty * entry, price, None)

    assert found == round(Fraction(qty * (price - entry) * 100, 10**5))


@given(quantities, prices, prices, prices, st.integers(0, 1_000))
def test_profit_converts_at_the_worse_side_of_a_direct_pair(qty, entry, price, bid, spread):
    instruments = (an_instrument(EURGBP), an_instrument(GBPUSD))
    terms = terms_by_symbol(a_setup(instruments=instruments))[EURGBP]
    by = mark(bid, bid + spread)

    found = pnl_minor(terms, qty, qty * entry, price, by)

    raw = qty * (price - entry)
    rate = by.bid if raw >= 0 else by.ask
    assert found == round(Fraction(raw * rate * 100, 10**10))


@given(quantities, prices, prices, prices, st.integers(0, 1_000))
def test_profit_converts_at_the_worse_side_of_an_inverse_pair(qty, entry, price, bid, spread):
    terms = terms_by_symbol(a_setup(instruments=(an_instrument(USDJPY),)))[USDJPY]
    by = mark(bid, bid + spread)

    found = pnl_minor(terms, qty, qty * entry, price, by)

    raw = qty * (price - entry)
    rate = by.ask if raw >= 0 else by.bid
    assert found == round(Fraction(raw * 100, rate))


@given(quantities, prices, st.integers(1, 200))
def test_margin_is_rounded_up(qty, price, leverage):
    terms = terms_by_symbol(a_setup())[EURUSD]

    exact = Fraction(abs(qty) * price * 100, 10**5) / leverage

    assert 0 <= margin_minor(terms, qty, price, None, leverage) - exact < 1


@given(
    st.integers(1, 10**6).flatmap(
        lambda qty: st.tuples(st.just(qty), st.lists(st.integers(1, qty), max_size=20))
    ),
    st.integers(-(10**12), 10**12),
    st.sampled_from([1, -1]),
)
def test_parts_of_a_cost_add_up_to_it(closes, cost, sign):
    qty, parts = closes
    left, remaining = qty, cost
    for part in [*parts, qty]:
        closed = min(part, left)
        if closed:
            remaining -= cost_of_part(sign * left, remaining, sign * closed)
            left -= closed

    assert (left, remaining) == (0, 0)


def test_the_direct_pair_converts_where_both_are_traded():
    instruments = [an_instrument("USD/GBP"), an_instrument(GBPUSD)]

    found = conversion(instruments, quote="GBP", currency="USD")

    assert (found.symbol, found.inverted) == (GBPUSD, False)
    assert conversion(instruments, quote="CHF", currency="USD") is None


def utc(*moment):
    return to_us(datetime(*moment, tzinfo=UTC))


@pytest.mark.parametrize(
    ("reset", "moment", "day"),
    [
        ("00:00 Europe/Prague", (2014, 5, 2, 21, 59, 59), "2014-05-02"),
        ("00:00 Europe/Prague", (2014, 5, 2, 22, 0, 0), "2014-05-03"),
        ("00:00 Europe/Prague", (2014, 1, 2, 22, 59, 59), "2014-01-02"),  # winter
        ("00:00 Europe/Prague", (2014, 1, 2, 23, 0, 0), "2014-01-03"),
        ("00:00 Europe/Prague", (2014, 3, 30, 21, 59, 59), "2014-03-30"),  # a day of 23 hours
        ("00:00 Europe/Prague", (2014, 10, 25, 22, 0, 0), "2014-10-26"),  # a day of 25 hours
        ("00:00 Europe/Prague", (2014, 10, 26, 22, 59, 59), "2014-10-26"),
        ("17:00 America/New_York", (2014, 5, 2, 20, 59, 59), "2014-05-01"),
        ("17:00 America/New_York", (2014, 5, 2, 21, 0, 0), "2014-05-02"),
        ("00:00 Africa/Cairo", (2014, 5, 15, 22, 30, 0), "2014-05-16"),  # midnight is missing
        ("00:00 America/Havana", (2014, 11, 2, 4, 30, 0), "2014-11-02"),  # the first of two
    ],
)
def test_a_day_is_the_local_date_of_the_reset_that_began_it(reset, moment, day):
    assert local_day(reset, utc(*moment)) == date.fromisoformat(day)


@pytest.mark.parametrize(
    ("moment", "age_s", "fresh", "waits"),
    [
        ((2014, 5, 2, 12, 0, 0), 300, True, False),
        ((2014, 5, 2, 12, 0, 0), 301, False, True),
        ((2014, 5, 2, 21, 0, 0), 1, False, False),  # closed: final, and fills nothing
        ((2014, 5, 4, 21, 0, 30), 60, False, True),  # reopened, quoted last when it was closed
        ((2014, 5, 4, 21, 1, 0), 200_000, False, False),
        ((2014, 5, 4, 21, 5, 1), 200_000, False, True),
        ((2014, 5, 11, 21, 2, 0), 700_000, False, True),  # silent for the whole week before
    ],
)
def test_silence_counts_in_open_sessions(moment, age_s, fresh, waits):
    instrument, at_us = an_instrument(EURUSD), utc(*moment)
    known = mark(1, 1, at_us - age_s * SECOND_US)

    assert is_fresh(instrument, known, at_us) is fresh
    assert must_quote_first(instrument, known, at_us) is waits
