"""The simulated market in real time: quotes as they fall due, stamped when they are given out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tradesense.market.calendars import is_open
from tradesense.market.model import Instrument, Quote
from tradesense.market.sources import simulated
from tradesense.market.sources.simulated import Walk

# Two to five quotes a second and symbol, as a busy feed has.
MEAN_GAP_US = 300_000


@dataclass(slots=True)
class LiveMarket:
    """
    A simulated market that is asked what is due.

    It goes on from the tape's latest quotes with the draw after `taken`, so that a restart
    neither jumps nor repeats itself.
    """

    seed: int
    instruments: Iterable[Instrument]
    taken: int
    walks: dict[str, Walk]
    due_us: dict[str, int] = field(default_factory=dict)

    @classmethod
    def resume(
        cls, seed: int, instruments: Iterable[Instrument], *, taken: int, last: Mapping[str, Quote]
    ) -> "LiveMarket":
        """Go on after `taken` quotes, the latest of each symbol being `last`."""
        walks = {symbol: simulated.go_on(quote) for symbol, quote in last.items()}
        return cls(seed, tuple(instruments), taken, walks)

    def quotes_due(self, now_us: int) -> list[Quote]:
        """Return the quotes of the open symbols whose time has come, stamped `now_us`."""
        found = []
        for instrument in self.instruments:
            symbol = instrument.symbol
            if now_us < self.due_us.get(symbol, 0) or not is_open(instrument, now_us):
                continue
            walk = self.walks.get(symbol) or simulated.begin(symbol, now_us)
            if now_us < walk.at_us:
                continue  # the wall clock was set back; wait until it has caught up
            self.taken += 1
            walk = simulated.step(self.seed, instrument, walk, at_us=now_us, number=self.taken)
            found.append(simulated.quote(self.seed, instrument, walk, self.taken))
            self.walks[symbol] = walk
            gap_us = simulated.gap_us(self.seed, symbol, self.taken, MEAN_GAP_US)
            self.due_us[symbol] = now_us + gap_us
        return found
