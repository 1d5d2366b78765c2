"""Reliability: incidents."""

SQL = """
CREATE TABLE reliability_incidents (
    incident_id uuid PRIMARY KEY,
    kind        text NOT NULL,
    subject     text NOT NULL,
    severity    text NOT NULL CHECK (severity IN ('critical', 'warning')),
    state       text NOT NULL CHECK (state IN ('open', 'resolved', 'reviewed')),
    summary     text NOT NULL,
    source      text NOT NULL,
    opened_at   timestamptz NOT NULL,
    resolved_at timestamptz
);
CREATE INDEX reliability_incidents_by_moment ON reliability_incidents (opened_at DESC);

GRANT SELECT, INSERT ON reliability_incidents TO tradesense_app;
GRANT UPDATE (state, resolved_at) ON reliability_incidents TO tradesense_app;
GRANT SELECT ON reliability_incidents TO tradesense_reader;
"""
