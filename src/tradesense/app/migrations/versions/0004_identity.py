"""Identity: users, sessions, API keys, and how often a login has failed."""

SQL = """
CREATE TABLE identity_users (
    user_id       uuid PRIMARY KEY,
    email         text NOT NULL UNIQUE CHECK (email = lower(email) AND length(email) <= 254),
    password_hash text NOT NULL,
    is_operator   boolean NOT NULL DEFAULT false,
    signed_up_at  timestamptz NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Sessions live in database time: a login does not expire because a story moves its clock.
CREATE TABLE identity_sessions (
    token_mac  bytea PRIMARY KEY CHECK (length(token_mac) = 32),
    user_id    uuid NOT NULL REFERENCES identity_users,
    opened_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    closed_at  timestamptz
);
CREATE INDEX identity_sessions_by_user ON identity_sessions (user_id);

CREATE TABLE identity_keys (
    key_id       text PRIMARY KEY CHECK (key_id ~ '^PK[A-Z2-7]{18}$'),
    user_id      uuid NOT NULL REFERENCES identity_users,
    challenge_id uuid NOT NULL,
    issued_at    timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at   timestamptz
);
CREATE INDEX identity_keys_by_challenge ON identity_keys (challenge_id);

-- One row per (account, address) and per address, named by HMAC: no address in clear.
CREATE TABLE identity_login_tries (
    subject_mac bytea PRIMARY KEY CHECK (length(subject_mac) = 32),
    failures    integer NOT NULL CHECK (failures > 0),
    window_ends timestamptz NOT NULL
);

GRANT SELECT, INSERT ON identity_users, identity_sessions, identity_keys TO tradesense_app;
GRANT UPDATE (password_hash, is_operator) ON identity_users TO tradesense_app;
GRANT UPDATE (closed_at) ON identity_sessions TO tradesense_app;
GRANT UPDATE (revoked_at) ON identity_keys TO tradesense_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity_login_tries TO tradesense_app;
GRANT SELECT ON identity_users, identity_sessions, identity_keys, identity_login_tries
    TO tradesense_reader;
"""
