"""
Gives every price, clock step and reset its number. Pure: the same calls make the same tape.

A reset goes on the tape before the first price stamped at or after it, or when the clock is
two seconds past it, whichever comes first: prices on their way get that long to arrive. What
is stamped before a reset and comes after it is late. Missed resets are made up for in order.
Blocks end when they are full, after each reset and at a flush, and nowhere else, so that a
crash cannot move their borders.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from tradesense.market import resets, rules
from tradesense.market.calendars import session_at
from tradesense.market.instruments import get_instrument
from tradesense.market.model import (
    BLOCK_ITEMS_MAX,
    CLOCK,
    Batch,
    Block,
    Kind,
    Position,
    Quote,
    TapeItem,
)

# How long after a reset its prices may still arrive (a healthy feed's are there within one).
RESET_WAIT_US = 2_000_000
_NEVER_US = 2**63


class Sequencer:
    """The end of the tape, in memory: what was seen last, and the blocks that are still open."""

    def __init__(
        self,
        position: Position,
        *,
        seen: Mapping[str, Quote],
        open_items: Mapping[str, Iterable[TapeItem]],
    ) -> None:
        self.last_seq = position.last_seq
        self.clock_us = position.clock_us
        self._boundary_us = position.boundary_us
        self._until_us = position.resets_until_us
        self._seen = dict(seen)
        self._open = defaultdict[str, list[TapeItem]](list)
        for symbol, left in open_items.items():
            self._open[symbol].extend(left)
        self._sessions = dict[str, tuple[int, int]]()
        self._resets: frozenset[str] = frozenset()
        self._next_reset_us = _NEVER_US
        self._items: list[TapeItem] = []
        self._blocks: list[Block] = []

    def use_resets(self, names: Iterable[str]) -> None:
        """Sequence the boundaries of these resets from here on: those `00:00 Europe/Prague`."""
        self._resets = frozenset(names)
        self._look_ahead()

    def add_quote(self, quote: Quote) -> None:
        """Give `quote` its number, after every reset that falls before or on its stamp."""
        at_us, symbol, bid, ask, synthetic, _ = quote
        if at_us > self._until_us:
            self._pass_resets(at_us)
        seen = self._seen.get(symbol)
        status = rules.classify(
            quote,
            seen=seen,
            boundary_us=self._boundary_us,
            in_session=self._is_in_session(symbol, at_us),
        )
        if seen is None or at_us >= seen.at_us:
            self._seen[symbol] = quote
        seq = self.last_seq + 1
        self._add(symbol, TapeItem(seq, Kind.QUOTE, at_us, symbol, bid, ask, status, synthetic))

    def add_clock(self, at_us: int) -> None:
        """Give the clock's step to `at_us` its number, after the resets that have waited enough."""
        self._pass_resets(at_us - RESET_WAIT_US)
        self.clock_us = at_us
        self._add(CLOCK, TapeItem(self.last_seq + 1, Kind.CLOCK, at_us))

    def pass_time(self, at_us: int) -> None:
        """Give the resets that have waited enough at `at_us` their numbers."""
        self._pass_resets(at_us - RESET_WAIT_US)

    def flush(self, up_to: int | None = None) -> None:
        """Seal what is open, up to the item numbered `up_to` if given."""
        for symbol, items in sorted(self._open.items()):
            count = sum(1 for item in items if up_to is None or item.price_seq <= up_to)
            if count:
                self._blocks.append(rules.seal(symbol, items[:count]))
                del items[:count]

    def take(self) -> Batch:
        """Return what has been numbered and sealed since the last call."""
        batch = Batch(
            items=tuple(self._items),
            blocks=tuple(self._blocks),
            resets_until_us=self._until_us,
        )
        self._items.clear()
        self._blocks.clear()
        return batch

    def _pass_resets(self, until_us: int) -> None:
        if self._until_us == 0:  # the tape begins here: no reset before it is anybody's
            self._until_us = until_us - 1
            self._look_ahead()
        passed = until_us >= self._next_reset_us
        if passed:
            for one in resets.due(self._resets, after_us=self._until_us, until_us=until_us):
                self._add_reset(one)
        self._until_us = max(self._until_us, until_us)
        if passed:
            self._look_ahead()

    def _add_reset(self, boundary: resets.Boundary) -> None:
        self._boundary_us = boundary.at_us
        seq, at_us = self.last_seq + 1, boundary.at_us
        self._add(CLOCK, TapeItem(seq, Kind.RESET, at_us, reset=boundary.reset, day=boundary.day))
        self.flush()

    def _look_ahead(self) -> None:
        if self._until_us:
            self._next_reset_us = min(
                (
                    resets.next_boundary(name, after_us=self._until_us).at_us
                    for name in self._resets
                ),
                default=_NEVER_US,
            )

    def _add(self, symbol: str, item: TapeItem) -> None:
        self.last_seq = item.price_seq
        self._items.append(item)
        items = self._open[symbol]
        items.append(item)
        if len(items) == BLOCK_ITEMS_MAX:
            self._blocks.append(rules.seal(symbol, items))
            items.clear()

    def _is_in_session(self, symbol: str, at_us: int) -> bool:
        open_us, close_us = self._sessions.get(symbol, (0, 0))
        if open_us <= at_us < close_us:
            return True
        session = session_at(get_instrument(symbol), at_us)
        if session is None:
            return False
        self._sessions[symbol] = session.open_us, session.close_us
        return True
