"""Moments survive every form exactly."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.kernel.instants import from_us, parse_rfc3339, rfc3339, to_us

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001 -- hypothesis adds the zone
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001 -- ditto
    timezones=ZONES,
)


@given(MOMENTS)
def test_microseconds_are_exact(moment):
    assert from_us(to_us(moment)) == moment


@given(MOMENTS)
def test_text_is_exact(moment):
    assert parse_rfc3339(rfc3339(moment)) == moment


@given(MOMENTS, MOMENTS)
def test_text_sorts_as_moments_do(one, other):
    assert (rfc3339(one) < rfc3339(other)) == (one < other)


def test_text_always_has_six_decimals_and_z():
    assert rfc3339(datetime(2014, 5, 2, 12, 30, tzinfo=UTC)) == "2014-05-02T12:30:00.000000Z"


def test_microseconds_before_1970_are_negative():
    assert to_us(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1


@pytest.mark.parametrize("use", [to_us, rfc3339])
def test_a_moment_without_a_zone_is_refused(use):
    with pytest.raises(ValueError, match="no time zone"):
        use(datetime(2014, 5, 2))  # noqa: DTZ001 -- that is the point


@pytest.mark.parametrize("text", ["2014-05-02T12:30:00", "2014-05-02", "yesterday", ""])
def test_text_without_a_zone_or_sense_is_refused(text):
    with pytest.raises(ValueError, match=r"no time zone|isoformat"):
        parse_rfc3339(text)


def test_text_of_another_zone_becomes_utc():
    assert parse_rfc3339("2014-05-02T14:30:00+02:00") == datetime(2014, 5, 2, 12, 30, tzinfo=UTC)
