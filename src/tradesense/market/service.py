"""The verbs of market. Each takes the caller's transaction and never commits it."""

from collections.abc import Sequence
from dataclasses import replace

from tradesense.infra.db import Transaction
from tradesense.kernel.errors import Conflict, InvariantBroken
from tradesense.market import store
from tradesense.market.model import Kind, Status, TapeItem
from tradesense.market.store import Latest


class TapeMoved(Conflict):
    """Somebody appended since the caller looked; nothing was written now."""

    code = "market.tape_moved"


async def append(tx: Transaction, items: Sequence[TapeItem]) -> None:
    """
    Put `items` at the end of the tape and wake its readers (NOTIFY `tape`) at commit.

    Only the feed appends. Raises TapeMoved unless the first item's number follows the tape's
    last one, InvariantBroken if the numbers have a gap.
    """
    if not items:
        return
    at = await store.lock_position(tx)
    if items[0].price_seq != at.last_seq + 1:
        raise TapeMoved(f"the tape ends at {at.last_seq}, not before {items[0].price_seq}")
    last_seq = items[-1].price_seq
    if last_seq - at.last_seq != len(items):
        raise InvariantBroken(f"{len(items)} items cannot span {at.last_seq + 1} to {last_seq}")
    await store.copy_items(tx, items)
    await store.save_latest(tx, _latest(items))
    clocks = [item.at_us for item in items if item.kind == Kind.CLOCK]
    clock_us = clocks[-1] if clocks else at.clock_us
    await store.save_position(tx, replace(at, last_seq=last_seq, clock_us=clock_us))
    await tx.execute("SELECT pg_notify('tape', %s)", (str(last_seq),))


def _latest(items: Sequence[TapeItem]) -> list[Latest]:
    seen = {item.symbol: item for item in items if item.status not in {None, Status.LATE}}
    valid = {item.symbol: item for item in items if item.status == Status.VALID}
    return [
        Latest(
            symbol=symbol,
            seen_us=item.at_us,
            seen_bid=item.bid,
            seen_ask=item.ask,
            valid=valid.get(symbol),
        )
        for symbol, item in seen.items()
        if symbol is not None and item.bid is not None and item.ask is not None
    ]


async def read_tape(tx: Transaction, *, after: int, limit: int) -> list[TapeItem]:
    """Return up to `limit` items numbered above `after`, in order, without a gap."""
    return await store.list_items(tx, after=after, limit=limit)


async def latest_quotes(tx: Transaction) -> dict[str, TapeItem]:
    """Return the latest valid quote of each symbol that has one; how old it is, its stamp says."""
    return {one.symbol: one.valid for one in await store.list_latest(tx) if one.valid is not None}
