"""What a period is, when it may be closed, and when books are not as they should be. Pure."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from tradesense.kernel.money import Money
from tradesense.ledger.model import Age, TrialLine

# Whoever decided something before the period ended has written it long before this is over; what
# comes later still would be refused, and a story would be turned back for no fault of its own.
PERIOD_GRACE = timedelta(hours=1)

_PERIOD = re.compile(r"(?P<year>\d{4})(-(?P<month>\d{2})(-(?P<day>\d{2}))?)?", re.ASCII)
_YEARS = range(1971, 2199)  # as for prices: what is outside is a slip of the hand


def end_of(period: str) -> datetime | None:
    """Return the first moment (UTC) after a year `2026`, month `2026-10` or day `2026-10-31`."""
    found = _PERIOD.fullmatch(period)
    if found is None or int(found["year"]) not in _YEARS:
        return None
    year, month = int(found["year"]), int(found["month"] or 12)
    try:
        first = datetime(year, month, int(found["day"] or 1), tzinfo=UTC)
    except ValueError:  # no such month, or no such day in it
        return None
    if found["day"] is not None:
        return first + timedelta(days=1)
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)


def sums_of(lines: Iterable[TrialLine]) -> Mapping[str, Money]:
    """Return debits minus credits per currency; anything but zero means that books are damaged."""
    sums: dict[str, Money] = {}
    for line in lines:
        nothing = Money(0, line.debit.currency)
        sums[line.debit.currency] = sums.get(line.debit.currency, nothing) + (
            line.debit - line.credit
        )
    return sums


def is_late(age: Age, limit: timedelta | None, now: datetime) -> bool:
    """Return whether something stands on an account for longer than `limit`, if it has one."""
    return age.oldest_at is not None and limit is not None and now - age.oldest_at > limit
