"""The books in full: reservations, closed periods, and what the follower keeps of hot accounts."""

SQL = """
-- Hot accounts get lines too now, by the follower. A foreign key would write to the transfer's
-- row once per line; an invariant says the same.
ALTER TABLE ledger_lines DROP CONSTRAINT ledger_lines_transfer_id_fkey;

-- Hardly any transfer is a reversal: the others need no place in this index.
ALTER TABLE ledger_transfers DROP CONSTRAINT ledger_transfers_reverses_key;
CREATE UNIQUE INDEX ledger_transfers_reverses ON ledger_transfers (reverses)
  WHERE reverses IS NOT NULL;

-- By moment, for balances as of any moment and for the age of what stands.
DROP INDEX ledger_transfers_debit;
DROP INDEX ledger_transfers_credit;
CREATE INDEX ledger_transfers_debit ON ledger_transfers (debit, effective_at)
  INCLUDE (amount_minor, recorded_at);
CREATE INDEX ledger_transfers_credit ON ledger_transfers (credit, effective_at)
  INCLUDE (amount_minor, recorded_at);

-- What open reservations may still take out of a bounded account.
ALTER TABLE ledger_balances ADD COLUMN reserved_minor bigint NOT NULL DEFAULT 0
  CHECK (reserved_minor >= 0);
GRANT UPDATE (reserved_minor) ON ledger_balances TO tradesense_app;

CREATE TABLE ledger_reservations (
  id             uuid PRIMARY KEY,
  debit          text NOT NULL,
  credit         text NOT NULL,
  amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
  currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  reason         text NOT NULL CHECK (reason <> ''),
  effective_at   timestamptz NOT NULL,
  expires_at     timestamptz,
  recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  payload_sha256 bytea NOT NULL CHECK (octet_length(payload_sha256) = 32),
  CHECK (debit <> credit),
  CHECK (debit LIKE '%:' || currency AND credit LIKE '%:' || currency)
);

-- How a reservation ended; one that has no such row is open.
CREATE TABLE ledger_resolutions (
  reservation_id uuid PRIMARY KEY REFERENCES ledger_reservations (id),
  outcome        text NOT NULL CHECK (outcome IN ('posted', 'voided', 'expired')),
  transfer_id    uuid UNIQUE REFERENCES ledger_transfers (id),
  recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((outcome = 'posted') = (transfer_id IS NOT NULL))
);

-- The open ones again: the lock of each, and how the late ones are found. Rows come and go.
CREATE TABLE ledger_open (
  reservation_id uuid PRIMARY KEY,
  expires_at     timestamptz
);
CREATE INDEX ledger_open_late ON ledger_open (expires_at) WHERE expires_at IS NOT NULL;

-- Nothing is effective before the newest of these moments any more.
CREATE TABLE ledger_periods (
  closed_until timestamptz PRIMARY KEY,
  closed_by    text NOT NULL,
  recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_reservations
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_resolutions
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_periods
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
ALTER TABLE ledger_reservations ENABLE ALWAYS TRIGGER ledger_append_only;
ALTER TABLE ledger_resolutions ENABLE ALWAYS TRIGGER ledger_append_only;
ALTER TABLE ledger_periods ENABLE ALWAYS TRIGGER ledger_append_only;

-- Who writes transfers holds this lock shared until it commits; who closes a period holds it
-- alone. The statement after the lock sees every period that was closed before it was given. A
-- writer that lost the race is asked to run again, and is then told by the rules.
CREATE FUNCTION ledger_respect_periods() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(7236410552118312);
  IF EXISTS (
    SELECT FROM written WHERE effective_at < (SELECT max(closed_until) FROM ledger_periods)
  ) THEN
    RAISE EXCEPTION 'the period was closed meanwhile' USING ERRCODE = 'serialization_failure';
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER ledger_respect_periods AFTER INSERT ON ledger_transfers
  REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION ledger_respect_periods();

-- How far, in positions of the trail, hot accounts are kept.
CREATE TABLE ledger_follower (
  one      boolean PRIMARY KEY DEFAULT true CHECK (one),
  position bigint NOT NULL
);
INSERT INTO ledger_follower (position) VALUES (0);

-- The transfers that the follower has not seen yet, as the caller's snapshot has them: sealed
-- beyond its position, or not yet visible to the sealer. Both are short index ranges; without
-- statistics of them the planner would rather read the whole table.
CREATE FUNCTION ledger_tail() RETURNS SETOF ledger_transfers LANGUAGE plpgsql STABLE
  SET enable_seqscan = off AS $$
DECLARE
  followed bigint := (SELECT position FROM ledger_follower);
  sealed   trail_sealer;
BEGIN
  SELECT * INTO sealed FROM trail_sealer;
  IF NOT FOUND THEN
    RETURN QUERY SELECT t.* FROM ledger_transfers t;
    RETURN;
  END IF;
  RETURN QUERY
    SELECT t.* FROM (
      SELECT e.stream FROM trail_leaves l JOIN trail_entries e ON e.id = l.entry_id
      WHERE l.position > followed AND e.kind = 'TransferPosted'
      UNION ALL
      SELECT e.stream FROM trail_entries e
      WHERE e.epoch = sealed.epoch AND e.xid >= pg_snapshot_xmax(sealed.snapshot)
        AND e.kind = 'TransferPosted'
        AND NOT EXISTS (SELECT FROM trail_leaves l WHERE l.entry_id = e.id)
      UNION ALL
      SELECT e.stream FROM pg_snapshot_xip(sealed.snapshot) AS open (xid)
      JOIN trail_entries e ON e.epoch = sealed.epoch AND e.xid = open.xid
      WHERE e.kind = 'TransferPosted'
        AND NOT EXISTS (SELECT FROM trail_leaves l WHERE l.entry_id = e.id)
    ) AS unseen JOIN ledger_transfers t ON t.id = substr(unseen.stream, 8)::uuid;
END
$$;

GRANT SELECT ON ledger_reservations, ledger_resolutions, ledger_open, ledger_periods,
  ledger_follower TO tradesense_app, tradesense_reader;
GRANT INSERT (id, debit, credit, amount_minor, currency, reason, effective_at, expires_at,
  payload_sha256) ON ledger_reservations TO tradesense_app;
GRANT INSERT (reservation_id, outcome, transfer_id) ON ledger_resolutions TO tradesense_app;
GRANT INSERT (closed_until, closed_by) ON ledger_periods TO tradesense_app;
GRANT INSERT, DELETE, UPDATE ON ledger_open TO tradesense_app;
GRANT UPDATE (position) ON ledger_follower TO tradesense_app;
"""
