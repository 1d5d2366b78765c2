"""Which quotes may judge, and what seals a block of them. Pure: no I/O, no clock, no chance."""

import hashlib
from collections.abc import Sequence

from tradesense.market.model import Block, Bounds, Quote, Status, TapeItem, line


def classify(quote: Quote, *, seen: Quote | None, boundary_us: int, in_session: bool) -> Status:
    """
    Say whether `quote` may judge; the first reason against it that applies names its status.

    `seen` is its symbol's latest-stamped quote so far, `boundary_us` the latest reset sequenced.
    """
    if quote.at_us < boundary_us or (seen is not None and quote.at_us < seen.at_us):
        return Status.LATE
    if seen is not None and quote[:4] == seen[:4]:  # moment, symbol, bid and ask
        return Status.DUPLICATE
    if not in_session:
        return Status.CLOSED
    if quote.bid > quote.ask:
        return Status.CROSSED
    return Status.VALID


def text(items: Sequence[TapeItem]) -> bytes:
    """Return the exact text that a block's hash is taken of: one line per item."""
    return "".join(map(line, items)).encode("ascii")


def seal(symbol: str, items: Sequence[TapeItem]) -> Block:
    """Return the block of `items`, all of `symbol` and in order. Raises ValueError for none."""
    if not items:
        raise ValueError("a block has at least one item")
    first, last = items[0], items[-1]
    return Block(
        symbol=symbol,
        first_seq=first.price_seq,
        last_seq=last.price_seq,
        items=len(items),
        first_us=first.at_us,
        last_us=last.at_us,
        bounds=_bounds(items),
        sha256=hashlib.sha256(text(items)).hexdigest(),
    )


def _bounds(items: Sequence[TapeItem]) -> Bounds | None:
    valid = [item for item in items if item.status == Status.VALID]
    bids = [item.bid for item in valid if item.bid is not None]
    asks = [item.ask for item in valid if item.ask is not None]
    if not valid:
        return None
    return Bounds(bid_min=min(bids), bid_max=max(bids), ask_min=min(asks), ask_max=max(asks))
