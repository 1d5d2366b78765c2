"""Every SQL statement of this module."""

from uuid import UUID

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.reliability.model import Incident, IncidentState, Severity

_INCIDENT = """
    SELECT incident_id, kind, subject, severity, state, summary, source, opened_at, resolved_at
    FROM reliability_incidents
"""


async def insert(tx: Transaction, incident: Incident) -> bool:
    """Write a new incident; return whether its id was free."""
    cursor = await tx.execute(
        """
        INSERT INTO reliability_incidents
            (incident_id, kind, subject, severity, state, summary, source, opened_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        (
            incident.incident_id,
            incident.kind,
            incident.subject,
            incident.severity,
            incident.state,
            incident.summary,
            incident.source,
            incident.opened_at,
        ),
    )
    return cursor.rowcount == 1


async def find_incident(tx: Transaction, incident_id: UUID) -> Incident | None:
    """Return the incident of this id, None if there is none."""
    cursor = await tx.execute(_INCIDENT + " WHERE incident_id = %s", (incident_id,))
    row = await cursor.fetchone()
    return None if row is None else _incident(row)


async def lock(tx: Transaction, incident_id: UUID) -> Incident | None:
    """Read an incident and hold it until `tx` ends."""
    cursor = await tx.execute(_INCIDENT + " WHERE incident_id = %s FOR UPDATE", (incident_id,))
    row = await cursor.fetchone()
    return None if row is None else _incident(row)


async def list_incidents(
    tx: Transaction, *, state: IncidentState | None = None, limit: int = 100
) -> list[Incident]:
    """Return incidents, the newest first; only those in `state`, if it is said."""
    cursor = await tx.execute(
        _INCIDENT
        + """
        WHERE %(state)s::text IS NULL OR state = %(state)s
        ORDER BY opened_at DESC, incident_id LIMIT %(limit)s
        """,
        {"state": state, "limit": limit},
    )
    return [_incident(row) for row in await cursor.fetchall()]


async def save(tx: Transaction, incident: Incident) -> None:
    """Keep an incident's state."""
    await tx.execute(
        "UPDATE reliability_incidents SET state = %s, resolved_at = %s WHERE incident_id = %s",
        (incident.state, incident.resolved_at, incident.incident_id),
    )


def _incident(row: DictRow) -> Incident:
    known = {"severity": Severity(row["severity"]), "state": IncidentState(row["state"])}
    return Incident(**{**row, **known})
