"""Halts and withdrawals of accounts; challenges that are suspended or revoked."""

SQL = """
ALTER TABLE trading_commands DROP CONSTRAINT trading_commands_kind_check;
ALTER TABLE trading_commands ADD CONSTRAINT trading_commands_kind_check CHECK (kind IN (
    'open', 'order', 'close', 'cancel', 'close_account', 'halt', 'resume', 'withdraw', 'restore'));
-- For these order_id is the withdrawal's id: each is taken out once, and put back once.
CREATE UNIQUE INDEX trading_commands_cash_once ON trading_commands (order_id, kind)
    WHERE kind IN ('withdraw', 'restore');

ALTER TABLE trading_accounts ADD COLUMN halted_for text,
    ADD COLUMN cash_today_minor bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN trading_accounts.cash_today_minor IS
    'cash that came in, less what went out, since the last reset';

CREATE TABLE trading_cash_flows (
    account_id uuid NOT NULL REFERENCES trading_accounts,
    input_seq bigint NOT NULL,
    withdrawal_id uuid NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    balance_minor bigint NOT NULL,
    fills bigint NOT NULL,
    price_seq bigint NOT NULL,
    at_us bigint NOT NULL,
    PRIMARY KEY (account_id, input_seq)
);
COMMENT ON TABLE trading_cash_flows IS
    'Profit that left an account (amount below zero), or came back; fills: how many came before';
CREATE UNIQUE INDEX trading_cash_flows_once
    ON trading_cash_flows (withdrawal_id, (amount_minor > 0));
CREATE TRIGGER trading_cash_flows_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON trading_cash_flows
    FOR EACH STATEMENT EXECUTE FUNCTION trading_refuse_change();
ALTER TABLE trading_cash_flows ENABLE ALWAYS TRIGGER trading_cash_flows_append_only;
GRANT SELECT ON trading_cash_flows TO tradesense_app, tradesense_reader;
GRANT INSERT ON trading_cash_flows TO tradesense_app;

ALTER TABLE challenges_challenges DROP CONSTRAINT challenges_challenges_status_check;
ALTER TABLE challenges_challenges DROP CONSTRAINT challenges_challenges_check;
ALTER TABLE challenges_challenges ADD COLUMN suspended_for text
        CHECK (suspended_for IN ('payment_disputed', 'under_review')),
    ADD COLUMN revoked_for text CHECK (revoked_for IN ('refunded', 'charged_back')),
    ADD CHECK (status IN ('running', 'funded', 'failed', 'revoked')),
    ADD CHECK (status IN ('failed', 'revoked') OR (status = 'funded') = (phase = 'funded')),
    ADD CHECK (status IN ('running', 'funded') OR suspended_for IS NULL),
    ADD CHECK ((status = 'revoked') = (revoked_for IS NOT NULL));
GRANT UPDATE (suspended_for, revoked_for) ON challenges_challenges TO tradesense_app;
"""
