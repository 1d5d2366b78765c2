"""The tape: numbered prices in blocks, each block's exact text named by a sealed hash."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from tradesense_verify.findings import Wrong
from tradesense_verify.log.entries import Entry
from tradesense_verify.rules.calendars import is_open
from tradesense_verify.rules.instants import text_of
from tradesense_verify.rules.terms import Instrument

CLOCK = "clock"
COLUMNS = 9
# The year 2200: later stamps are nobody's prices, and calendars end somewhere.
AT_US_MAX = 7_258_118_400_000_000
# What the first price of a symbol can be because of prices from before the bundle.
UNKNOWABLE = {"late", "duplicate"}


class Item(NamedTuple):
    """One line of the tape; prices in the instrument's price units."""

    seq: int
    at_us: int
    kind: str  # quote | clock | reset
    symbol: str
    bid: int = 0
    ask: int = 0
    status: str = ""
    reset: str = ""
    day: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A sealed block of one symbol: its entry, its file, its items."""

    entry: Entry
    name: str
    items: tuple[Item, ...]


def join(blocks: Sequence[Block], opened_seq: int) -> list[Item]:
    """
    Return the items of all blocks in the tape's order. Raises Wrong where prices are missing.

    The blocks of a symbol have to begin with its first one, or hold a valid price from before
    the account was opened.
    """
    by_symbol: dict[str, list[Block]] = {}
    for block in blocks:
        by_symbol.setdefault(block.items[0].symbol, []).append(block)
    if CLOCK not in by_symbol:
        raise Wrong("prices", "the blocks of the clock, with the resets, are missing")
    for symbol, own in by_symbol.items():
        for before, after in pairwise(own):
            if after.items[0].seq <= before.items[-1].seq:
                raise Wrong("prices", f"{after.name} begins before {before.name} ends")
        if own[0].entry.version > 1 and not _reaches(own[0], opened_seq):
            raise Wrong("prices", f"the price of {symbol} before the opening is missing")
    items = sorted(item for block in blocks for item in block.items)
    for one, other in pairwise(items):
        if one.seq == other.seq:
            raise Wrong("prices", f"number {one.seq} is given to {one.symbol} and {other.symbol}")
    return items


def _reaches(block: Block, opened_seq: int) -> bool:
    return any(
        item.seq <= opened_seq and (item.kind != "quote" or item.status == "valid")
        for item in block.items
    )


def check_statuses(items: Sequence[Item], instruments: Mapping[str, Instrument]) -> None:
    """
    Check that each price is called what it is. Raises Wrong naming the first that is not.

    In this order: late (stamped before its symbol's latest price, or before the latest reset),
    duplicate (the very price before it), closed (outside its session), crossed (bid above ask),
    else valid. The first price of a symbol in the bundle may be late for reasons before it.
    """
    latest: dict[str, Item] = {}
    boundary_us = 0
    for item in items:
        instrument = instruments.get(item.symbol)
        if item.kind == "reset":
            boundary_us = item.at_us
        if item.kind != "quote" or instrument is None:
            continue
        before = latest.get(item.symbol)
        wanted = _status(item, before, boundary_us, instrument)
        if item.status != wanted and (before is not None or item.status not in UNKNOWABLE):
            quoted = f"{item.symbol} {item.bid}/{item.ask} at {text_of(item.at_us)}"
            said = f"is called {item.status}, but is {wanted}"
            raise Wrong("prices", f"number {item.seq} ({quoted}) {said}")
        if before is None or item.at_us >= before.at_us:
            latest[item.symbol] = item


def _status(item: Item, before: Item | None, boundary_us: int, instrument: Instrument) -> str:
    if item.at_us < boundary_us or (before is not None and item.at_us < before.at_us):
        return "late"
    if before is not None and (item.at_us, item.bid, item.ask) == (
        before.at_us,
        before.bid,
        before.ask,
    ):
        return "duplicate"
    if not is_open(instrument.calendar, item.at_us):
        return "closed"
    return "crossed" if item.bid > item.ask else "valid"


def file_of(symbol: str, first_seq: int) -> str:
    """Return the name of a block's file in the bundle."""
    return f"prices/{symbol.replace('/', '-')}/{first_seq:012d}.csv"


def read_block(entry: Entry, files: Mapping[str, bytes]) -> Block:
    """Return the block that a PriceBlockSealed entry names. Raises Wrong naming the file."""
    sealed = _sealed(entry)
    name = file_of(sealed["symbol"], sealed["first_seq"])
    text = files.get(name)
    if text is None:
        raise Wrong("prices", f"{name} is missing, which {entry} seals")
    if hashlib.sha256(text).hexdigest() != sealed["sha256"]:
        raise Wrong("prices", f"{name} is not the text that {entry} seals")
    items = tuple(read_items(name, sealed["symbol"], text))
    if _summary(items) != {key: sealed[key] for key in _summary(items)}:
        raise Wrong("prices", f"{name} has other bounds or numbers than {entry} states")
    return Block(entry, name, items)


def read_items(name: str, symbol: str, text: bytes) -> list[Item]:
    """Return the items of a block's text. Raises Wrong naming file and line."""
    items: list[Item] = []
    for number, line in enumerate(text.decode("ascii", "replace").split("\n")[:-1], start=1):
        item = _item(symbol, line)
        if item is None:
            raise Wrong("prices", f"{name} line {number} is no line of a tape")
        if items and item.seq <= items[-1].seq:
            raise Wrong("prices", f"{name} line {number} is numbered {item.seq} again or backwards")
        items.append(item)
    if not items:
        raise Wrong("prices", f"{name} is empty")
    return items


def _item(symbol: str, line: str) -> Item | None:
    cells = line.split(",")
    if len(cells) != COLUMNS or (cells[2] == "quote") != (symbol != CLOCK):
        return None
    seq, at_us, kind, bid, ask, status, _, reset, day = cells
    try:
        if not 0 <= int(at_us) < AT_US_MAX:
            return None
        if kind == "quote":
            return Item(int(seq), int(at_us), kind, symbol, int(bid), int(ask), status)
        if kind in {"clock", "reset"}:
            return Item(int(seq), int(at_us), kind, symbol, reset=reset, day=day)
    except ValueError:
        return None
    return None


def _sealed(entry: Entry) -> dict[str, Any]:
    sealed = entry.data.get("block")
    keys = ("symbol", "first_seq", "last_seq", "items", "sha256", "bounds", "first_us", "last_us")
    if (
        entry.kind != "PriceBlockSealed"
        or not isinstance(sealed, dict)
        or set(sealed) != set(keys)
        or not isinstance(sealed["symbol"], str)
        or not isinstance(sealed["first_seq"], int)
    ):
        raise Wrong("tape.jsonl", f"{entry} seals no block of prices")
    return sealed


def _summary(items: tuple[Item, ...]) -> dict[str, object]:
    valid = [item for item in items if item.kind == "quote" and item.status == "valid"]
    bounds = (
        {
            "bid_min": min(item.bid for item in valid),
            "bid_max": max(item.bid for item in valid),
            "ask_min": min(item.ask for item in valid),
            "ask_max": max(item.ask for item in valid),
        }
        if valid
        else None
    )
    return {
        "symbol": items[0].symbol,
        "first_seq": items[0].seq,
        "last_seq": items[-1].seq,
        "items": len(items),
        "first_us": items[0].at_us,
        "last_us": items[-1].at_us,
        "bounds": bounds,
    }
