"""Payments: what was seen of each provider, and how we stand to it."""

SQL = """
-- Counts of calls since the process's report before; dropped when no judgement needs them.
CREATE TABLE payments_provider_reports (
    provider text NOT NULL,
    node     text NOT NULL,
    reported_at timestamptz NOT NULL,
    calls    integer NOT NULL CHECK (calls >= 0),
    failures integer NOT NULL CHECK (failures BETWEEN 0 AND calls),
    PRIMARY KEY (provider, node, reported_at)
);
CREATE TABLE payments_provider_nodes (
    provider    text NOT NULL,
    node        text NOT NULL,
    is_open     boolean NOT NULL,
    reported_at timestamptz NOT NULL,
    PRIMARY KEY (provider, node)
);
CREATE TABLE payments_provider_outages (
    provider     text PRIMARY KEY,
    condition    text NOT NULL CHECK (condition IN ('well', 'contained')),
    number       integer NOT NULL DEFAULT 0 CHECK (number >= 0),
    streak       integer NOT NULL DEFAULT 0 CHECK (streak >= 0),
    why          text NOT NULL DEFAULT '',
    since        timestamptz NOT NULL,
    counted_from timestamptz NOT NULL DEFAULT clock_timestamp()
);

GRANT SELECT, INSERT, UPDATE, DELETE ON payments_provider_reports, payments_provider_nodes
    TO tradesense_app;
GRANT SELECT, INSERT, UPDATE ON payments_provider_outages TO tradesense_app;
GRANT SELECT ON payments_provider_reports, payments_provider_nodes, payments_provider_outages
    TO tradesense_reader;
"""
