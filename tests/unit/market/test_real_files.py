"""The readers on real files: counts that were taken independently of them."""

import time
from itertools import pairwise

import pytest

from price_files import DATA, real
from tradesense.kernel.instants import from_us
from tradesense.market import BadPrices, Status, open_files
from tradesense.market.model import Position
from tradesense.market.tape.sequencer import Sequencer


def sequenced(source):
    nothing = Position(last_seq=0, clock_us=0, boundary_us=0, resets_until_us=0)
    sequencer = Sequencer(nothing, seen={}, open_items={})
    for quote in source.quotes():
        sequencer.add_quote(quote)
    return sequencer.take()


@pytest.mark.parametrize(
    ("name", "ticks", "crossed", "locked", "first"),
    [
        ("fxcm_eurusd_20140502", 96_406, 12_061, 13_004, "2014-05-02 05:00:00.611000+00:00"),
        ("fxcm_eurusd_20140505", 58_143, 4_987, 7_109, "2014-05-05 05:00:03.074000+00:00"),
        ("oanda_eurusd_20140502", 49_341, 0, 0, "2014-05-02 00:00:00.277000+00:00"),
        ("oanda_nzdusd_20140505", 27_278, 0, 0, "2014-05-05 00:00:00.036000+00:00"),
    ],
)
def test_a_days_ticks_are_all_read_and_its_crossed_ones_judge_nothing(
    name, ticks, crossed, locked, first
):
    source = open_files(real(f"fx_ticks/{name}_quote.zip"))
    quotes = list(source.quotes())
    items = sequenced(source).items

    assert len(quotes) == len(items) == ticks
    assert str(from_us(quotes[0].at_us)) == first
    assert sum(quote.bid == quote.ask for quote in quotes) == locked
    assert sum(item.status == Status.CROSSED for item in items) == crossed
    assert sum(item.status == Status.VALID for item in items) == ticks - crossed


def test_fxcm_agrees_with_oanda_to_a_fraction_of_a_pip_minute_by_minute():
    """Its clock is UTC-05 in summer too: an hour off, the mids differ by several pips."""
    fxcm, oanda = (
        last_mids(open_files(real(f"fx_ticks/{vendor}_eurusd_20140502_quote.zip")).quotes())
        for vendor in ("fxcm", "oanda")
    )
    common = fxcm.keys() & oanda.keys()
    assert len(common) > 900
    assert sum(abs(fxcm[minute] - oanda[minute]) for minute in common) / len(common) < 3
    hour_off = {minute + 60: mid for minute, mid in fxcm.items()}
    common = hour_off.keys() & oanda.keys()
    assert sum(abs(hour_off[minute] - oanda[minute]) for minute in common) / len(common) > 20


def last_mids(quotes):
    return {q.at_us // 60_000_000: (q.bid + q.ask) / 2 for q in quotes if q.bid <= q.ask}


def test_fxcm_quotes_before_the_weeks_opening_are_out_of_session():
    items = sequenced(open_files(real("fx_ticks/fxcm_eurusd_20140504_quote.zip"))).items
    closed = [item for item in items if item.status == Status.CLOSED]
    assert str(from_us(closed[0].at_us)).startswith("2014-05-04 19:00:51")
    assert str(from_us(closed[-1].at_us)).startswith("2014-05-04 20:58:00")


def test_twelve_days_of_minutes_are_one_source():
    names = [p.name for p in real("fx_minute/oanda_eurusd")[0].glob("*.zip")]
    source = open_files(real(*(f"fx_minute/oanda_eurusd/{name}" for name in names)))
    items = sequenced(source).items
    assert len(source.files) == 12
    assert len(items) == 55_788
    assert all(a.at_us <= b.at_us for a, b in pairwise(items))
    assert {item.status for item in items} == {Status.VALID}
    assert all(item.synthetic for item in items)


def test_gold_has_fractions_of_a_millisecond():
    quotes = list(open_files(real("fx_ticks/oanda_xauusd_20140504_quote.zip")).quotes())
    assert len(quotes) == 9_889
    assert (quotes[0].bid, quotes[0].ask) == (1_300_151, 1_301_801)
    assert str(from_us(quotes[1].at_us)) == "2014-05-04 22:00:00.613066+00:00"


@pytest.mark.parametrize(
    ("names", "quotes"),
    [
        (["fx_ticks/oanda_xauusd_20140502_second_quote.zip"], 4 * 33_192),
        (["fx_ticks/truefx_usdjpy_ticks.csv.gz"], 1_000),
        (["crypto/coinbase_btcusd_20171217_minute_quote.zip"], 4 * 1_439),
        (["crypto/coinbase_ethusd_20180405_minute_quote.zip"], 4 * 1_438),
        (["fx_minute/oanda_de30eur/20190220_quote.zip"], 4 * 1_206),
        (["fx_minute/fxcm_eurusd/20140502_quote.zip"], 4 * 958),
        ([f"fx_minute/fxcm_gbpusd_m1_{side}_2012.csv.gz" for side in ("bid", "ask")], 4 * 30_117),
    ],
)
def test_every_layout_is_read_to_its_end(names, quotes):
    source = open_files(real(*names))
    assert sum(file.quotes for file in source.files) == quotes
    assert sum(1 for _ in source.quotes()) == quotes


def test_histdata_needs_only_its_symbol():
    paths = real("fx_ticks/nautilus_quote_tick_data.csv.gz")
    source = open_files(paths, layout="histdata:EUR/USD")
    first = next(source.quotes())
    assert str(from_us(first.at_us)) == "2020-01-01 22:00:00.065000+00:00"
    assert {item.status for item in sequenced(source).items} == {Status.VALID}


def test_a_hundred_thousand_ticks_are_read_in_two_seconds():
    paths = real("fx_ticks/fxcm_eurusd_20140502_quote.zip")
    began = time.perf_counter()
    source = open_files(paths)
    read = sum(1 for _ in source.quotes())
    assert read / (time.perf_counter() - began) > 50_000


@pytest.mark.parametrize("path", sorted(DATA.glob("*/*.*")), ids=lambda path: path.name)
def test_every_sample_is_either_read_or_refused_in_words(path):
    try:
        assert open_files([path]).files
    except BadPrices as error:
        assert str(path) in str(error)  # noqa: PT017 -- either outcome is right
