"""Moments and local midnights. Microseconds since 1970, UTC; zones from the tzdata package."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_US = 1_000_000


def to_us(moment: datetime) -> int:
    """Return microseconds since 1970 of an aware moment."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def from_us(at_us: int) -> datetime:
    """Return the UTC moment of `at_us`."""
    return EPOCH + timedelta(microseconds=at_us)


def text_of(at_us: int) -> str:
    """Return `2014-05-02T12:30:00.123456Z`; for what no calendar holds, the number."""
    try:
        return from_us(at_us).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except OverflowError:
        return f"{at_us} microseconds"


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """Return the zone from tzdata, never from the machine. Raises KeyError if there is none."""
    place = files("tzdata") / "zoneinfo"
    for piece in name.split("/"):
        if not piece.replace("-", "").replace("_", "").replace("+", "").isalnum():
            raise KeyError(name)
        place /= piece
    if not place.is_file():
        raise KeyError(name)
    with place.open("rb") as source:
        return ZoneInfo.from_file(source, key=name)


def day_of(at_us: int, wall: time, zone: ZoneInfo) -> date:
    """Return the date of the latest reset at or before `at_us`: the day that `at_us` is in."""
    day = from_us(at_us).astimezone(zone).date()
    while wall_to_us(day, wall, zone) > at_us:
        day -= timedelta(days=1)
    return day


@lru_cache(maxsize=4096)
def wall_to_us(day: date, wall: time, zone: ZoneInfo) -> int:
    """
    Return the instant at which the wall of `zone` first shows `wall` on `day`.

    Where clocks going forward skip that time: the first instant after the gap.
    """
    shown = datetime.combine(day, wall)
    # Offsets stay within a day of UTC, so the answer lies in these two days: in the first
    # stretch of one offset in which the wall reaches `shown`, or has passed it at the start.
    middle = to_us(shown.replace(tzinfo=UTC))
    changes = _changes(middle, zone)
    for start, end in pairwise(changes):
        offset_us = _offset_us(start, zone)
        candidate = max(start, middle - offset_us)
        if candidate < end:
            return candidate
    raise ValueError(f"{shown} does not happen in {zone.key}")


def _changes(around_us: int, zone: ZoneInfo) -> list[int]:
    """Return the ends of the stretches of one offset in the two days around, sorted."""
    step = 21_600 * SECOND_US  # no zone has ever changed its offset twice in six hours
    first = around_us - 86_400 * SECOND_US
    last = around_us + 86_400 * SECOND_US
    found = [first]
    for left in range(first, last, step):
        right = left + step
        if _offset_us(left, zone) != _offset_us(right, zone):
            found.append(_change_between(left, right, zone))
    return [*found, last]


def _change_between(left: int, right: int, zone: ZoneInfo) -> int:
    before = _offset_us(left, zone)
    while right - left > 1:
        middle = (left + right) // 2
        if _offset_us(middle, zone) == before:
            left = middle
        else:
            right = middle
    return right


def _offset_us(at_us: int, zone: ZoneInfo) -> int:
    offset = from_us(at_us).astimezone(zone).utcoffset()
    return 0 if offset is None else offset // timedelta(microseconds=1)
