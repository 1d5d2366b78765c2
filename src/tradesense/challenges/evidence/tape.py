"""The sealed prices of one symbol over an account's life, and the entries that seal them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tradesense import market, trail
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import InvariantBroken
from tradesense.market import BlockText
from tradesense.trail import Entry

PAGE = 500  # entries read at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class TapePart:
    """Successive blocks of one symbol: `entries` seal them, `blocks` hold their text."""

    entries: Sequence[Entry]
    blocks: Sequence[BlockText]


async def read_part(tx: Transaction, symbol: str, *, since: int, until: int) -> TapePart:
    """
    Return the blocks that hold the prices numbered `since` to `until`, and one from before.

    The one before holds the valid price that `symbol` had at `since`; where there is none, the
    part begins with the symbol's first block. Raises InvariantBroken if blocks and entries
    disagree.
    """
    stream = f"tape:{symbol}"
    first = await _version_before(tx, stream, since)
    entries = await _entries(tx, stream, first, until)
    if not entries:
        return TapePart(entries=[], blocks=[])
    begin = _block(entries[0])["first_seq"]
    blocks = await market.read_blocks(tx, symbol, begin, until)
    if [each.block.sha256 for each in blocks] != [_block(each)["sha256"] for each in entries]:
        raise InvariantBroken(f"the blocks of {symbol} are not those that {stream} seals")
    return TapePart(entries=entries, blocks=blocks)


async def _version_before(tx: Transaction, stream: str, since: int) -> int:
    """Return the version of the last block that ends before `since` with a valid price, or 1."""
    low, high = 0, await trail.stream_version(tx, stream)
    while low < high:  # the last version whose block ends before `since`
        middle = (low + high + 1) // 2
        if _block(await _entry(tx, stream, middle))["last_seq"] <= since:
            low = middle
        else:
            high = middle - 1
    is_clock = stream == f"tape:{market.CLOCK}"
    while low > 1 and not is_clock and _block(await _entry(tx, stream, low))["bounds"] is None:
        low -= 1
    return max(low, 1)


async def _entry(tx: Transaction, stream: str, version: int) -> Entry:
    found = await trail.read_stream(tx, stream, after=version - 1, limit=1)
    if not found:
        raise InvariantBroken(f"{stream} has no version {version}")
    return found[0]


async def _entries(tx: Transaction, stream: str, first: int, until: int) -> list[Entry]:
    entries: list[Entry] = []
    after = first - 1
    while page := await trail.read_stream(tx, stream, after=after, limit=PAGE):
        within = [entry for entry in page if _block(entry)["first_seq"] <= until]
        entries += within
        if len(within) < PAGE:
            break
        after = page[-1].version
    return entries


def _block(entry: Entry) -> dict[str, Any]:
    block = entry.data.get("block")
    if entry.kind != "PriceBlockSealed" or not isinstance(block, dict):
        raise InvariantBroken(f"{entry.stream} version {entry.version} seals no block")
    return block
