"""The books: accounts, transfers, and the running balances of bounded accounts."""

SQL = """
CREATE TABLE ledger_accounts (
  code     text PRIMARY KEY,
  kind     text NOT NULL,
  currency text NOT NULL CHECK (code LIKE '%:' || currency),
  normal   text NOT NULL CHECK (normal IN ('debit', 'credit')),
  bounded  boolean NOT NULL
);

-- One row holds both sides. No foreign keys to accounts: their row locks would make every
-- transfer write to the row of its (hot) accounts. The code ends in the currency instead, and an
-- invariant looks for accounts that were never opened.
CREATE TABLE ledger_transfers (
  id             uuid PRIMARY KEY,
  debit          text NOT NULL,
  credit         text NOT NULL,
  amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
  currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  reason         text NOT NULL CHECK (reason <> ''),
  effective_at   timestamptz NOT NULL,
  recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  reverses       uuid UNIQUE REFERENCES ledger_transfers (id),
  payload_sha256 bytea NOT NULL CHECK (octet_length(payload_sha256) = 32),
  CHECK (debit <> credit),
  CHECK (debit LIKE '%:' || currency AND credit LIKE '%:' || currency)
);
CREATE INDEX ledger_transfers_debit ON ledger_transfers (debit) INCLUDE (amount_minor);
CREATE INDEX ledger_transfers_credit ON ledger_transfers (credit) INCLUDE (amount_minor);

-- Where a bounded account stands: debits minus credits. The row is the account's lock.
CREATE TABLE ledger_balances (
  account       text PRIMARY KEY,
  balance_minor bigint NOT NULL,
  version       bigint NOT NULL CHECK (version >= 0)
);

CREATE TABLE ledger_lines (
  account       text NOT NULL,
  version       bigint NOT NULL CHECK (version > 0),
  transfer_id   uuid NOT NULL REFERENCES ledger_transfers (id),
  amount_minor  bigint NOT NULL CHECK (amount_minor <> 0),
  balance_minor bigint NOT NULL,
  PRIMARY KEY (account, version)
);

CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only; correct a transfer by its reversal', TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END
$$;

CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_accounts
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfers
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_lines
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
ALTER TABLE ledger_accounts ENABLE ALWAYS TRIGGER ledger_append_only;
ALTER TABLE ledger_transfers ENABLE ALWAYS TRIGGER ledger_append_only;
ALTER TABLE ledger_lines ENABLE ALWAYS TRIGGER ledger_append_only;

GRANT SELECT ON ledger_accounts, ledger_transfers, ledger_balances, ledger_lines
  TO tradesense_app, tradesense_reader;
GRANT INSERT ON ledger_accounts, ledger_lines, ledger_balances TO tradesense_app;
GRANT INSERT (id, debit, credit, amount_minor, currency, reason, effective_at, reverses,
  payload_sha256) ON ledger_transfers TO tradesense_app;
GRANT UPDATE (balance_minor, version) ON ledger_balances TO tradesense_app;
"""
