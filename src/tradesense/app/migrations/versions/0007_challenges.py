"""Challenges: what was bought, the accounts of its phases, and their verdicts."""

SQL = """
CREATE TABLE challenges_challenges (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL,
    purchase_id   uuid NOT NULL UNIQUE,
    plan          text NOT NULL,
    phase         text NOT NULL CHECK (phase IN ('phase-1', 'phase-2', 'funded')),
    account_id    uuid NOT NULL UNIQUE,
    status        text NOT NULL CHECK (status IN ('running', 'funded', 'failed')),
    terms         bytea NOT NULL,
    terms_sha256  text NOT NULL CHECK (terms_sha256 = encode(sha256(terms), 'hex')),
    reset_time    text NOT NULL,
    reset_zone    text NOT NULL,
    started_at    timestamptz NOT NULL,
    CHECK (status = 'failed' OR (status = 'funded') = (phase = 'funded'))
);
CREATE INDEX challenges_by_user ON challenges_challenges (user_id, started_at);

CREATE TABLE challenges_accounts (
    account_id    uuid PRIMARY KEY,
    challenge_id  uuid NOT NULL REFERENCES challenges_challenges,
    phase         text NOT NULL,
    requested_at  timestamptz NOT NULL,
    UNIQUE (challenge_id, phase)
);

-- A reversal (recorded by people, in a later migration) keeps the row and frees its place.
CREATE TABLE challenges_verdicts (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id    uuid NOT NULL REFERENCES challenges_accounts,
    outcome       text NOT NULL CHECK (outcome IN ('passed', 'failed')),
    rule          text NOT NULL,
    limit_minor   bigint NOT NULL,
    actual_minor  bigint NOT NULL,
    price_seq     bigint NOT NULL,
    decided_at    timestamptz NOT NULL,
    reversed_at   timestamptz
);
CREATE UNIQUE INDEX challenges_one_verdict ON challenges_verdicts (account_id)
    WHERE reversed_at IS NULL;

GRANT SELECT, INSERT ON challenges_challenges, challenges_accounts, challenges_verdicts
    TO tradesense_app;
GRANT UPDATE (phase, account_id, status) ON challenges_challenges TO tradesense_app;
GRANT SELECT ON challenges_challenges, challenges_accounts, challenges_verdicts
    TO tradesense_reader;
"""
