"""
Where a day's prices turn: the legs that a trader who knows the future would ride. Pure.

A leg is a stretch between two turning points of the mid price. Riding it the right way earns
its length less the spread; riding it the wrong way loses its length and the spread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from tradesense.kernel.instants import from_us
from tradesense.market.model import Quote

# A turn counts when it takes back this many median spreads: less is noise that costs more
# to trade than it yields.
TURN_SPREADS = 4
ENTRY_US_MIN = 1_000  # two actions never share a moment


@dataclass(frozen=True, slots=True)
class Leg:
    """From `start` to `end`, `up` or down."""

    start: Quote
    end: Quote
    up: bool

    def right_points(self) -> int:
        """Price points earned per unit by riding it the right way."""
        if self.up:
            return self.end.bid - self.start.ask
        return self.start.bid - self.end.ask

    def wrong_points(self) -> int:
        """Price points lost per unit (positive) by riding it the wrong way."""
        if self.up:
            return self.end.ask - self.start.bid
        return self.start.ask - self.end.bid


def by_day(
    quotes: Sequence[Quote], *, zone: str, reset_hour: int = 0
) -> list[tuple[date, list[Quote]]]:
    """Group `quotes`, in time order, by the programme's local day."""
    tz = ZoneInfo(zone)

    def day(quote: Quote) -> date:
        local: datetime = from_us(quote.at_us).astimezone(tz) - timedelta(hours=reset_hour)
        return local.date()

    return [(key, list(group)) for key, group in groupby(quotes, day)]


def legs(quotes: Sequence[Quote]) -> list[Leg]:
    """Return the day's legs in time order; none overlap, up and down alternate."""
    if not quotes:
        return []
    spreads = sorted(quote.ask - quote.bid for quote in quotes)
    turn = TURN_SPREADS * 2 * max(1, spreads[len(spreads) // 2])  # in doubled mid points
    found: list[Leg] = []
    anchor = low = high = quotes[0]
    up: bool | None = None
    for quote in quotes:
        mid = quote.bid + quote.ask
        if mid > high.bid + high.ask:
            high = quote
        if mid < low.bid + low.ask:
            low = quote
        if up is not False and mid <= high.bid + high.ask - turn:
            _add(found, anchor if up else _earlier(anchor, low, high), high, up=True)
            anchor, low, up = high, quote, False
        elif up is not True and mid >= low.bid + low.ask + turn:
            _add(found, anchor if up is False else _earlier(anchor, high, low), low, up=False)
            anchor, high, up = low, quote, True
    if up is not None:
        _add(found, anchor, high if up else low, up=up)
    return found


def _earlier(anchor: Quote, start: Quote, end: Quote) -> Quote:
    """Return where the first leg begins: its far end if that came before, else the day's start."""
    return start if start.at_us < end.at_us else anchor


def _add(found: list[Leg], start: Quote, end: Quote, *, up: bool) -> None:
    if end.at_us - start.at_us >= ENTRY_US_MIN:
        found.append(Leg(start, end, up))
