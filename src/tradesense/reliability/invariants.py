"""What must always be true of incidents; each query returns the rows that break it."""

INVARIANTS = {
    "an incident that is over says since when, and one that is not does not": """
        SELECT incident_id, state, resolved_at FROM reliability_incidents
        WHERE (state = 'open') <> (resolved_at IS NULL)
    """,
}
