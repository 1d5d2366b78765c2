"""Where a programme's day ends, also where midnight is missing or comes twice."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.kernel.instants import from_us, to_us
from tradesense.market import BadReset, due, next_boundary

PRAGUE = "00:00 Europe/Prague"
HOUR_US = 3_600_000_000


def us(text):
    return to_us(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("reset", "day", "instant"),
    [
        (PRAGUE, date(2014, 5, 3), "2014-05-02T22:00"),
        (PRAGUE, date(2014, 1, 3), "2014-01-02T23:00"),
        (PRAGUE, date(2026, 3, 29), "2026-03-28T23:00"),  # a day of 23 hours begins
        (PRAGUE, date(2026, 3, 30), "2026-03-29T22:00"),
        (PRAGUE, date(2026, 10, 25), "2026-10-24T22:00"),  # a day of 25 hours begins
        (PRAGUE, date(2026, 10, 26), "2026-10-25T23:00"),
        ("17:00 America/New_York", date(2026, 3, 8), "2026-03-08T21:00"),
        ("00:30 UTC", date(2026, 3, 8), "2026-03-08T00:30"),
        # Cairo springs from 00:00 to 01:00: the day's first instant is 01:00.
        ("00:00 Africa/Cairo", date(2024, 4, 26), "2024-04-25T22:00"),
        ("00:30 Africa/Cairo", date(2024, 4, 26), "2024-04-25T22:00"),
        ("00:00 Africa/Cairo", date(2024, 4, 27), "2024-04-26T21:00"),
        # It falls back at 24:00 to 23:00: its last hour comes twice, midnight once.
        ("23:30 Africa/Cairo", date(2024, 10, 31), "2024-10-31T20:30"),
        ("00:00 Africa/Cairo", date(2024, 11, 1), "2024-10-31T22:00"),
        # Havana springs at 00:00 and falls back from 01:00 to 00:00: midnight comes twice.
        ("00:00 America/Havana", date(2024, 3, 10), "2024-03-10T05:00"),
        ("00:00 America/Havana", date(2024, 11, 3), "2024-11-03T04:00"),
    ],
)
def test_a_reset_falls_on_the_first_instant_of_its_local_time(reset, day, instant):
    (found,) = due([reset], after_us=us(instant) - 1, until_us=us(instant))

    assert (found.day, from_us(found.at_us)) == (day, from_us(us(instant)))
    assert next_boundary(reset, after_us=us(instant) - 1) == found
    assert next_boundary(reset, after_us=us(instant)).at_us > us(instant)


def test_missed_resets_come_in_order_of_time_then_name():
    found = due(
        ["00:00 UTC", PRAGUE, "02:00 Europe/Prague"],
        after_us=us("2014-05-02T12:00"),
        until_us=us("2014-05-04T00:00"),
    )

    assert [(from_us(one.at_us).hour, one.reset) for one in found] == [
        (22, PRAGUE),
        (0, "00:00 UTC"),
        (0, "02:00 Europe/Prague"),
        (22, PRAGUE),
        (0, "00:00 UTC"),
        (0, "02:00 Europe/Prague"),
    ]


def test_the_day_that_samoa_skipped_has_no_reset_of_its_own():
    found = due(
        ["00:00 Pacific/Apia"], after_us=us("2011-12-28T12:00"), until_us=us("2012-01-01T12:00")
    )

    assert [one.day for one in found] == [
        date(2011, 12, 29), date(2011, 12, 31), date(2012, 1, 1), date(2012, 1, 2),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "00:00", "24:00 UTC", "0 UTC", "00:00 Europe/Nowhere"])
def test_what_names_no_reset_is_refused_with_an_example(text):
    with pytest.raises(BadReset, match="write it like '00:00 Europe/Prague'"):
        due([text], after_us=0, until_us=1)


@given(
    st.sampled_from(["Africa/Cairo", "America/Havana", "Europe/Prague", "Australia/Lord_Howe"]),
    st.integers(0, 24 * 60 - 1),
    st.integers(us("2000-01-01"), us("2037-01-01")),
    st.integers(0, 400 * 24),
)
def test_between_two_moments_each_local_day_ends_once(zone, minute, after_us, hours):
    reset = f"{minute // 60:02d}:{minute % 60:02d} {zone}"
    until_us = after_us + hours * HOUR_US

    found = due([reset], after_us=after_us, until_us=until_us)

    days = [one.day for one in found]
    assert days == [days[0] + timedelta(days=n) for n in range(len(days))] if days else True
    assert all(after_us < one.at_us <= until_us for one in found)
    assert abs(len(found) - hours / 24) <= 2
    middle = (after_us + until_us) // 2
    assert found == (
        due([reset], after_us=after_us, until_us=middle)
        + due([reset], after_us=middle, until_us=until_us)
    )
