"""
When a market is open, by the calendar's name in the terms.

forex    New York: Sunday 17:00 to Friday 17:00; no 1 January, no 25 December
metal    as forex, but closed from 17:00 to 18:00 each day, and on Good Friday
xetra    Berlin: Monday to Friday 01:15 to 22:00; no 1 January, Good Friday, Easter Monday,
         1 May, 25 and 26 December
crypto   always

A trading day in New York begins at 17:00 (18:00) of the evening before and has the date of
its end. Days that touch are one session: the forex week, one day of gold.
"""

from datetime import date, datetime, time, timedelta

from tradesense_verify.rules.instants import SECOND_US, from_us, wall_to_us, zone_of

_DAY = timedelta(days=1)
_SATURDAY = 5
_HOUR_US = 3_600 * SECOND_US
_NEW_YORK_OPENS = {"forex": time(17), "metal": time(18)}
_NEW_YORK_CLOSES = time(17)
_XETRA = (time(1, 15), time(22))
NAMES = ("crypto", "forex", "metal", "xetra")


def is_open(calendar: str, at_us: int) -> bool:
    """Tell whether the market trades at `at_us`; its opening instant does, the closing not."""
    match calendar:
        case "crypto":
            return True
        case "xetra":
            local = _local(at_us, "Europe/Berlin")
            return _xetra_trades(local.date()) and _XETRA[0] <= local.time() < _XETRA[1]
        case "forex" | "metal":
            local = _local(at_us, "America/New_York")
            wall = local.time()
            if _NEW_YORK_CLOSES <= wall < _NEW_YORK_OPENS[calendar]:
                return False
            day = local.date() + (_DAY if wall >= _NEW_YORK_CLOSES else timedelta(0))
            return _new_york_trades(calendar, day)
        case _:
            raise ValueError(f"no calendar {calendar!r}")


def session_opened_us(calendar: str, at_us: int) -> int | None:
    """Return when the session around `at_us` opened; None if closed, 0 for crypto."""
    if not is_open(calendar, at_us):
        return None
    if calendar == "crypto":
        return 0
    if calendar == "xetra":
        day = _local(at_us, "Europe/Berlin").date()
        return wall_to_us(day, _XETRA[0], zone_of("Europe/Berlin"))
    local = _local(at_us, "America/New_York")
    day = local.date() + (_DAY if local.time() >= _NEW_YORK_CLOSES else timedelta(0))
    while calendar == "forex" and _new_york_trades(calendar, day - _DAY):
        day -= _DAY
    return wall_to_us(day - _DAY, _NEW_YORK_OPENS[calendar], zone_of("America/New_York"))


def has_opened_between(calendar: str, after_us: int, before_us: int) -> bool:
    """Tell whether a session opened after `after_us` and before `before_us`."""
    if calendar == "crypto":
        return False  # its one session opened before everything
    # No session is shorter than an hour, so steps of one land in each of them.
    for at_us in range(after_us, before_us, _HOUR_US):
        opened = session_opened_us(calendar, at_us)
        if opened is not None and after_us < opened < before_us:
            return True
    return False


def _local(at_us: int, zone: str) -> datetime:
    return from_us(at_us).astimezone(zone_of(zone))


def _new_york_trades(calendar: str, day: date) -> bool:
    if day.weekday() >= _SATURDAY or (day.month, day.day) in {(1, 1), (12, 25)}:
        return False
    return calendar == "forex" or day != easter(day.year) - 2 * _DAY


def _xetra_trades(day: date) -> bool:
    fixed = {(1, 1), (5, 1), (12, 25), (12, 26)}
    moving = {easter(day.year) - 2 * _DAY, easter(day.year) + _DAY}
    return day.weekday() < _SATURDAY and (day.month, day.day) not in fixed and day not in moving


def easter(year: int) -> date:
    """Return Easter Sunday: the Sunday after the first full moon of spring, by Gauss's rule."""
    century = year // 100
    moon = (15 + century - century // 4 - (13 + 8 * century) // 25) % 30
    sun = (4 + century - century // 4) % 7
    full = (19 * (year % 19) + moon) % 30
    sunday = (2 * (year % 4) + 4 * (year % 7) + 6 * full + sun) % 7
    # Gauss's two exceptions: Easter is never later than 25 April.
    late = sunday == 6 and (full == 29 or (full == 28 and year % 19 > 10))  # noqa: PLR2004 -- his
    return date(year, 3, 22) + timedelta(days=full + sunday - 7 * late)
