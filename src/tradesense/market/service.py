"""The verbs of market. Each takes the caller's transaction and never commits it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from tradesense import trail
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import Conflict, InvariantBroken
from tradesense.kernel.instants import from_us
from tradesense.market import rules
from tradesense.market.model import (
    Batch,
    Block,
    BlockText,
    Kind,
    Latest,
    PriceBlockSealed,
    SourceOpened,
    Status,
    TapeItem,
)
from tradesense.market.store import lines, records

FEED = "system:feed"


class TapeMoved(Conflict):
    """Somebody appended since the caller looked; nothing was written now."""

    code = "market.tape_moved"


async def append(
    tx: Transaction, items: Sequence[TapeItem], *, resets_until_us: int | None = None
) -> None:
    """
    Put `items` at the end of the tape and wake its readers (NOTIFY `tape`) at commit.

    Only the feed appends. Raises TapeMoved unless the first item's number follows the tape's
    last one, InvariantBroken if the numbers have a gap.
    """
    if not items:
        return
    stands = await lines.lock_position(tx)
    if items[0].price_seq != stands.last_seq + 1:
        raise TapeMoved(f"the tape ends at {stands.last_seq}, not before {items[0].price_seq}")
    last_seq = items[-1].price_seq
    if last_seq - stands.last_seq != len(items):
        raise InvariantBroken(f"{len(items)} items cannot span {stands.last_seq + 1} to {last_seq}")
    await lines.copy_items(tx, items)
    await lines.save_latest(tx, _latest(items))
    clocks = [item.at_us for item in items if item.kind == Kind.CLOCK]
    boundaries = [item.at_us for item in items if item.kind == Kind.RESET]
    stands = replace(
        stands,
        last_seq=last_seq,
        clock_us=clocks[-1] if clocks else stands.clock_us,
        boundary_us=boundaries[-1] if boundaries else stands.boundary_us,
        resets_until_us=stands.resets_until_us if resets_until_us is None else resets_until_us,
    )
    await lines.save_position(tx, stands)
    await tx.execute("SELECT pg_notify('tape', %s)", (str(last_seq),))


def _latest(items: Sequence[TapeItem]) -> list[Latest]:
    seen = dict[str, TapeItem]()
    valid = dict[str, TapeItem]()
    for item in items:
        if item.symbol is None:
            continue
        if item.symbol not in seen or item.at_us >= seen[item.symbol].at_us:
            seen[item.symbol] = item
        if item.status == Status.VALID:
            valid[item.symbol] = item
    return [Latest(seen=item, valid=valid.get(symbol)) for symbol, item in seen.items()]


async def publish(
    tx: Transaction, batch: Batch, *, source: str, taken: int, flushed: int | None = None
) -> None:
    """
    Commit the feed's next step: items, the blocks they filled, and how far `source` is taken.

    `flushed` is the number up to which a flush was asked for and is done now. Raises TapeMoved
    as `append` does, or if one of the blocks is sealed already.
    """
    await append(tx, batch.items, resets_until_us=batch.resets_until_us)
    await records.save_taken(tx, source, taken)
    if batch.blocks:
        if await records.insert_blocks(tx, batch.blocks) != len(batch.blocks):
            raise TapeMoved("a block is sealed already")
        await trail.record(tx, *map(_sealed, batch.blocks))
    if flushed is not None:
        await records.end_flushes(tx, flushed)


def _sealed(block: Block) -> trail.Fact:
    return trail.Fact(
        event=PriceBlockSealed(block),
        stream=f"tape:{block.symbol}",
        at=from_us(block.last_us),
        by=FEED,
    )


async def open_source(tx: Transaction, opened: SourceOpened, *, now: datetime) -> int:
    """Say where prices come from now; return how many of them are on the tape already."""
    taken = await records.find_taken(tx, opened.source)
    if taken is not None:
        return taken
    await records.insert_source(tx, opened.source, from_seq=opened.from_seq)
    await trail.record(tx, trail.Fact(event=opened, stream="tape:source", at=now, by=FEED))
    return 0


async def read_tape(tx: Transaction, *, after: int, limit: int) -> list[TapeItem]:
    """Return up to `limit` items numbered above `after`, in order, without a gap."""
    return await lines.list_items(tx, after=after, limit=limit)


async def latest_quotes(tx: Transaction) -> dict[str, TapeItem]:
    """Return the latest valid quote of each symbol that has one; how old it is, its stamp says."""
    return {item.symbol: item for item in await lines.list_valid(tx) if item.symbol is not None}


async def tape_end(tx: Transaction) -> int:
    """Return the number of the tape's last item, 0 if it is empty."""
    return (await lines.get_position(tx)).last_seq


async def tape_clock_us(tx: Transaction) -> int:
    """Return the moment of the latest clock item: the driven clock's prices are on the tape."""
    return (await lines.get_position(tx)).clock_us


async def request_flush(tx: Transaction, *, up_to: int | None = None) -> int:
    """
    Ask the feed to seal every open block up to the item numbered `up_to` (default: the last).

    Returns that number; `is_flushed` says when it is done. Asking again does no harm.
    """
    last_seq = await tape_end(tx)
    wanted = last_seq if up_to is None else min(up_to, last_seq)
    await records.ask_flush(tx, wanted)
    return wanted


async def is_flushed(tx: Transaction, up_to: int) -> bool:
    """Whether the flush that `request_flush` numbered `up_to` is done."""
    return await records.is_flushed(tx, up_to)


async def read_blocks(tx: Transaction, symbol: str, from_seq: int, to_seq: int) -> list[BlockText]:
    """
    Return the sealed blocks of `symbol` (or of `clock`) that hold a number in that range.

    Whole blocks, in order, with their exact text. Raises InvariantBroken if a text no longer
    has the hash that was sealed.
    """
    found = []
    for block in await records.list_blocks(tx, symbol, from_seq=from_seq, to_seq=to_seq):
        first, last = block.first_seq, block.last_seq
        items = await lines.list_items_of(tx, symbol, first_seq=first, last_seq=last)
        if not items or rules.seal(symbol, items) != block:
            raise InvariantBroken(f"block {first} to {last} of {symbol} is not what was sealed")
        found.append(BlockText(block=block, text=rules.text(items)))
    return found
