"""
When a programme's day ends: a local time in a named zone, as instants of UTC. Pure.

Where clocks going back make the local time happen twice, the first one counts; where clocks
going forward skip it, the first instant after the gap does (Africa/Cairo and America/Havana
change at midnight).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tradesense.kernel.errors import Invalid
from tradesense.kernel.instants import from_us, to_us

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class BadReset(Invalid):
    """The text names no local time in a known zone."""

    code = "market.bad_reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """The instant at which the reset called `reset` falls on the local date `day`."""

    at_us: int
    reset: str
    day: date


def due(resets: Iterable[str], *, after_us: int, until_us: int) -> list[Boundary]:
    """
    Return every boundary after `after_us` and not after `until_us`, in order of time and name.

    Each of `resets` reads `00:00 Europe/Prague`. Raises BadReset.
    """
    found = [
        boundary
        for reset in resets
        for boundary in _boundaries(reset, after_us=after_us, until_us=until_us)
    ]
    return sorted(found, key=lambda boundary: (boundary.at_us, boundary.reset))


def next_boundary(reset: str, *, after_us: int) -> Boundary:
    """Return the first boundary of `reset` after `after_us`. Raises BadReset."""
    # Three days hold one for certain: a zone may skip a whole day, but no two.
    span_us = 3 * 24 * 3_600_000_000
    return next(_boundaries(reset, after_us=after_us, until_us=after_us + span_us))


def _boundaries(reset: str, *, after_us: int, until_us: int) -> Iterator[Boundary]:
    local, zone = _parsed(reset)
    day = from_us(after_us).astimezone(zone).date() - _DAY
    last = from_us(until_us).astimezone(zone).date() + _DAY
    while day <= last:
        at_us = _instant(day, local, zone)
        # A day that a zone skipped altogether shares its instant with the next: one boundary.
        if after_us < at_us <= until_us and at_us != _instant(day + _DAY, local, zone):
            yield Boundary(at_us=at_us, reset=reset, day=day)
        day += _DAY


@lru_cache(maxsize=64)
def _parsed(reset: str) -> tuple[time, ZoneInfo]:
    clock, _, zone = reset.partition(" ")
    try:
        hour, minute = clock.split(":")
        return time(int(hour), int(minute)), ZoneInfo(zone)
    except (ValueError, ZoneInfoNotFoundError):
        raise BadReset(f"{reset!r} is no reset; write it like '00:00 Europe/Prague'") from None


@lru_cache(maxsize=4096)
def _instant(day: date, local: time, zone: ZoneInfo) -> int:
    wall = datetime.combine(day, local, zone)
    first, second = wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
    # Same or first of two (fold 0) where the time exists; in a gap, `second` lies before it.
    return to_us(first if first <= second else _end_of_gap(second, first, zone))


def _end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant, to the second, at which the zone's offset changes in between."""
    old = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
