"""
The nouns of reliability: an incident and its life.

    open ──▶ resolved ──▶ reviewed      resolved when it is over, reviewed when its cause is known
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tradesense.kernel.events import Event


class IncidentState(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"
    REVIEWED = "reviewed"


class Severity(StrEnum):
    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that went wrong with `subject`; `source` is the stream that tells of it."""

    incident_id: UUID
    kind: str
    subject: str
    severity: Severity
    state: IncidentState
    summary: str
    source: str
    opened_at: datetime
    resolved_at: datetime | None = None

    def facts(self) -> dict[str, object]:
        """Return it for JSON."""
        return {name: _plain(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One line of a timeline, from the trail."""

    at: datetime
    kind: str
    by: str
    stream: str
    data: Mapping[str, object]

    def facts(self) -> dict[str, object]:
        """Return it for JSON."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


@dataclass(frozen=True, slots=True)
class IncidentOpened(Event):
    incident_id: UUID
    kind: str
    subject: str
    severity: Severity
    summary: str


@dataclass(frozen=True, slots=True)
class IncidentNoted(Event):
    """Somebody wrote down what they saw or did."""

    incident_id: UUID
    text: str


@dataclass(frozen=True, slots=True)
class IncidentResolved(Event):
    incident_id: UUID
    how: str


@dataclass(frozen=True, slots=True)
class IncidentReviewed(Event):
    """What it came from, and what will keep it from coming again."""

    incident_id: UUID
    cause: str
    prevention: str
