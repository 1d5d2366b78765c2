"""The tables of trading: commands from everybody; accounts, orders and fills from the engine."""

SQL = """
CREATE TABLE trading_commands (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('open', 'order', 'close', 'cancel', 'close_account')),
    order_id uuid,
    client_order_id text,
    body jsonb NOT NULL,
    asked_us bigint NOT NULL,
    input_seq bigint,
    after_price_seq bigint,
    CONSTRAINT trading_commands_stamped_whole
        CHECK ((input_seq IS NULL) = (after_price_seq IS NULL)),
    CONSTRAINT trading_commands_stamped_once UNIQUE (account_id, input_seq),
    CONSTRAINT trading_commands_client_order_id UNIQUE (account_id, client_order_id)
);
CREATE UNIQUE INDEX trading_commands_opened_once
    ON trading_commands (account_id) WHERE kind = 'open';
CREATE INDEX trading_commands_waiting ON trading_commands (id) WHERE input_seq IS NULL;
CREATE INDEX trading_commands_of_order ON trading_commands (order_id);

CREATE TABLE trading_accounts (
    account_id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    challenge_id uuid NOT NULL,
    phase text NOT NULL,
    setup jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'breached', 'passed', 'closing', 'closed')),
    ended_for text,
    opened_us bigint NOT NULL,
    opened_seq bigint NOT NULL,
    input_seq bigint NOT NULL,
    fills bigint NOT NULL,
    balance_minor bigint NOT NULL,
    reset_balance_minor bigint NOT NULL,
    day date NOT NULL,
    days_opened integer NOT NULL,
    opened_day date,
    UNIQUE (challenge_id, phase)
);
CREATE INDEX trading_accounts_at_work ON trading_accounts (account_id) WHERE status <> 'closed';

CREATE TABLE trading_positions (
    account_id uuid NOT NULL REFERENCES trading_accounts,
    symbol text NOT NULL,
    qty bigint NOT NULL,
    cost numeric(40, 0) NOT NULL,
    PRIMARY KEY (account_id, symbol),
    CHECK (qty <> 0 OR cost = 0)
);

CREATE TABLE trading_orders (
    order_id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES trading_accounts,
    client_order_id text NOT NULL,
    input_seq bigint,
    symbol text NOT NULL,
    side text,
    type text NOT NULL,
    tif text NOT NULL,
    qty bigint NOT NULL,
    limit_price bigint,
    stop_price bigint,
    closing boolean NOT NULL,
    status text NOT NULL CHECK (status IN ('new', 'filled', 'canceled', 'expired', 'rejected')),
    reason text,
    asked_us bigint NOT NULL,
    taken_us bigint NOT NULL,
    taken_seq bigint NOT NULL,
    ended_us bigint,
    ended_seq bigint,
    filled_price bigint,
    UNIQUE (account_id, client_order_id)
);
CREATE INDEX trading_orders_at_work ON trading_orders (account_id) WHERE status = 'new';
CREATE INDEX trading_orders_of_account ON trading_orders (account_id, taken_us);

CREATE TABLE trading_fills (
    account_id uuid NOT NULL REFERENCES trading_accounts,
    number bigint NOT NULL,
    order_id uuid NOT NULL UNIQUE REFERENCES trading_orders,
    price_seq bigint NOT NULL,
    quote_seq bigint NOT NULL,
    at_us bigint NOT NULL,
    symbol text NOT NULL,
    qty bigint NOT NULL CHECK (qty <> 0),
    price bigint NOT NULL CHECK (price > 0),
    conversion_price bigint,
    conversion_seq bigint,
    realised_minor bigint NOT NULL,
    balance_minor bigint NOT NULL,
    position_qty bigint NOT NULL,
    position_cost numeric(40, 0) NOT NULL,
    opening boolean NOT NULL,
    day date NOT NULL,
    liquidation text,
    PRIMARY KEY (account_id, number)
);

CREATE TABLE trading_days (
    account_id uuid NOT NULL REFERENCES trading_accounts,
    day date NOT NULL,
    price_seq bigint NOT NULL,
    at_us bigint NOT NULL,
    opened boolean NOT NULL,
    balance_minor bigint NOT NULL,
    equity_minor bigint NOT NULL,
    PRIMARY KEY (account_id, day)
);
COMMENT ON TABLE trading_days IS
    'A day begins: balance and equity at its reset; opened tells of the day that ended';

CREATE TABLE trading_outcomes (
    account_id uuid PRIMARY KEY REFERENCES trading_accounts,
    kind text NOT NULL CHECK (kind IN ('breached', 'passed')),
    price_seq bigint NOT NULL,
    at_us bigint NOT NULL,
    guard text,
    limit_minor bigint NOT NULL,
    value_minor bigint NOT NULL,
    balance_minor bigint NOT NULL,
    fills bigint NOT NULL
);
COMMENT ON COLUMN trading_outcomes.limit_minor IS 'the floor that was crossed, or the target';
COMMENT ON COLUMN trading_outcomes.fills IS 'how many fills the account had before this outcome';

CREATE TABLE trading_engines (
    shard integer PRIMARY KEY,
    price_seq bigint NOT NULL,
    feed_us bigint NOT NULL,
    clock_us bigint NOT NULL
);
INSERT INTO trading_engines (shard, price_seq, feed_us, clock_us) VALUES (0, 0, 0, 0);

CREATE TABLE trading_marks (
    symbol text PRIMARY KEY,
    price_seq bigint NOT NULL,
    at_us bigint NOT NULL,
    bid bigint NOT NULL,
    ask bigint NOT NULL
);
COMMENT ON TABLE trading_marks IS
    'The last valid quote per symbol at the engine''s cursor: what equity is marked to';

CREATE FUNCTION trading_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER trading_fills_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trading_fills
    FOR EACH STATEMENT EXECUTE FUNCTION trading_refuse_change();
CREATE TRIGGER trading_outcomes_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON trading_outcomes
    FOR EACH STATEMENT EXECUTE FUNCTION trading_refuse_change();
CREATE TRIGGER trading_days_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trading_days
    FOR EACH STATEMENT EXECUTE FUNCTION trading_refuse_change();
ALTER TABLE trading_fills ENABLE ALWAYS TRIGGER trading_fills_append_only;
ALTER TABLE trading_outcomes ENABLE ALWAYS TRIGGER trading_outcomes_append_only;
ALTER TABLE trading_days ENABLE ALWAYS TRIGGER trading_days_append_only;

GRANT SELECT ON trading_commands, trading_accounts, trading_positions, trading_orders,
    trading_fills, trading_days, trading_outcomes, trading_engines, trading_marks
    TO tradesense_app, tradesense_reader;
GRANT INSERT (account_id, kind, order_id, client_order_id, body, asked_us)
    ON trading_commands TO tradesense_app;
GRANT UPDATE (input_seq, after_price_seq) ON trading_commands TO tradesense_app;
GRANT INSERT, UPDATE ON trading_accounts, trading_positions, trading_orders, trading_marks
    TO tradesense_app;
GRANT INSERT ON trading_fills, trading_days, trading_outcomes TO tradesense_app;
GRANT UPDATE ON trading_engines TO tradesense_app;
"""
