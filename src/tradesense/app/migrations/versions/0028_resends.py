"""Money that did not reach a trader, sent again: who proposed it, who agreed, and how it ended."""

SQL = """
CREATE TABLE payouts_resends (
  id            uuid PRIMARY KEY,  -- also of the transfer at our bank
  payout_id     uuid NOT NULL REFERENCES payouts_payouts,
  payee_name    text NOT NULL CHECK (payee_name <> ''),
  payee_account text NOT NULL CHECK (payee_account <> ''),
  reason        text NOT NULL CHECK (reason <> ''),
  proposed_by   text NOT NULL CHECK (proposed_by <> ''),
  proposed_at   timestamptz NOT NULL,
  status        text NOT NULL CHECK (status IN
                  ('proposed', 'rejected', 'sent', 'paid', 'returned')),
  decided_by    text CHECK (decided_by <> ''),
  recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((status = 'proposed') = (decided_by IS NULL)),
  CHECK (status IN ('proposed', 'rejected') OR decided_by <> proposed_by)
);
-- What is owed is sent once: of two proposals at once, one waits here and finds the other.
CREATE UNIQUE INDEX payouts_resends_one_at_a_time ON payouts_resends (payout_id)
  WHERE status IN ('proposed', 'sent', 'paid');

GRANT SELECT, INSERT ON payouts_resends TO tradesense_app;
GRANT UPDATE (status, decided_by) ON payouts_resends TO tradesense_app;
GRANT SELECT ON payouts_resends TO tradesense_reader;
"""
