"""Reconciliation: the providers' books as copied, what was booked from them, runs and cases."""

SQL = """
-- Append-only: a line that a provider changed, or took out of its books, is another version.
CREATE TABLE payments_movements (
  provider       text NOT NULL,
  ref            text NOT NULL,
  version        integer NOT NULL CHECK (version > 0),
  is_gone        boolean NOT NULL DEFAULT false,
  subject        text NOT NULL,
  kind           text NOT NULL,
  amount_minor   bigint NOT NULL,
  fee_minor      bigint NOT NULL,
  currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  at             timestamptz NOT NULL,
  payment_ref    text,
  object_ref     text,
  bank_reference text,
  recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (provider, ref, version)
);
CREATE INDEX payments_movements_by_subject ON payments_movements (provider, subject);
CREATE INDEX payments_movements_by_moment ON payments_movements (provider, at);
CREATE INDEX payments_movements_payouts ON payments_movements (bank_reference)
  WHERE bank_reference IS NOT NULL;

CREATE FUNCTION payments_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER payments_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments_movements
  FOR EACH STATEMENT EXECUTE FUNCTION payments_refuse_change();
ALTER TABLE payments_movements ENABLE ALWAYS TRIGGER payments_append_only;

-- The transfers that were made from movements.
CREATE TABLE payments_bookings (
  transfer_id  uuid PRIMARY KEY,
  provider     text NOT NULL,
  movement_ref text NOT NULL,
  part         text NOT NULL CHECK (part IN ('fee', 'whole')),
  recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (provider, movement_ref, part)
);
CREATE TRIGGER payments_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments_bookings
  FOR EACH STATEMENT EXECUTE FUNCTION payments_refuse_change();
ALTER TABLE payments_bookings ENABLE ALWAYS TRIGGER payments_append_only;

-- Whose payment a charge is that we know nothing of: the id that we are said to have given it.
CREATE TABLE payments_owners (
  provider    text NOT NULL,
  payment_ref text NOT NULL,
  claimed     uuid,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (provider, payment_ref)
);

CREATE TABLE payments_reconciliations (
  run_id         uuid PRIMARY KEY,
  provider       text NOT NULL,
  cadence        text NOT NULL CHECK (cadence IN ('hourly', 'daily', 'asked')),
  since          timestamptz NOT NULL,
  until          timestamptz NOT NULL,
  report         text,
  report_sha256  text CHECK (report_sha256 ~ '^[0-9a-f]{64}$'),
  stream_version bigint,
  started_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  completed_at   timestamptz,
  CHECK ((report IS NULL) = (completed_at IS NULL)),
  CHECK ((report IS NULL) = (report_sha256 IS NULL)),
  CHECK ((report IS NULL) = (stream_version IS NULL))
);
CREATE INDEX payments_reconciliations_by_end ON payments_reconciliations (provider, until)
  WHERE completed_at IS NOT NULL;

CREATE TABLE payments_cases (
  case_id      uuid PRIMARY KEY,
  provider     text NOT NULL,
  kind         text NOT NULL,
  subject      text NOT NULL,
  story        text NOT NULL,
  currency     text NOT NULL,
  ours_minor   bigint,
  theirs_minor bigint,
  since        timestamptz NOT NULL,
  facts        jsonb NOT NULL,
  state        text NOT NULL CHECK (state IN ('open', 'assigned', 'resolved', 'auto_resolved')),
  owner        text,
  resolution   text,
  is_accepted  boolean NOT NULL DEFAULT false,
  opened_at    timestamptz NOT NULL,
  resolved_at  timestamptz,
  times_opened integer NOT NULL DEFAULT 1 CHECK (times_opened > 0),
  recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (provider, kind, subject),
  CHECK ((state IN ('open', 'assigned')) = (resolved_at IS NULL)),
  CHECK (state <> 'assigned' OR owner IS NOT NULL),
  CHECK (state <> 'resolved' OR (owner IS NOT NULL AND resolution IS NOT NULL))
);
CREATE INDEX payments_cases_open ON payments_cases (opened_at)
  WHERE state IN ('open', 'assigned');
CREATE INDEX payments_cases_kept ON payments_cases (provider) WHERE state <> 'auto_resolved';

-- The transfer that mends a case: proposed by one operator, posted when another one agrees.
CREATE TABLE payments_corrections (
  correction_id uuid PRIMARY KEY,
  case_id       uuid NOT NULL REFERENCES payments_cases,
  debit         text NOT NULL,
  credit        text NOT NULL,
  amount_minor  bigint NOT NULL CHECK (amount_minor > 0),
  currency      text NOT NULL,
  reason        text NOT NULL CHECK (reason <> ''),
  proposed_by   text NOT NULL,
  approved_by   text,
  transfer_id   uuid UNIQUE,
  recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK (approved_by <> proposed_by),
  CHECK ((approved_by IS NULL) = (transfer_id IS NULL))
);
CREATE INDEX payments_corrections_by_case ON payments_corrections (case_id);
CREATE UNIQUE INDEX payments_corrections_open ON payments_corrections (case_id)
  WHERE transfer_id IS NULL;

-- What was recorded lately, and whose transfer one is.
CREATE INDEX payments_receipts_by_record ON payments_receipts (provider, recorded_at);
CREATE INDEX payments_receipts_by_transfer ON payments_receipts (transfer_id);
CREATE INDEX payments_refunds_by_record ON payments_refunds (provider, recorded_at);
CREATE INDEX payments_refunds_by_receipt ON payments_refunds (provider, provider_ref);
CREATE INDEX payments_refunds_by_transfer ON payments_refunds (transfer_id);

GRANT SELECT, INSERT ON payments_movements, payments_bookings, payments_owners,
  payments_reconciliations, payments_cases, payments_corrections TO tradesense_app;
GRANT UPDATE (since, until, report, report_sha256, stream_version, completed_at)
  ON payments_reconciliations
  TO tradesense_app;
GRANT UPDATE (story, currency, ours_minor, theirs_minor, since, facts, state, owner, resolution,
  is_accepted, opened_at, resolved_at, times_opened) ON payments_cases TO tradesense_app;
GRANT UPDATE (approved_by, transfer_id) ON payments_corrections TO tradesense_app;
GRANT SELECT ON payments_movements, payments_bookings, payments_owners,
  payments_reconciliations, payments_cases, payments_corrections TO tradesense_reader;
"""
