"""The simulated market: repeatable, in sessions, with spreads, calm hours and jumps."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tradesense.kernel.instants import from_us, to_us
from tradesense.market import (
    SIMULATED,
    SIMULATED_DAYS,
    SIMULATED_START,
    SimulatedMarket,
    get_instrument,
    is_open,
    simulated,
)
from tradesense.market.sources.simulated import NATURES
from tradesense.market.tape.live import LiveMarket

EURO, BITCOIN = get_instrument("EUR/USD"), get_instrument("BTC/USD")
END = SIMULATED_START + timedelta(days=SIMULATED_DAYS)


@pytest.fixture(scope="module")
def story():
    return list(simulated(1))


def test_the_same_seed_is_the_same_market_and_another_is_another(story):
    assert list(simulated(1)) == story
    assert list(simulated(2)) != story
    assert list(SimulatedMarket(seed=1).quotes(skip=1000)) == story[1000:]
    assert SimulatedMarket(seed=1).name != SimulatedMarket(seed=2).name


def test_the_first_quotes_never_change():
    """A change here changes every story told without files: say so in the changelog."""
    first = next(simulated(1, [EURO]))
    assert (str(from_us(first.at_us)), first.bid, first.ask) == (
        "2026-01-04 22:00:05.851898+00:00", 109_977, 110_016,
    )  # fmt: skip


def test_quotes_come_in_order_in_session_and_never_crossed(story):
    assert all(a.at_us <= b.at_us for a, b in pairwise(story))
    assert all(is_open(get_instrument(quote.symbol), quote.at_us) for quote in story)
    assert all(0 < quote.bid < quote.ask for quote in story)
    assert {quote.symbol for quote in story} == {instrument.symbol for instrument in SIMULATED}
    assert SIMULATED_START <= from_us(story[0].at_us) < from_us(story[-1].at_us) < END


def test_a_symbol_is_never_silent_until_it_is_stale(story):
    for instrument in SIMULATED:
        moments = [quote.at_us for quote in story if quote.symbol == instrument.symbol]
        silences = [
            b - a for a, b in pairwise(moments) if is_open(instrument, a + 1_000_000)
            and b - a < 600_000_000
        ]  # fmt: skip
        assert max(silences) < instrument.stale_after_s * 1_000_000


def test_prices_jump_and_spreads_widen_now_and_then(story):
    euros = [quote for quote in story if quote.symbol == "EUR/USD"]
    usual = NATURES["EUR/USD"].spread * 3 / 2
    wide = sum(quote.ask - quote.bid > 2 * usual for quote in euros)
    jumps = sum(abs(b.bid - a.bid) > 100 for a, b in pairwise(euros))
    assert 0 < wide < len(euros) / 20
    assert 3 < jumps < 60


def test_a_fortnight_offers_the_moves_that_a_challenge_turns_on(story):
    euros = [quote.bid for quote in story if quote.symbol == "EUR/USD"]
    assert 300 < max(euros) - min(euros) < 12_000


def test_every_instrument_can_be_simulated():
    for symbol in NATURES:
        market = simulated(5, [get_instrument(symbol)], datetime(2026, 1, 6, tzinfo=UTC), days=1)
        quotes = list(market)
        assert len(quotes) > 2_000
        assert abs(quotes[-1].bid / quotes[0].bid - 1) < 0.2


def test_a_live_market_gives_two_to_five_quotes_a_second():
    market = LiveMarket.resume(1, [BITCOIN], taken=0, last={})
    begin_us = to_us(datetime(2026, 1, 3, tzinfo=UTC))  # a Saturday
    quotes = [q for n in range(600) for q in market.quotes_due(begin_us + n * 100_000)]
    assert 2 * 60 <= len(quotes) <= 5 * 60
    assert market.taken == len(quotes)
    assert all(a.at_us <= b.at_us for a, b in pairwise(quotes))


def test_a_live_market_waits_while_the_wall_clock_is_behind():
    begin_us = to_us(datetime(2026, 1, 3, tzinfo=UTC))
    market = LiveMarket.resume(1, [BITCOIN], taken=0, last={})
    (last,) = market.quotes_due(begin_us)
    later = LiveMarket.resume(1, [BITCOIN], taken=1, last={"BTC/USD": last})
    assert later.quotes_due(begin_us - 3_600_000_000) == []
    (next_one,) = later.quotes_due(begin_us + 1_000_000)
    assert abs(next_one.bid - last.bid) < last.bid / 100
