"""How each promise of the trail, of the bus that reads it and of the tape's seals is broken."""

from hashlib import sha256

from invariant_breaks.nouns import Break, Row, a, told

SEEN_LONG_AGO = "3"  # the first transaction of any database; every snapshot sees it


def leaf(position: int, entry_id: int) -> Row:
    return a("trail_leaves", position=position, entry_id=entry_id)


def entry(number: int) -> Row:
    row = told("note:1", "Noted", version=number)
    return Row(row.table, row.columns | {"id": 100 + number})


# The sealer has its one row from the start: it is replaced, not added to.
SEALED = (
    *(entry(1), entry(2), a("trail_streams", stream="note:1", version=2)),
    *(leaf(1, 101), leaf(2, 102)),
    a("trail_checkpoints", size=2),
    a("trail_sealer", size=2, epoch=1, snapshot="4:4:"),
)
APPLIED = (
    *SEALED,
    a("bus_consumers", consumer="scribe", position=2),
    a("bus_kinds", consumer="scribe", kind="Noted", since=0),
    a("bus_heads", consumer="scribe", stream="note:1", version=2),
)
WAIT = {"consumer": "scribe", "stream": "note:1", "entry_id": 102, "kind": "Noted"}

GAPS = "versions of a stream have no gap"
NEWEST = "the newest checkpoint counts every leaf"
TRAIL = (
    Break(
        "every entry the last seal could see has its leaf",
        SEALED,
        a("trail_entries", stream="note:2", version=1, xid=SEEN_LONG_AGO, epoch=1),
    ),
    Break(
        "every leaf has its entry",
        SEALED,
        "INSERT INTO trail_leaves (position, entry_id, hash) VALUES (3, 999, '');"
        "UPDATE trail_checkpoints SET size = 3; UPDATE trail_sealer SET size = 3",
    ),
    Break(
        "positions have no gap",
        SEALED,
        "UPDATE trail_leaves SET position = 3 WHERE position = 2;"
        "UPDATE trail_checkpoints SET size = 3; UPDATE trail_sealer SET size = 3",
    ),
    Break(GAPS, SEALED, "UPDATE trail_streams SET version = 3"),
    Break(GAPS, SEALED, a("trail_streams", stream="note:3", version=1)),
    Break(
        GAPS,
        SEALED,
        "UPDATE trail_entries SET version = 3 WHERE version = 2;"
        "UPDATE trail_streams SET version = 3",
    ),
    Break(
        "within a stream positions follow versions",
        SEALED,
        "UPDATE trail_leaves SET entry_id = 203 - entry_id",
    ),
    Break(NEWEST, SEALED, "UPDATE trail_sealer SET size = 1"),
    Break(NEWEST, SEALED, "UPDATE trail_checkpoints SET size = 3"),
    Break(NEWEST, SEALED, "DELETE FROM trail_checkpoints"),
)
WAITS = "a stream waits before the first entry"
BUS = (
    Break("a consumer has applied every entry", APPLIED, "UPDATE bus_heads SET version = 1"),
    Break("a consumer has applied every entry", APPLIED, "DELETE FROM bus_heads"),
    Break(WAITS, APPLIED, a("bus_waits", **WAIT, version=1, tries=0, retry_at="2014-05-02Z")),
    Break(WAITS, APPLIED, a("bus_waits", **WAIT, version=2, tries=1, retry_at="2014-05-02Z")),
    Break("a dead entry stops its stream", APPLIED, a("bus_waits", **WAIT, version=3)),
    Break("a dead letter is replayed before", APPLIED, a("bus_dead_letters", **WAIT, version=2)),
)

LINE = "{seq},{at},quote,140000,140010,valid,0,,\n"
TEXT = LINE.format(seq=1, at=10) + LINE.format(seq=2, at=20)
QUOTE = {"symbol": "EURUSD", "bid": 140_000, "ask": 140_010, "status": "valid"}
# The tape's position has its one row from the start, too.
TAPE = (
    *(a("market_tape", **QUOTE, kind="quote", price_seq=seq, at_us=10 * seq) for seq in (1, 2)),
    a("market_position", last_seq=2),
    a(
        "market_blocks",
        symbol="EURUSD",
        first_seq=1,
        last_seq=2,
        items=2,
        sha256=sha256(TEXT.encode()).hexdigest(),
    ),
    a("market_latest", symbol="EURUSD", price_seq=2, bid=140_000, ask=140_010),
    told("tape:EURUSD", "TapeSealed"),
)
NUMBERED, LATEST = "prices are numbered 1, 2, 3", "only what may judge is the latest"
HASHED = "the text of a sealed block"
MARKET = (
    Break(NUMBERED, TAPE, "UPDATE market_position SET last_seq = 3"),
    Break("the blocks of a symbol follow", TAPE, "UPDATE market_blocks SET items = 3"),
    Break(HASHED, TAPE, "UPDATE market_blocks SET sha256 = 'of another text'"),
    Break(HASHED, TAPE, "UPDATE market_tape SET ask = 140011 WHERE price_seq = 1"),
    Break(LATEST, TAPE, "UPDATE market_latest SET bid = bid + 1"),
    Break(LATEST, TAPE, "UPDATE market_latest SET price_seq = 9"),
    Break("every block's seal is on the trail", TAPE, "DELETE FROM trail_entries"),
)
