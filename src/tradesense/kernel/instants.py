"""Moments: UTC only, to the microsecond; text as RFC 3339, integers as microseconds since 1970."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(moment: datetime) -> int:
    """Return microseconds since 1970-01-01T00:00:00Z; exact. Raises ValueError if naive."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone; moments are aware")
    return (moment - EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    """Return the UTC moment of `us` microseconds since 1970; exact."""
    return EPOCH + timedelta(microseconds=us)


def rfc3339(moment: datetime) -> str:
    """Return `2014-05-02T12:30:00.123456Z`: always UTC, always six decimals, so that it sorts."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone; moments are aware")
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"


def parse_rfc3339(text: str) -> datetime:
    """Return the UTC moment that `text` names. Raises ValueError if it is naive or no moment."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write 2014-05-02T12:30:00Z")
    return moment.astimezone(UTC)
