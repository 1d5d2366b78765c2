"""The SQL of the tape itself: its lines, where it stands, what was quoted last."""

from collections.abc import Iterable, Sequence

from psycopg.rows import DictRow, TupleRow, tuple_row

from tradesense.infra.db import Transaction
from tradesense.kernel.errors import InvariantBroken
from tradesense.market.model import CLOCK, Kind, Latest, Position, Quote, Status, TapeItem

_KINDS = {kind.value: kind for kind in Kind}
_STATUSES = {status.value: status for status in Status} | {None: None}
_NO_QUOTE = f"{CLOCK}\t\\N\t\\N\t\\N\tfalse"  # what clock and reset items leave empty
_NO_RESET = "\t\\N\t\\N\n"


async def lock_position(tx: Transaction) -> Position:
    """Read where the tape stands, and hold it until `tx` ends: nobody else can append."""
    cursor = await tx.execute("SELECT * FROM market_position FOR UPDATE")
    return _position(await cursor.fetchone())


async def get_position(tx: Transaction) -> Position:
    cursor = await tx.execute("SELECT * FROM market_position")
    return _position(await cursor.fetchone())


def _position(row: DictRow | None) -> Position:
    if row is None:
        raise InvariantBroken("market_position has lost its row; restore it from a backup")
    return Position(
        last_seq=row["last_seq"],
        clock_us=row["clock_us"],
        boundary_us=row["boundary_us"],
        resets_until_us=row["resets_until_us"],
    )


async def save_position(tx: Transaction, stands: Position) -> None:
    await tx.execute(
        """
        UPDATE market_position
        SET last_seq = %s, clock_us = %s, boundary_us = %s, resets_until_us = %s
        """,
        (stands.last_seq, stands.clock_us, stands.boundary_us, stands.resets_until_us),
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
    """Remember these quotes, unless a later-stamped one, or a later valid one, is known."""
    async with tx.cursor() as cursor:
        await cursor.executemany(
            """
            INSERT INTO market_latest AS l (symbol, seen_us, seen_bid, seen_ask,
                price_seq, at_us, bid, ask, synthetic)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (symbol) DO UPDATE SET
                seen_bid = CASE WHEN excluded.seen_us >= l.seen_us
                    THEN excluded.seen_bid ELSE l.seen_bid END,
                seen_ask = CASE WHEN excluded.seen_us >= l.seen_us
                    THEN excluded.seen_ask ELSE l.seen_ask END,
                seen_us = GREATEST(l.seen_us, excluded.seen_us),
                price_seq = COALESCE(excluded.price_seq, l.price_seq),
                at_us = COALESCE(excluded.at_us, l.at_us),
                bid = COALESCE(excluded.bid, l.bid),
                ask = COALESCE(excluded.ask, l.ask),
                synthetic = COALESCE(excluded.synthetic, l.synthetic)
            """,
            [_latest_row(one.seen, one.valid) for one in latest],
        )


def _latest_row(seen: TapeItem, valid: TapeItem | None) -> tuple[object, ...]:
    known = (seen.symbol, seen.at_us, seen.bid, seen.ask)
    if valid is None:
        return (*known, None, None, None, None, None)
    return (*known, valid.price_seq, valid.at_us, valid.bid, valid.ask, valid.synthetic)


async def list_valid(tx: Transaction) -> list[TapeItem]:
    """Read the latest valid quote of each symbol that has one."""
    query = b"""
        SELECT price_seq, 'quote', at_us, symbol, bid, ask, 'valid', synthetic, NULL, NULL
        FROM market_latest WHERE price_seq IS NOT NULL ORDER BY symbol
    """
    return await _items(tx, query, ())


async def list_seen(tx: Transaction) -> list[Quote]:
    """Read the latest-stamped quote of each symbol, whatever its status."""
    cursor = await tx.execute("SELECT * FROM market_latest ORDER BY symbol")
    return [
        Quote(row["seen_us"], row["symbol"], row["seen_bid"], row["seen_ask"])
        for row in await cursor.fetchall()
    ]
