"""What operators decide about breakers, for every process to follow."""

SQL = """
CREATE TABLE operations_breakers (
    policy       text PRIMARY KEY CHECK (length(policy) BETWEEN 1 AND 100),
    version      bigint NOT NULL CHECK (version > 0),
    state        text NOT NULL CHECK (state IN ('force-open', 'disable', 'watch-only', 'close')),
    why          text NOT NULL CHECK (length(why) BETWEEN 1 AND 500),
    directed_by  text NOT NULL CHECK (length(directed_by) BETWEEN 1 AND 200),
    directed_at  timestamptz NOT NULL,
    -- By the database's clock: a story's clock stands still.
    expires_at   timestamptz,
    CHECK (state <> 'close' OR expires_at IS NULL)
);
GRANT INSERT, UPDATE ON operations_breakers TO tradesense_app;
"""
