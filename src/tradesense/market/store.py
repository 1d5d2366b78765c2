"""Every SQL statement of market; rows <-> nouns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg.rows import DictRow, TupleRow, tuple_row

from tradesense.infra.db import Transaction
from tradesense.market.model import CLOCK, Kind, Status, TapeItem

_KINDS = {kind.value: kind for kind in Kind}
_STATUSES = {status.value: status for status in Status} | {None: None}
_NO_QUOTE = f"{CLOCK}\t\\N\t\\N\t\\N\tfalse"  # what clock and reset items leave empty
_NO_RESET = "\t\\N\t\\N\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where the tape stands: its last number, its last clock, and the boundaries it has passed."""

    last_seq: int
    clock_us: int
    resets_until_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """A symbol's latest quote that was not late, and its latest valid one (None: as before)."""

    symbol: str
    seen_us: int
    seen_bid: int
    seen_ask: int
    valid: TapeItem | None


async def lock_position(tx: Transaction) -> Position:
    """Read where the tape stands, and hold it until `tx` ends: nobody else can append."""
    cursor = await tx.execute(
        "SELECT last_seq, clock_us, resets_until_us FROM market_position FOR UPDATE"
    )
    return _position(await cursor.fetchone())


async def position(tx: Transaction) -> Position:
    cursor = await tx.execute("SELECT last_seq, clock_us, resets_until_us FROM market_position")
    return _position(await cursor.fetchone())


def _position(row: DictRow | None) -> Position:
    if row is None:
        raise LookupError("market_position has lost its row; run the migrations")
    return Position(
        last_seq=row["last_seq"], clock_us=row["clock_us"], resets_until_us=row["resets_until_us"]
    )


async def save_position(tx: Transaction, now_at: Position) -> None:
    await tx.execute(
        "UPDATE market_position SET last_seq = %s, clock_us = %s, resets_until_us = %s",
        (now_at.last_seq, now_at.clock_us, now_at.resets_until_us),
    )


async def copy_items(tx: Transaction, items: Iterable[TapeItem]) -> None:
    """Write `items` by COPY: a hundred thousand take half a second, by INSERT six."""
    text = "".join(map(_copy_line, items))
    async with tx.cursor() as cursor, cursor.copy("COPY market_tape FROM STDIN") as copy:
        await copy.write(text)


def _copy_line(item: TapeItem) -> str:
    seq, kind, at_us, symbol, bid, ask, status, synthetic, reset, day = item
    if kind == Kind.QUOTE:
        return f"{seq}\tquote\t{at_us}\t{symbol}\t{bid}\t{ask}\t{status}\t{synthetic}{_NO_RESET}"
    if kind == Kind.RESET:
        return f"{seq}\treset\t{at_us}\t{_NO_QUOTE}\t{reset}\t{day}\n"
    return f"{seq}\tclock\t{at_us}\t{_NO_QUOTE}{_NO_RESET}"


async def list_items(tx: Transaction, *, after: int, limit: int) -> list[TapeItem]:
    """Read up to `limit` items numbered above `after`, in order."""
    query = b"SELECT * FROM market_tape WHERE price_seq > %s ORDER BY price_seq LIMIT %s"
    return await _items(tx, query, (after, limit))


async def list_items_of(
    tx: Transaction, symbol: str, *, first_seq: int, last_seq: int
) -> list[TapeItem]:
    """Read the items of `symbol` (or of `clock`) numbered from `first_seq` to `last_seq`."""
    query = b"""
        SELECT * FROM market_tape WHERE symbol = %s AND price_seq BETWEEN %s AND %s
        ORDER BY price_seq
    """
    return await _items(tx, query, (symbol, first_seq, last_seq))


async def _items(tx: Transaction, query: bytes, values: Sequence[object]) -> list[TapeItem]:
    # Tuples in binary: the engine reads every price of every day through here.
    async with tx.cursor(row_factory=tuple_row, binary=True) as cursor:
        await cursor.execute(query, values)
        return [_item(row) for row in await cursor.fetchall()]


def _item(row: TupleRow) -> TapeItem:
    seq, kind, at_us, symbol, bid, ask, status, synthetic, reset, day = row
    own = None if symbol == CLOCK else symbol
    return TapeItem(
        seq, _KINDS[kind], at_us, own, bid, ask, _STATUSES[status], synthetic, reset, day
    )


async def save_latest(tx: Transaction, latest: Iterable[Latest]) -> None:
    """Remember the latest quotes; a symbol without a new valid quote keeps the one before it."""
    async with tx.cursor() as cursor:
        await cursor.executemany(
            """
            INSERT INTO market_latest AS l (symbol, seen_us, seen_bid, seen_ask,
                price_seq, at_us, bid, ask, synthetic)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (symbol) DO UPDATE SET
                seen_us = excluded.seen_us,
                seen_bid = excluded.seen_bid,
                seen_ask = excluded.seen_ask,
                price_seq = COALESCE(excluded.price_seq, l.price_seq),
                at_us = COALESCE(excluded.at_us, l.at_us),
                bid = COALESCE(excluded.bid, l.bid),
                ask = COALESCE(excluded.ask, l.ask),
                synthetic = COALESCE(excluded.synthetic, l.synthetic)
            """,
            [_latest_row(one) for one in latest],
        )


def _latest_row(one: Latest) -> tuple[object, ...]:
    seen = (one.symbol, one.seen_us, one.seen_bid, one.seen_ask)
    valid = one.valid
    if valid is None:
        return (*seen, None, None, None, None, None)
    return (*seen, valid.price_seq, valid.at_us, valid.bid, valid.ask, valid.synthetic)


async def list_latest(tx: Transaction) -> list[Latest]:
    cursor = await tx.execute("SELECT * FROM market_latest ORDER BY symbol")
    return [_latest(row) for row in await cursor.fetchall()]


def _latest(row: DictRow) -> Latest:
    valid = None
    if row["price_seq"] is not None:
        valid = TapeItem(
            price_seq=row["price_seq"],
            kind=Kind.QUOTE,
            at_us=row["at_us"],
            symbol=row["symbol"],
            bid=row["bid"],
            ask=row["ask"],
            status=Status.VALID,
            synthetic=row["synthetic"],
        )
    return Latest(
        symbol=row["symbol"],
        seen_us=row["seen_us"],
        seen_bid=row["seen_bid"],
        seen_ask=row["seen_ask"],
        valid=valid,
    )
