"""The SQL around the tape: sealed blocks, how far sources are taken, flushes asked for."""

from collections.abc import Iterable

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.market.model import Block, Bounds


async def insert_blocks(tx: Transaction, blocks: Iterable[Block]) -> int:
    """Write `blocks`; return how many of them were not there before."""
    async with tx.cursor() as cursor:
        await cursor.executemany(
            """
            INSERT INTO market_blocks (symbol, first_seq, last_seq, items, first_us, last_us,
                bid_min, bid_max, ask_min, ask_max, sha256)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT DO NOTHING
            """,
            [_block_row(block) for block in blocks],
        )
        return cursor.rowcount


def _block_row(block: Block) -> tuple[object, ...]:
    bounds = block.bounds
    limits = (bounds.bid_min, bounds.bid_max, bounds.ask_min, bounds.ask_max) if bounds else ()
    return (
        block.symbol,
        block.first_seq,
        block.last_seq,
        block.items,
        block.first_us,
        block.last_us,
        *(limits or (None, None, None, None)),
        block.sha256,
    )


async def list_blocks(tx: Transaction, symbol: str, *, from_seq: int, to_seq: int) -> list[Block]:
    """Read the blocks of `symbol` that touch the numbers from `from_seq` to `to_seq`, in order."""
    cursor = await tx.execute(
        """
        SELECT * FROM market_blocks
        WHERE symbol = %s AND last_seq >= %s AND first_seq <= %s ORDER BY last_seq
        """,
        (symbol, from_seq, to_seq),
    )
    return [_block(row) for row in await cursor.fetchall()]


def _block(row: DictRow) -> Block:
    bounds = None
    if row["bid_min"] is not None:
        bounds = Bounds(
            bid_min=row["bid_min"],
            bid_max=row["bid_max"],
            ask_min=row["ask_min"],
            ask_max=row["ask_max"],
        )
    return Block(
        symbol=row["symbol"],
        first_seq=row["first_seq"],
        last_seq=row["last_seq"],
        items=row["items"],
        first_us=row["first_us"],
        last_us=row["last_us"],
        bounds=bounds,
        sha256=row["sha256"],
    )


async def find_sealed_until(tx: Transaction, symbol: str) -> int:
    """Return the last number of `symbol` that is in a block, 0 if none is."""
    cursor = await tx.execute(
        "SELECT COALESCE(max(last_seq), 0) AS until FROM market_blocks WHERE symbol = %s",
        (symbol,),
    )
    row = await cursor.fetchone()
    return int(row["until"]) if row else 0


async def find_taken(tx: Transaction, source: str) -> int | None:
    """Return how many quotes of `source` are on the tape; None if it was never opened."""
    cursor = await tx.execute("SELECT taken FROM market_sources WHERE source = %s", (source,))
    row = await cursor.fetchone()
    return None if row is None else row["taken"]


async def insert_source(tx: Transaction, source: str, *, from_seq: int) -> None:
    await tx.execute(
        "INSERT INTO market_sources (source, from_seq, taken) VALUES (%s, %s, 0)",
        (source, from_seq),
    )


async def save_taken(tx: Transaction, source: str, taken: int) -> None:
    await tx.execute("UPDATE market_sources SET taken = %s WHERE source = %s", (taken, source))


async def ask_flush(tx: Transaction, up_to: int) -> None:
    await tx.execute(
        "INSERT INTO market_flushes (up_to) VALUES (%s) ON CONFLICT DO NOTHING", (up_to,)
    )


async def list_flushes(tx: Transaction) -> list[int]:
    """Read the numbers up to which blocks are to be sealed and are not yet."""
    cursor = await tx.execute("SELECT up_to FROM market_flushes WHERE NOT done ORDER BY up_to")
    return [row["up_to"] for row in await cursor.fetchall()]


async def end_flushes(tx: Transaction, up_to: int) -> None:
    await tx.execute(
        "UPDATE market_flushes SET done = true WHERE up_to <= %s AND NOT done", (up_to,)
    )


async def is_flushed(tx: Transaction, up_to: int) -> bool:
    cursor = await tx.execute("SELECT done FROM market_flushes WHERE up_to = %s", (up_to,))
    row = await cursor.fetchone()
    return row is not None and row["done"]
