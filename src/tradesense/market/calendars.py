"""
When a market is open. Pure: rules in local time, answers in microseconds of UTC.

A calendar is a list of trading days, each open from one local time to another; days that touch
are one session. So a currency's session is its week (Sunday 17:00 to Friday 17:00 New York),
gold's is one day (18:00 to 17:00), and crypto's never ends.

Hours follow the market-hours database of QuantConnect's Lean (OANDA entries, commit 24863901)
without its two to five minutes of pause around 17:00. Closed days are only those on which that
database and the exchanges agree: a price on a day wrongly called closed would judge nothing,
while a day wrongly called open has stale prices, which trade nothing either.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from tradesense.kernel.instants import from_us, to_us
from tradesense.market.model import Instrument

ALWAYS = "crypto"
_FOR_EVER_US = 2**53 - 1  # the largest integer every JSON reader keeps exact; the year 2255
_SATURDAY = 5
_HOUR_US = 3_600_000_000
_WEEK = timedelta(days=7)
# No market of ours rests longer: Christmas and a weekend, or Easter from Friday to Monday.
_REST_WEEKS_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One unbroken time of trading: open from `open_us` until just before `close_us`."""

    id: str
    open_us: int
    close_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hours:
    """Local hours of one trading day; `evening_before` opens on the calendar day before it."""

    zone: ZoneInfo
    opens: time
    evening_before: bool
    closes: time
    is_holiday: Callable[[date], bool]


def is_open(instrument: Instrument, at_us: int) -> bool:
    """Whether `instrument` trades at `at_us`; the opening instant does, the closing one not."""
    return session_at(instrument, at_us) is not None


def session_at(instrument: Instrument, at_us: int) -> Session | None:
    """Return the session that `at_us` falls in, or None if the market is closed then."""
    if instrument.calendar == ALWAYS:
        return Session(id=ALWAYS, open_us=0, close_us=_FOR_EVER_US)
    for session in _sessions_around(instrument.calendar, at_us):
        if session.open_us <= at_us < session.close_us:
            return session
    return None


def next_open(instrument: Instrument, at_us: int) -> int | None:
    """Return when the first session after `at_us` opens; None for a market that never closes."""
    if instrument.calendar == ALWAYS:
        return None
    around = _sessions_around(instrument.calendar, at_us)
    return next(session.open_us for session in around if session.open_us > at_us)


def next_close(instrument: Instrument, at_us: int) -> int | None:
    """Return when the present session, or else the next one, closes; None for never."""
    if instrument.calendar == ALWAYS:
        return None
    around = _sessions_around(instrument.calendar, at_us)
    return next(session.close_us for session in around if session.close_us > at_us)


def _sessions_around(calendar: str, at_us: int) -> tuple[Session, ...]:
    return _sessions_around_hour(calendar, at_us // _HOUR_US)


@lru_cache(maxsize=4096)
def _sessions_around_hour(calendar: str, hour: int) -> tuple[Session, ...]:
    if calendar not in _CALENDARS:
        raise ValueError(f"no calendar {calendar!r}; there are {ALWAYS}, {', '.join(_CALENDARS)}")
    day = from_us(hour * _HOUR_US).astimezone(_CALENDARS[calendar].zone).date()
    monday = day - timedelta(days=day.weekday())
    weeks = (monday + _WEEK * n for n in range(-1, _REST_WEEKS_MAX))
    return tuple(session for week in weeks for session in _week(calendar, week))


@lru_cache(maxsize=1024)
def _week(calendar: str, monday: date) -> tuple[Session, ...]:
    """Return the sessions of the trading days from `monday` on; days that touch become one."""
    hours = _CALENDARS[calendar]
    sessions: list[Session] = []
    for day in (monday + timedelta(days=n) for n in range(_SATURDAY)):
        if hours.is_holiday(day):
            continue
        first = day - timedelta(days=hours.evening_before)
        opens = _utc_us(first, hours.opens, hours.zone)
        closes = _utc_us(day, hours.closes, hours.zone)
        name = f"{calendar}:{first}"
        if sessions and sessions[-1].close_us == opens:
            name, opens = sessions[-1].id, sessions.pop().open_us
        sessions.append(Session(id=name, open_us=opens, close_us=closes))
    return tuple(sessions)


def _utc_us(day: date, local: time, zone: ZoneInfo) -> int:
    return to_us(datetime.combine(day, local, zone).astimezone(UTC))


def _is_new_year_or_christmas(day: date) -> bool:
    return (day.month, day.day) in {(1, 1), (12, 25)}


def _is_good_friday(day: date) -> bool:
    return day == _easter(day.year) - timedelta(days=2)


def _is_gold_holiday(day: date) -> bool:
    return _is_new_year_or_christmas(day) or _is_good_friday(day)


def _is_german_holiday(day: date) -> bool:
    easter_monday = _easter(day.year) + timedelta(days=1)
    fixed = (day.month, day.day) in {(5, 1), (12, 26)}
    return _is_gold_holiday(day) or day == easter_monday or fixed


def _easter(year: int) -> date:
    """Return Easter Sunday (Gregorian; Meeus, Astronomical Algorithms, chapter 8)."""
    a = year % 19
    b, c = divmod(year, 100)
    d, e = divmod(b, 4)
    f = (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


_NEW_YORK = ZoneInfo("America/New_York")

_CALENDARS = {
    "forex": _Hours(
        zone=_NEW_YORK,
        opens=time(17),
        evening_before=True,
        closes=time(17),
        is_holiday=_is_new_year_or_christmas,
    ),
    "metal": _Hours(
        zone=_NEW_YORK,
        opens=time(18),
        evening_before=True,
        closes=time(17),
        is_holiday=_is_gold_holiday,
    ),
    "xetra": _Hours(
        zone=ZoneInfo("Europe/Berlin"),
        opens=time(1, 15),
        evening_before=False,
        closes=time(22),
        is_holiday=_is_german_holiday,
    ),
}
