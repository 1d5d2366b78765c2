"""Instruments and calendars against the databases they were taken from."""

import csv
import gzip
import json
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from price_files import real
from tradesense.kernel.instants import to_us
from tradesense.market import INSTRUMENTS, find_instrument, get_instrument, is_open


@pytest.fixture(scope="module")
def hours():
    (path,) = real("reference/market_hours_subset.json.gz")
    entries = json.loads(gzip.decompress(path.read_bytes()))
    return entries.get("entries", entries)


def test_digits_and_lots_are_those_of_the_vendors():
    (path,) = real("reference/symbol_properties_subset.csv")
    checked = set()
    for row in csv.DictReader(path.read_text().splitlines()):
        instrument = find_instrument(row["symbol"])
        if instrument is None or row["market"] not in {"oanda", "coinbase"}:
            continue
        tick = Decimal(1).scaleb(-instrument.price_digits)
        lot = Decimal(instrument.min_qty).scaleb(-instrument.qty_digits)
        assert Decimal(row["minimum_price_variation"]) == tick, row
        assert Decimal(row["lot_size"]) == lot, row
        assert row["quote_currency"] == instrument.quote
        checked.add(instrument.symbol)
    assert checked == INSTRUMENTS.keys()


@pytest.mark.parametrize(
    ("symbol", "entry"),
    [
        ("EUR/USD", "Forex-oanda-[*]"),
        ("XAU/USD", "Cfd-oanda-XAUUSD"),
        ("DE30/EUR", "Cfd-oanda-DE30EUR"),
        ("BTC/USD", "Crypto-coinbase-[*]"),
    ],
)
def test_an_ordinary_week_has_the_vendors_hours(hours, symbol, entry):
    """Minute by minute, but for the few minutes around 17:00 that OANDA pauses for."""
    instrument, rules = get_instrument(symbol), hours[entry]
    zone = ZoneInfo(rules["exchangeTimeZone"])
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    for number, day in enumerate(days):
        for minute in range(24 * 60):
            clock = f"{minute // 60:02d}:{minute % 60:02d}:00"
            theirs = any(
                part["start"] <= clock < part["end"].replace("1.00:00:00", "24:00:00")
                for part in rules[day]
            )
            moment = datetime(2014, 5, 5 + number, minute // 60, minute % 60, tzinfo=zone)
            ours = is_open(instrument, to_us(moment))
            if ours != theirs:
                assert clock[:2] in {"16", "17", "18"}
                assert "16:58" <= clock[:5] < "17:03" or "18:00" <= clock[:5] < "18:03"


def test_a_day_we_call_a_holiday_is_one_of_the_vendors(hours):
    listed = hours["Cfd-oanda-DE30EUR"]["holidays"]
    zone, dax = ZoneInfo("Europe/Berlin"), get_instrument("DE30/EUR")
    noon = datetime(2018, 1, 1, 12, tzinfo=zone)
    days = [noon + timedelta(days=n) for n in range(2 * 365)]
    closed = [day for day in days if day.weekday() < 5 and not is_open(dax, to_us(day))]
    assert len(closed) == 12
    assert all(f"{day.month}/{day.day}/{day.year}" in listed for day in closed)
