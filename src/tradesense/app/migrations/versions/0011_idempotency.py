"""Answers expire by the database's clock; a claim may commit before its answer, under a lease."""

SQL = """
ALTER TABLE infra_idempotency
  -- A row without an answer is a claim: somebody is out asking a provider, or died doing so.
  ALTER COLUMN status DROP NOT NULL,
  ALTER COLUMN answer DROP NOT NULL,
  ALTER COLUMN answered_at DROP NOT NULL,
  ADD COLUMN expires_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '24 hours',
  ADD COLUMN token bigint NOT NULL DEFAULT 1 CHECK (token > 0),   -- one more per take-over
  ADD COLUMN leased_until timestamptz,
  ADD CHECK ((answer IS NULL) = (status IS NULL) AND (answer IS NULL) = (answered_at IS NULL)),
  ADD CHECK (answer IS NOT NULL OR leased_until IS NOT NULL);

COMMENT ON COLUMN infra_idempotency.payload IS 'keyed digest: may be of a password';

DROP INDEX infra_idempotency_by_time;
CREATE INDEX infra_idempotency_by_expiry ON infra_idempotency USING brin (expires_at);

GRANT UPDATE (status, answer, answered_at, expires_at, token, leased_until)
  ON infra_idempotency TO tradesense_app;
"""
