"""The tape: every price in one gapless order, its sealed blocks, and where its source stands."""

SQL = """
CREATE TABLE market_tape (
    price_seq bigint PRIMARY KEY CHECK (price_seq > 0),
    kind text NOT NULL CHECK (kind IN ('quote', 'clock', 'reset')),
    at_us bigint NOT NULL,
    symbol text NOT NULL,
    bid bigint CHECK (bid > 0),
    ask bigint CHECK (ask > 0),
    status text CHECK (status IN ('valid', 'crossed', 'late', 'duplicate', 'closed')),
    synthetic boolean NOT NULL,
    reset text,
    day date,
    CHECK ((kind = 'quote') = (bid IS NOT NULL AND ask IS NOT NULL AND status IS NOT NULL)),
    CHECK ((kind = 'quote') = (symbol <> 'clock')),
    CHECK ((kind = 'reset') = (reset IS NOT NULL AND day IS NOT NULL))
);
CREATE INDEX market_tape_by_symbol ON market_tape (symbol, price_seq);

CREATE TABLE market_latest (
    symbol text PRIMARY KEY,
    seen_us bigint NOT NULL,
    seen_bid bigint NOT NULL,
    seen_ask bigint NOT NULL,
    price_seq bigint,
    at_us bigint,
    bid bigint,
    ask bigint,
    synthetic boolean
);

CREATE TABLE market_position (
    is_single boolean PRIMARY KEY DEFAULT true CHECK (is_single),
    last_seq bigint NOT NULL,
    clock_us bigint NOT NULL,
    boundary_us bigint NOT NULL,
    resets_until_us bigint NOT NULL
);
INSERT INTO market_position (last_seq, clock_us, boundary_us, resets_until_us)
VALUES (0, 0, 0, 0);

CREATE TABLE market_sources (
    source text PRIMARY KEY,
    from_seq bigint NOT NULL,
    taken bigint NOT NULL CHECK (taken >= 0)
);

CREATE TABLE market_blocks (
    symbol text NOT NULL,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL CHECK (last_seq >= first_seq),
    items integer NOT NULL CHECK (items BETWEEN 1 AND 256),
    first_us bigint NOT NULL,
    last_us bigint NOT NULL,
    bid_min bigint,
    bid_max bigint,
    ask_min bigint,
    ask_max bigint,
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    PRIMARY KEY (symbol, last_seq)
);

CREATE TABLE market_flushes (
    up_to bigint PRIMARY KEY,
    done boolean NOT NULL DEFAULT false
);

GRANT SELECT, INSERT ON market_tape, market_blocks TO tradesense_app;
GRANT SELECT, INSERT, UPDATE ON market_latest, market_sources, market_flushes TO tradesense_app;
GRANT SELECT, UPDATE ON market_position TO tradesense_app;
GRANT SELECT ON market_tape, market_latest, market_position, market_sources, market_blocks,
    market_flushes TO tradesense_reader;
"""
