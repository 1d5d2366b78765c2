"""The bank: our accounts, statements and their lines, matches, offers, outgoing transfers."""

SQL = """
-- `bank:EUR` in the books is one account of the world, so there is one per currency.
CREATE TABLE payments_bank_accounts (
  account     text PRIMARY KEY CHECK (account ~ '^[A-Z0-9]{5,34}$'),
  currency    text NOT NULL UNIQUE CHECK (currency ~ '^[A-Z]{3}$'),
  holder      text NOT NULL CHECK (holder <> ''),
  bic         text NOT NULL,
  registered_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- `ordinal` counts the statements of an account: each begins where the one before ended.
CREATE TABLE payments_bank_statements (
  statement_id   uuid PRIMARY KEY,
  account        text NOT NULL REFERENCES payments_bank_accounts,
  bank_id        text NOT NULL,
  ordinal        bigint NOT NULL CHECK (ordinal > 0),
  opening_minor  bigint NOT NULL,
  closing_minor  bigint NOT NULL,
  currency       text NOT NULL,
  lines          integer NOT NULL,
  content_sha256 bytea NOT NULL CHECK (octet_length(content_sha256) = 32),
  transfer_id    uuid,  -- of the first one's opening balance
  imported_by    text NOT NULL,
  imported_at    timestamptz NOT NULL,
  recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (account, bank_id),
  UNIQUE (account, ordinal)
);

CREATE TABLE payments_bank_lines (
  line_id      uuid PRIMARY KEY,
  statement_id uuid NOT NULL REFERENCES payments_bank_statements,
  seq          integer NOT NULL CHECK (seq > 0),
  account      text NOT NULL,
  booked_on    date NOT NULL,
  valued_on    date NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
  currency     text NOT NULL,
  counterparty text NOT NULL,
  counterparty_account text NOT NULL,
  text         text NOT NULL,
  end_to_end_id text NOT NULL,
  bank_ref     text NOT NULL,
  code         text NOT NULL,
  is_return    boolean NOT NULL,
  identity     bytea NOT NULL CHECK (octet_length(identity) = 32),
  transfer_id  uuid NOT NULL UNIQUE,
  recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (statement_id, seq),
  UNIQUE (account, identity)
);
CREATE INDEX payments_bank_lines_by_day ON payments_bank_lines (account, booked_on, seq);
CREATE INDEX payments_bank_lines_by_end_to_end ON payments_bank_lines (end_to_end_id)
  WHERE end_to_end_id <> '';

CREATE TABLE payments_bank_matches (
  match_id    uuid PRIMARY KEY,
  kind        text NOT NULL CHECK (kind IN ('payment', 'provider_payout', 'fee')),
  party       text NOT NULL,
  reason      text NOT NULL,
  proposed_by text NOT NULL,
  proposed_at timestamptz NOT NULL,
  status      text NOT NULL CHECK (status IN ('open', 'approved', 'rejected')),
  decided_by  text,
  decided_at  timestamptz,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((status = 'open') = (decided_by IS NULL)),
  CHECK (status <> 'approved' OR decided_by <> proposed_by)
);
CREATE INDEX payments_bank_matches_open ON payments_bank_matches (proposed_at)
  WHERE status = 'open';
CREATE TABLE payments_bank_match_lines (
  match_id uuid NOT NULL REFERENCES payments_bank_matches,
  line_id  uuid NOT NULL REFERENCES payments_bank_lines,
  PRIMARY KEY (match_id, line_id)
);
CREATE INDEX payments_bank_match_lines_by_line ON payments_bank_match_lines (line_id);
-- `provider_ref` and `received_minor` are set by the approval: what came, and under which name.
CREATE TABLE payments_bank_match_payments (
  match_id       uuid NOT NULL REFERENCES payments_bank_matches,
  payment_id     uuid NOT NULL REFERENCES payments_payments,
  provider_ref   text,
  received_minor bigint CHECK (received_minor > 0),
  PRIMARY KEY (match_id, payment_id),
  CHECK ((provider_ref IS NULL) = (received_minor IS NULL))
);
CREATE INDEX payments_bank_match_payments_by_payment ON payments_bank_match_payments (payment_id);

-- What a line turned out to be: one row per line, whoever finds out first.
CREATE TABLE payments_bank_applied (
  line_id     uuid PRIMARY KEY REFERENCES payments_bank_lines,
  kind        text NOT NULL CHECK (kind IN ('payment', 'provider_payout', 'outgoing',
                                            'outgoing_returned', 'fee')),
  party       text NOT NULL,
  match_id    uuid REFERENCES payments_bank_matches,
  transfer_id uuid NOT NULL UNIQUE,
  applied_at  timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE payments_bank_offers (
  payment_id   uuid PRIMARY KEY,
  purchase_id  uuid NOT NULL,
  reference    text NOT NULL UNIQUE,
  account      text NOT NULL REFERENCES payments_bank_accounts,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  currency     text NOT NULL,
  payer        text NOT NULL DEFAULT '',
  is_withdrawn boolean NOT NULL DEFAULT false,
  recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE payments_bank_outgoing (
  outgoing_id   uuid PRIMARY KEY,
  kind          text NOT NULL CHECK (kind IN ('refund', 'payout')),
  refers_to     text NOT NULL,
  end_to_end_id text NOT NULL UNIQUE,
  account       text NOT NULL REFERENCES payments_bank_accounts,
  amount_minor  bigint NOT NULL CHECK (amount_minor > 0),
  currency      text NOT NULL,
  creditor      text NOT NULL,
  creditor_account text NOT NULL,
  text          text NOT NULL,
  debit_account text NOT NULL,
  status        text NOT NULL CHECK (status IN ('requested', 'exported', 'paid', 'returned')),
  message_id    text,
  line_id       uuid REFERENCES payments_bank_applied,
  return_line_id uuid REFERENCES payments_bank_applied,
  requested_at  timestamptz NOT NULL,
  recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((status IN ('paid', 'returned')) = (line_id IS NOT NULL)),
  CHECK ((status = 'returned') = (return_line_id IS NOT NULL))
);
CREATE INDEX payments_bank_outgoing_by_ref ON payments_bank_outgoing (refers_to);
CREATE INDEX payments_bank_outgoing_to_send ON payments_bank_outgoing (recorded_at)
  WHERE status = 'requested';

GRANT SELECT, INSERT ON payments_bank_accounts, payments_bank_statements, payments_bank_lines,
  payments_bank_matches, payments_bank_match_lines, payments_bank_match_payments,
  payments_bank_applied, payments_bank_offers, payments_bank_outgoing TO tradesense_app;
GRANT UPDATE (status, decided_by, decided_at) ON payments_bank_matches TO tradesense_app;
GRANT UPDATE (provider_ref, received_minor) ON payments_bank_match_payments TO tradesense_app;
GRANT UPDATE (payer, is_withdrawn) ON payments_bank_offers TO tradesense_app;
GRANT UPDATE (status, message_id, line_id, return_line_id) ON payments_bank_outgoing
  TO tradesense_app;
-- A row lock needs a right to change something.
GRANT UPDATE (holder, bic) ON payments_bank_accounts TO tradesense_app;
GRANT SELECT ON payments_bank_accounts, payments_bank_statements, payments_bank_lines,
  payments_bank_matches, payments_bank_match_lines, payments_bank_match_payments,
  payments_bank_applied, payments_bank_offers, payments_bank_outgoing TO tradesense_reader;
"""
