"""
A simulated market: seeded, in sessions, with bid and ask, calm and busy hours, and news.

Every quote follows by whole-number arithmetic from the seed, its symbol, its count and the
quote before it: the same on every machine, and able to go on from any quote. Prices walk
(day's deviation as in the table), are pulled slowly back to where they began, jump at news
(about once a day, all symbols at once), and their spread widens at news and at an opening.
"""

import hashlib
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from math import isqrt
from typing import NamedTuple

from tradesense.kernel.instants import to_us
from tradesense.market.calendars import next_open, session_at
from tradesense.market.instruments import INSTRUMENTS
from tradesense.market.model import Instrument, Quote

_SECOND_US = 1_000_000
_HOUR_US = 3600 * _SECOND_US
_DAY_US = 24 * _HOUR_US

# A story's market opens on a Sunday evening in New York and ends after two weeks of trading.
SIMULATED_START = datetime(2026, 1, 4, 22, tzinfo=UTC)
SIMULATED_DAYS = 14
SIMULATED = tuple(INSTRUMENTS[symbol] for symbol in ("EUR/USD", "GBP/USD", "XAU/USD"))
STORY_GAP_US = 20 * _SECOND_US

_MILLI = 1000  # mids are kept in thousandths of a price unit
_PPM = 1_000_000
_NEWS_OF_256 = 11  # hours with news, of 256: about one a day
_NEWS_SPREAD_US = 60 * _SECOND_US
_NEWS_BUSY_US = 300 * _SECOND_US
_OPENING_US = 900 * _SECOND_US
_PULL_DAYS = 10
_BUSY = (2, 4, 4, 6)  # quarters of the day's deviation, drawn per hour
_DEVIATION = 256  # of the sum of twelve bytes, around 1530


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """How a symbol moves. Price units; deviations in millionths of the price."""

    start: int
    day_ppm: int
    news_ppm: int
    spread: int


# Orders of magnitude of the years 2024 to 2026; nothing depends on them being right.
NATURES = {
    "EUR/USD": Nature(start=110_000, day_ppm=5_000, news_ppm=3_000, spread=10),
    "GBP/USD": Nature(start=130_000, day_ppm=6_000, news_ppm=3_500, spread=14),
    "AUD/USD": Nature(start=66_000, day_ppm=7_000, news_ppm=3_500, spread=12),
    "NZD/USD": Nature(start=60_000, day_ppm=7_000, news_ppm=3_500, spread=16),
    "USD/JPY": Nature(start=150_000, day_ppm=6_000, news_ppm=3_500, spread=12),
    "USD/CHF": Nature(start=88_000, day_ppm=5_000, news_ppm=3_000, spread=14),
    "USD/CAD": Nature(start=136_000, day_ppm=4_500, news_ppm=2_500, spread=15),
    "XAU/USD": Nature(start=2_600_000, day_ppm=10_000, news_ppm=6_000, spread=300),
    "DE30/EUR": Nature(start=190_000, day_ppm=10_000, news_ppm=5_000, spread=15),
    "BTC/USD": Nature(start=6_500_000, day_ppm=28_000, news_ppm=9_000, spread=1_200),
    "ETH/USD": Nature(start=320_000, day_ppm=36_000, news_ppm=12_000, spread=90),
}


class Walk(NamedTuple):
    """Where a symbol stands: its last moment and its mid, in thousandths of a price unit."""

    at_us: int
    mid: int


def begin(symbol: str, at_us: int) -> Walk:
    """Return where the walk of `symbol` begins."""
    return Walk(at_us, NATURES[symbol].start * _MILLI)


def go_on(last: Quote) -> Walk:
    """Return the walk that has come to `last`, so that a restart makes no jump."""
    return Walk(last.at_us, (last.bid + last.ask) * _MILLI // 2)


def step(seed: int, instrument: Instrument, walk: Walk, *, at_us: int, number: int) -> Walk:
    """Return where the walk stands at `at_us`, by its draw `number`."""
    nature = NATURES[instrument.symbol]
    elapsed_us = min(at_us - walk.at_us, _DAY_US)
    root_ppm = isqrt(elapsed_us * _PPM * _PPM // _DAY_US)  # of the elapsed part of a day
    deviation = sum(_draw(seed, instrument.symbol, number)[:12]) - 1530
    busy = _BUSY[_draw(seed, instrument.symbol, "hour", at_us // _HOUR_US)[0] % 4]
    news_us = _news(seed, at_us)
    if 0 <= at_us - news_us < _NEWS_BUSY_US:
        busy *= 2
    moved = walk.mid * nature.day_ppm * root_ppm * deviation * busy
    moved //= _PPM * _PPM * _DEVIATION * 4
    pulled = (nature.start * _MILLI - walk.mid) * elapsed_us // (_PULL_DAYS * _DAY_US)
    jumped = 0
    if walk.at_us < news_us <= at_us:
        jumped = _jump(seed, instrument.symbol, news_us) * walk.mid * nature.news_ppm
        jumped //= _PPM * 128
    lowest = nature.start * _MILLI // 4
    return Walk(at_us, max(walk.mid + moved + pulled + jumped, lowest))


def quote(seed: int, instrument: Instrument, walk: Walk, number: int) -> Quote:
    """Return the bid and ask around the walk's mid."""
    spread = NATURES[instrument.symbol].spread
    spread += spread * _draw(seed, instrument.symbol, number)[12] // 512
    session = session_at(instrument, walk.at_us)
    if 0 <= walk.at_us - _news(seed, walk.at_us) < _NEWS_SPREAD_US:
        spread *= 6
    elif session is not None and walk.at_us - session.open_us < _OPENING_US:
        spread *= 3
    bid = (walk.mid - spread * _MILLI // 2) // _MILLI
    return Quote(walk.at_us, instrument.symbol, bid, bid + spread)


def gap_us(seed: int, symbol: str, number: int, mean_us: int) -> int:
    """Return how long to wait before quote `number`: a quarter to seven quarters of `mean_us`."""
    drawn = int.from_bytes(_draw(seed, symbol, number)[13:15])
    return mean_us // 4 + mean_us * 3 * drawn // (2 * 65_536)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedMarket:
    """A finite simulated market, played like a file."""

    seed: int
    instruments: Sequence[Instrument] = SIMULATED
    start: datetime = SIMULATED_START
    days: int = SIMULATED_DAYS
    mean_gap_us: int = STORY_GAP_US

    @property
    def name(self) -> str:
        """Return what identifies these prices."""
        symbols = ",".join(instrument.symbol for instrument in self.instruments)
        return (
            f"simulated:{self.seed}:{self.start:%Y-%m-%d}:{self.days}:{self.mean_gap_us}:{symbols}"
        )

    @property
    def listing(self) -> tuple[str, ...]:
        return ()

    def quotes(self, *, skip: int = 0) -> Iterator[Quote]:
        """Yield every quote in order of time but for the first `skip`."""
        merged = heapq.merge(*map(self._walk, self.instruments))
        return (one for number, one in enumerate(merged) if number >= skip)

    def _walk(self, instrument: Instrument) -> Iterator[Quote]:
        symbol, start_us = instrument.symbol, to_us(self.start)
        walk, at_us = begin(symbol, start_us), start_us
        for number in count():
            if session_at(instrument, at_us) is None:
                at_us = next_open(instrument, at_us) or at_us
            at_us += gap_us(self.seed, symbol, number, self.mean_gap_us)
            if at_us >= start_us + self.days * _DAY_US:
                return
            if session_at(instrument, at_us) is None:
                continue
            walk = step(self.seed, instrument, walk, at_us=at_us, number=number)
            yield quote(self.seed, instrument, walk, number)


def simulated(
    seed: int,
    instruments: Sequence[Instrument] = SIMULATED,
    start: datetime = SIMULATED_START,
    *,
    days: int = SIMULATED_DAYS,
) -> Iterator[Quote]:
    """Yield the quotes of a simulated market in order of time; the story's, by default."""
    return SimulatedMarket(seed=seed, instruments=instruments, start=start, days=days).quotes()


@lru_cache(maxsize=64)
def _draw(*names: int | str) -> bytes:
    return hashlib.blake2b(" ".join(map(str, names)).encode(), digest_size=16).digest()


@lru_cache(maxsize=64)
def _news_of_hour(seed: int, hour: int) -> int | None:
    drawn = _draw(seed, "news", hour)
    return None if drawn[0] >= _NEWS_OF_256 else hour * _HOUR_US + drawn[1] % 60 * 60 * _SECOND_US


def _news(seed: int, at_us: int) -> int:
    """Return the moment of the latest news within this hour or the one before; 0 if none."""
    hour = at_us // _HOUR_US
    found = (_news_of_hour(seed, hour), _news_of_hour(seed, hour - 1))
    return next((news for news in found if news is not None and news <= at_us), 0)


def _jump(seed: int, symbol: str, news_us: int) -> int:
    """Return -128 … 127: the part of `news_ppm`, in 128ths, that the price jumps by."""
    return _draw(seed, symbol, "jump", news_us)[0] - 128
