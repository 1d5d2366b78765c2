"""
Who has left their box: four heaps of edges per symbol, read from the top.

An entry is alive while it carries its account's present generation; a new box makes a new
generation and leaves the old entries behind, which are dropped when met, or when a heap has
grown to four times what it held after its last clearing.
"""

from heapq import heapify, heappop, heappush
from typing import NamedTuple

from tradesense.trading.engine.boxes.thresholds import OPEN_END, Box

COMPACT_AT_LEAST = 256  # below this a clearing costs more than the dead entries


class _Entry(NamedTuple):
    edge: int  # negated for lower edges, so that the nearest edge is always on top
    account: int
    generation: int


class _Heap:
    __slots__ = ("entries", "kept")

    def __init__(self) -> None:
        self.entries: list[_Entry] = []
        self.kept = COMPACT_AT_LEAST


class _Symbol:
    """The four heaps of one symbol: a bid below, above, an ask below, above."""

    __slots__ = ("ask_hi", "ask_lo", "bid_hi", "bid_lo")

    def __init__(self) -> None:
        self.bid_lo = _Heap()
        self.bid_hi = _Heap()
        self.ask_lo = _Heap()
        self.ask_hi = _Heap()


class EdgeIndex:
    """The edges of every account, which callers name by small numbers."""

    def __init__(self) -> None:
        self._symbols: dict[str, _Symbol] = {}
        self._generations: dict[int, int] = {}

    def put(self, account: int, box: Box) -> None:
        """Replace the box of `account`; an empty one is never touched."""
        generation = self._generations.get(account, 0) + 1
        self._generations[account] = generation
        for symbol, edges in box.items():
            heaps = self._symbols.setdefault(symbol, _Symbol())
            for heap, edge, is_set in (
                (heaps.bid_lo, -edges.bid_lo, edges.bid_lo > 0),
                (heaps.bid_hi, edges.bid_hi, edges.bid_hi < OPEN_END),
                (heaps.ask_lo, -edges.ask_lo, edges.ask_lo > 0),
                (heaps.ask_hi, edges.ask_hi, edges.ask_hi < OPEN_END),
            ):
                if is_set:
                    heappush(heap.entries, _Entry(edge, account, generation))
                    if len(heap.entries) > 4 * heap.kept:
                        self._compact(heap)

    def touched(self, symbol: str, bid: int, ask: int) -> set[int]:
        """
        Return the accounts whose box the quote leaves.

        Their edges met here are gone: the caller puts a new box for each.
        """
        found: set[int] = set()
        heaps = self._symbols.get(symbol)
        if heaps is not None:
            self._take(heaps.bid_lo.entries, -bid, found)
            self._take(heaps.bid_hi.entries, bid, found)
            self._take(heaps.ask_lo.entries, -ask, found)
            self._take(heaps.ask_hi.entries, ask, found)
        return found

    def _take(self, entries: list[_Entry], price: int, found: set[int]) -> None:
        while entries and entries[0].edge < price:
            entry = heappop(entries)
            if self._is_alive(entry):
                found.add(entry.account)

    def _is_alive(self, entry: _Entry) -> bool:
        return self._generations.get(entry.account) == entry.generation

    def _compact(self, heap: _Heap) -> None:
        heap.entries[:] = [entry for entry in heap.entries if self._is_alive(entry)]
        heapify(heap.entries)
        heap.kept = max(COMPACT_AT_LEAST, len(heap.entries))
