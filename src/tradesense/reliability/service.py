"""The verbs of incidents. Each takes the caller's transaction and never commits it."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from tradesense import trail
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import Conflict, Invalid, InvariantBroken, NotFound
from tradesense.kernel.events import Event
from tradesense.reliability import store
from tradesense.reliability.model import (
    Incident,
    IncidentNoted,
    IncidentOpened,
    IncidentResolved,
    IncidentReviewed,
    IncidentState,
    Moment,
    Severity,
)
from tradesense.trail.model import Entry, Fact

BY = "system:reliability"
TEXT_MAX = 2_000


class UnknownIncident(NotFound):
    """No incident has this id."""

    code = "reliability.unknown_incident"


class NotResolved(Conflict):
    """An incident is reviewed once it is over, and resolved or reviewed once."""

    code = "reliability.not_resolved"


class BadNote(Invalid):
    """Nothing was said, or more than anybody would read."""

    code = "reliability.bad_note"


async def hear(tx: Transaction, entry: Entry, now: datetime) -> None:
    """Open the incident of an outage, or resolve it, as the provider's stream tells."""
    incident_id = UUID(str(entry.data["outage_id"]))
    match entry.kind:
        case "ProviderContained":
            provider = str(entry.data["provider"])
            incident = Incident(
                incident_id=incident_id,
                kind="payment-provider-outage",
                subject=provider,
                severity=Severity.CRITICAL,
                state=IncidentState.OPEN,
                summary=f"{provider} is contained: {entry.data['why']}",
                source=entry.stream,
                opened_at=entry.at,
            )
            await _open(tx, incident, now=now, cause=f"{entry.stream}#{entry.version}")
        case "ProviderRestored":
            # Somebody may have resolved it by hand before.
            incident = await _lock(tx, incident_id)
            if incident.state is IncidentState.OPEN:
                await _resolve(tx, incident, how="the provider answers well again", by=BY, now=now)
        case _:
            raise InvariantBroken(f"nothing is known about {entry.kind}")


async def note(tx: Transaction, *, incident_id: UUID, text: str, by: str, now: datetime) -> None:
    """Add to the timeline what somebody saw or did. Raises UnknownIncident or BadNote."""
    incident = await _lock(tx, incident_id)
    await _record(tx, incident, IncidentNoted(incident_id, _said(text)), by=by, now=now)


async def resolve(
    tx: Transaction, *, incident_id: UUID, how: str, by: str, now: datetime
) -> Incident:
    """Say that it is over, and how. Raises UnknownIncident, NotResolved or BadNote."""
    incident = await _lock(tx, incident_id)
    if incident.state is not IncidentState.OPEN:
        raise NotResolved(f"incident {incident_id} is {incident.state} already")
    return await _resolve(tx, incident, how=_said(how), by=by, now=now)


async def review(
    tx: Transaction, *, incident_id: UUID, cause: str, prevention: str, by: str, now: datetime
) -> Incident:
    """Write down cause and prevention. Raises UnknownIncident, NotResolved or BadNote."""
    incident = await _lock(tx, incident_id)
    if incident.state is not IncidentState.RESOLVED:
        raise NotResolved(f"incident {incident_id} is {incident.state}, not resolved")
    reviewed = replace(incident, state=IncidentState.REVIEWED)
    await store.save(tx, reviewed)
    event = IncidentReviewed(incident_id, _said(cause), _said(prevention))
    await _record(tx, reviewed, event, by=by, now=now)
    return reviewed


async def get_timeline(tx: Transaction, incident_id: UUID) -> tuple[Incident, list[Moment]]:
    """Return an incident and all that was said of it and of its subject since it began."""
    incident = await store.find_incident(tx, incident_id)
    if incident is None:
        raise UnknownIncident(f"no incident {incident_id}")
    own = await trail.read_stream(tx, stream_of(incident_id))
    told = [
        entry
        for entry in await trail.read_stream(tx, incident.source)
        if entry.data.get("outage_id") == str(incident_id)
    ]
    moments = [
        Moment(at=e.at, kind=e.kind, by=e.by, stream=e.stream, data=e.data) for e in [*told, *own]
    ]
    return incident, sorted(moments, key=lambda moment: moment.at)


def stream_of(incident_id: UUID) -> str:
    """Return the stream that an incident is told on."""
    return f"incident:{incident_id}"


async def _open(tx: Transaction, incident: Incident, *, now: datetime, cause: str) -> None:
    if not await store.insert(tx, incident):
        return
    event = IncidentOpened(
        incident.incident_id,
        incident.kind,
        incident.subject,
        incident.severity,
        incident.summary,
    )
    await _record(tx, incident, event, by=BY, now=now, cause=cause)


async def _resolve(
    tx: Transaction, incident: Incident, *, how: str, by: str, now: datetime
) -> Incident:
    resolved = replace(incident, state=IncidentState.RESOLVED, resolved_at=now)
    await store.save(tx, resolved)
    await _record(tx, resolved, IncidentResolved(incident.incident_id, how), by=by, now=now)
    return resolved


async def _lock(tx: Transaction, incident_id: UUID) -> Incident:
    incident = await store.lock(tx, incident_id)
    if incident is None:
        raise UnknownIncident(f"no incident {incident_id}")
    return incident


def _said(text: str) -> str:
    if not 0 < len(text.strip()) <= TEXT_MAX:
        raise BadNote(f"write 1 to {TEXT_MAX:,} characters: they go on the trail")
    return text.strip()


async def _record(
    tx: Transaction,
    incident: Incident,
    event: Event,
    *,
    by: str,
    now: datetime,
    cause: str | None = None,
) -> None:
    stream = stream_of(incident.incident_id)
    await trail.record(tx, Fact(event=event, stream=stream, at=now, by=by, cause=cause))
