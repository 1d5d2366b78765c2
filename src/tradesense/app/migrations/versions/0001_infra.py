"""Commit keys, leases, stored answers; what each role may do by default."""

SQL = """
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO tradesense_app, tradesense_sealer, tradesense_reader;

-- The reader sees every table, also those of later revisions; app and sealer are readers too.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO tradesense_reader;
GRANT SELECT ON infra_schema_version TO tradesense_reader;

CREATE TABLE infra_commits (
    key           text PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 500),
    xid           xid8 NOT NULL DEFAULT pg_current_xact_id(),
    committed_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX infra_commits_by_time ON infra_commits USING brin (committed_at);
GRANT INSERT (key), DELETE ON infra_commits TO tradesense_app, tradesense_sealer;

CREATE TABLE infra_leases (
    name    text PRIMARY KEY,
    holder  text,                           -- NULL: free
    token   bigint NOT NULL CHECK (token > 0),
    beat    bigint NOT NULL DEFAULT 0
);
GRANT INSERT, UPDATE ON infra_leases TO tradesense_app, tradesense_sealer;

CREATE TABLE infra_idempotency (
    scope        text NOT NULL,
    key          text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    payload      bytea NOT NULL CHECK (length(payload) = 32),    -- SHA-256
    status       smallint NOT NULL CHECK (status BETWEEN 200 AND 499),
    answer       bytea NOT NULL,                                 -- headers and body, encrypted
    answered_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (scope, key)
);
CREATE INDEX infra_idempotency_by_time ON infra_idempotency USING brin (answered_at);
GRANT INSERT, DELETE ON infra_idempotency TO tradesense_app;
"""
