"""
How a bar of bid and ask becomes quotes: four points of a path nobody saw, marked synthetic.

A bar replays as its open, its two extremes and its close, at +0, +20, +40 and +59 sixtieths
of its length; bid and ask move together (the low of both, the high of both). Which extreme
comes first hurts one side: longs if the low, shorts if the high. So it is drawn per bar from
the source's seed, which is on the trail before the first price: nobody can choose it.
"""

import hashlib
from typing import NamedTuple

from tradesense.market.sources.numbers import Malformed


class Bar(NamedTuple):
    """Open, high, low and close of one side, in price units."""

    open: int
    high: int
    low: int
    close: int


Point = tuple[int, int, int]  # at_us, bid, ask


def path(at_us: int, period_us: int, *, bid: Bar, ask: Bar, low_first: bool) -> tuple[Point, ...]:
    """Return the four points of a bar that opens at `at_us` and lasts `period_us`."""
    low, high = (bid.low, ask.low), (bid.high, ask.high)
    first, second = (low, high) if low_first else (high, low)
    return (
        (at_us, bid.open, ask.open),
        (at_us + period_us * 20 // 60, *first),
        (at_us + period_us * 40 // 60, *second),
        (at_us + period_us * 59 // 60, bid.close, ask.close),
    )


def is_low_first(seed: int, symbol: str, at_us: int) -> bool:
    """Draw which extreme of the bar at `at_us` comes first."""
    return hashlib.sha256(f"{seed} {symbol} {at_us}".encode()).digest()[0] % 2 == 0


def checked(bar: Bar, side: str) -> Bar:
    """Return `bar`. Raises Malformed if open or close lie outside low and high."""
    if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
        raise Malformed(f"the {side} bar's open or close lies outside its low and high")
    return bar
