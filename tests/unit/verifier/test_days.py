"""
Local midnights and trading hours: known answers, and two programs that agree on all of them.

The platform (`market`) and the verifier each have their own; neither was written from the other.
"""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from tradesense import market
from tradesense.kernel.instants import to_us
from tradesense_verify.rules import calendars
from tradesense_verify.rules.instants import day_of, text_of, wall_to_us, zone_of

HOUR_US = 3_600_000_000

# zone, local time, local date, the instant in UTC, and why
MIDNIGHTS = [
    ("Europe/Prague", "00:00", "2014-05-02", "2014-05-01T22:00:00", "summer"),
    ("Europe/Prague", "00:00", "2014-12-02", "2014-12-01T23:00:00", "winter"),
    ("Africa/Cairo", "00:00", "2014-05-16", "2014-05-15T22:00:00", "missing: 01:00 follows 23:59"),
    ("Africa/Cairo", "23:00", "2014-09-25", "2014-09-25T20:00:00", "doubled: the first counts"),
    ("America/Havana", "00:00", "2014-11-02", "2014-11-02T04:00:00", "doubled: the first counts"),
    ("America/Havana", "00:00", "2014-03-09", "2014-03-09T05:00:00", "missing: 01:00 comes first"),
    ("America/Havana", "00:30", "2014-11-02", "2014-11-02T04:30:00", "doubled: the first counts"),
    ("America/Sao_Paulo", "00:00", "2013-10-20", "2013-10-20T03:00:00", "missing"),
    ("America/New_York", "02:30", "2014-03-09", "2014-03-09T07:00:00", "missing: 03:00 is first"),
    ("America/New_York", "17:00", "2014-03-10", "2014-03-10T21:00:00", "after the change"),
    ("Etc/UTC", "00:30", "2014-03-10", "2014-03-10T00:30:00", "no changes at all"),
    ("Etc/GMT-3", "00:00", "2014-03-10", "2014-03-09T21:00:00", "GMT+3 is written Etc/GMT-3"),
]


@pytest.mark.parametrize(("zone", "wall", "day", "instant", "why"), MIDNIGHTS)
def test_a_reset_falls_on_the_first_instant_that_shows_its_time(*, zone, wall, day, instant, why):
    expected = to_us(datetime.fromisoformat(instant).replace(tzinfo=UTC))
    found = wall_to_us(date.fromisoformat(day), time.fromisoformat(wall), zone_of(zone))
    assert text_of(found) == text_of(expected), why
    before = expected - 12 * HOUR_US
    assert market.next_boundary(f"{wall} {zone}", after_us=before).at_us == expected, why


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Prague", "2014-03-30", 23),
        ("Europe/Prague", "2014-10-26", 25),
        ("Europe/Prague", "2014-06-01", 24),
        ("America/New_York", "2014-03-09", 23),
        ("America/New_York", "2014-11-02", 25),
        ("Africa/Cairo", "2014-05-16", 23),
        ("Australia/Lord_Howe", "2014-04-06", 24.5),
    ],
)
def test_days_have_as_many_hours_as_the_law_says(zone, day, hours):
    first = date.fromisoformat(day)
    midnight = time(0)
    start, end = (
        wall_to_us(each, midnight, zone_of(zone)) for each in (first, first + timedelta(days=1))
    )
    assert (end - start) / HOUR_US == hours


@pytest.mark.parametrize("zone", ["Europe/Prague", "Africa/Cairo", "America/Havana"])
def test_the_day_of_a_moment_begins_at_its_reset_and_ends_before_the_next(zone):
    for offset in range(366):
        day = date(2014, 1, 1) + timedelta(days=offset)
        at_us = wall_to_us(day, time(0), zone_of(zone))
        assert day_of(at_us, time(0), zone_of(zone)) == day
        assert day_of(at_us - 1, time(0), zone_of(zone)) == day - timedelta(days=1)


ZONES = ["Europe/Prague", "Africa/Cairo", "America/Havana", "America/Chicago", "Asia/Tehran"]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("wall", ["00:00", "02:30"])
def test_platform_and_verifier_agree_on_every_reset_of_four_years(zone, wall):
    start, end = datetime(2010, 1, 2, tzinfo=UTC), datetime(2014, 1, 2, tzinfo=UTC)
    found = market.due([f"{wall} {zone}"], after_us=to_us(start), until_us=to_us(end))
    assert len(found) > 1_400
    for each in found:
        assert wall_to_us(each.day, time.fromisoformat(wall), zone_of(zone)) == each.at_us


@pytest.mark.parametrize("symbol", ["EUR/USD", "XAU/USD", "DE30/EUR", "BTC/USD"])
def test_platform_and_verifier_agree_on_every_quarter_hour_of_three_months(symbol):
    instrument = market.get_instrument(symbol)
    for month in (3, 4, 12):  # a change of clocks in New York, and Easter; Christmas
        at_us = to_us(datetime(2014, month, 1, tzinfo=UTC))
        for _ in range(31 * 24 * 4):
            for moment in (at_us - 1, at_us):
                session = market.session_at(instrument, moment)
                opened = calendars.session_opened_us(instrument.calendar, moment)
                assert opened == (None if session is None else session.open_us), text_of(moment)
            at_us += HOUR_US // 4


@pytest.mark.parametrize(
    ("year", "month", "day"),
    [(2014, 4, 20), (2024, 3, 31), (2049, 4, 18), (1954, 4, 18), (2038, 4, 25)],
)
def test_easter_is_when_the_almanac_says(year, month, day):
    assert calendars.easter(year) == date(year, month, day)


def test_a_zone_that_names_a_way_out_of_the_zones_is_none():
    for name in ("../../../etc/passwd", "", "Europe/../Europe/Prague", "Europe"):
        with pytest.raises(KeyError):
            zone_of(name)
