"""From lines to columns: one reader per layout. Whatever does not fit raises Malformed."""

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import zip_longest

from tradesense.kernel.instants import to_us
from tradesense.market.sources import bars
from tradesense.market.sources.layouts import Layout, Recognised
from tradesense.market.sources.numbers import YEARS, Malformed, Prices, ms_of_day, require_size

_FIVE_HOURS_US = 5 * 3_600_000_000  # what UTC-05 lies behind
_HEADER = "timestamp"
_TICK_COLUMNS = 3
_BAR_COLUMNS = 11
_TRUEFX_SYMBOL_COLUMNS = 4


def _column() -> "array[int]":
    return array("q")


@dataclass(slots=True)
class Ticks:
    """The quotes of one file in its own order, column by column: 24 bytes each."""

    symbol: str
    synthetic: bool
    rows: int = 0
    rounded: int = 0
    at_us: "array[int]" = field(default_factory=_column)
    bid: "array[int]" = field(default_factory=_column)
    ask: "array[int]" = field(default_factory=_column)

    def add(self, at_us: int, bid: int, ask: int) -> None:
        self.at_us.append(at_us)
        self.bid.append(bid)
        self.ask.append(ask)


def read(what: Recognised, lines: Iterable[str], seed: int) -> Ticks:
    """Read a file that has bid and ask. Raises Malformed at the line that does not fit."""
    ticks = Ticks(what.instrument.symbol, synthetic=what.period_us > 0)
    prices = Prices(what.instrument.price_digits)
    match what.layout:
        case Layout.TRUEFX:
            _read_times(ticks, lines, prices, _truefx_time(what.instrument.symbol))
        case Layout.HISTDATA:
            _read_times(ticks, lines, prices, _histdata_time())
        case _ if what.period_us:
            _read_lean_bars(ticks, lines, prices, what, seed)
        case _:
            _read_lean_ticks(ticks, lines, prices, _midnight_us(what))
    ticks.rounded = prices.rounded
    return ticks


def _midnight_us(what: Recognised) -> int:
    if what.day is None:
        raise Malformed("the file's name does not say its date")
    midnight_us = _utc_us(what.day)
    return midnight_us + (_FIVE_HOURS_US if what.layout == Layout.LEAN_FXCM else 0)


def _utc_us(day: date) -> int:
    return to_us(datetime.combine(day, time(), UTC))


def _read_lean_ticks(ticks: Ticks, lines: Iterable[str], prices: Prices, midnight_us: int) -> None:
    known, read_price = prices.known.get, prices.read
    for line in lines:
        fields = line.split(",")
        if len(fields) != _TICK_COLUMNS:
            raise Malformed(f"{len(fields)} fields instead of time,bid,ask")
        at, bid, ask = fields
        ticks.add(
            midnight_us + ms_of_day(at),
            known(bid) or read_price(bid),
            known(ask) or read_price(ask),
        )
        ticks.rows += 1


def _read_lean_bars(
    ticks: Ticks, lines: Iterable[str], prices: Prices, what: Recognised, seed: int
) -> None:
    midnight_us = _midnight_us(what)
    for line in lines:
        fields = line.split(",")
        if len(fields) != _BAR_COLUMNS:
            raise Malformed(f"{len(fields)} fields instead of time, bid OHLC, size, ask OHLC, size")
        require_size(fields[5])
        require_size(fields[10])
        bid = bars.checked(bars.Bar(*map(prices.read, fields[1:5])), "bid")
        ask = bars.checked(bars.Bar(*map(prices.read, fields[6:10])), "ask")
        _add_path(ticks, midnight_us + ms_of_day(fields[0]), what, (bid, ask), seed)


def _add_path(
    ticks: Ticks, at_us: int, what: Recognised, sides: tuple[bars.Bar, bars.Bar], seed: int
) -> None:
    low_first = bars.is_low_first(seed, what.instrument.symbol, at_us)
    bid, ask = sides
    for point in bars.path(at_us, what.period_us, bid=bid, ask=ask, low_first=low_first):
        ticks.add(*point)
    ticks.rows += 1


def _read_times(
    ticks: Ticks, lines: Iterable[str], prices: Prices, when: Callable[[list[str]], int]
) -> None:
    """Read lines whose first fields tell the moment and whose next two are bid and ask."""
    for line in lines:
        if line.startswith(_HEADER) and not ticks.rows:
            continue
        fields = line.split(",")
        at_us = when(fields)
        if len(fields) < _TICK_COLUMNS:
            raise Malformed("bid and ask are missing")
        ticks.add(at_us, prices.read(fields[1]), prices.read(fields[2]))
        ticks.rows += 1


def _truefx_time(symbol: str) -> Callable[[list[str]], int]:
    def when(fields: list[str]) -> int:
        if len(fields) == _TRUEFX_SYMBOL_COLUMNS:  # as TrueFX itself writes: EUR/USD,20090501 …
            if fields.pop(0) != symbol:
                raise Malformed(f"not {symbol}: one file holds one symbol")
            return to_us(_moment(fields[0]).replace(tzinfo=UTC))
        return to_us(_aware(_moment(fields[0])))

    return when


def _histdata_time() -> Callable[[list[str]], int]:
    days: dict[str, int] = {}

    def when(fields: list[str]) -> int:
        day, _, clock = fields[0].partition(" ")
        digits = len("HHMMSSmmm")
        if not (clock.isascii() and clock.isdigit() and len(clock) == digits):
            raise Malformed(f"{fields[0]!r} is no time like 20200101 170000065")
        if day not in days:
            days[day] = _utc_us(_moment(day).date()) + _FIVE_HOURS_US
        hours, minutes, ms = int(clock[:2]), int(clock[2:4]), int(clock[4:])
        if hours >= 24 or minutes >= 60 or ms >= 60_000:  # noqa: PLR2004 -- what a clock shows
            raise Malformed(f"{fields[0]!r} is no time of a day")
        return days[day] + ((hours * 60 + minutes) * 60_000 + ms) * 1000

    return when


def read_pair(
    what: Recognised, bid_lines: Iterable[str], ask_lines: Iterable[str], seed: int
) -> Ticks:
    """Read minute bars kept as one file of bids and one of asks. Raises Malformed."""
    ticks = Ticks(what.instrument.symbol, synthetic=True)
    prices = Prices(what.instrument.price_digits)
    for bid, ask in zip_longest(_side(bid_lines, prices), _side(ask_lines, prices)):
        if bid is None or ask is None or bid[0] != ask[0]:
            raise Malformed("the bid and the ask file do not have the same minutes")
        sides = bars.checked(bid[1], "bid"), bars.checked(ask[1], "ask")
        _add_path(ticks, bid[0], what, sides, seed)
    ticks.rounded = prices.rounded
    return ticks


def _side(lines: Iterable[str], prices: Prices) -> Iterator[tuple[int, bars.Bar]]:
    columns = len("tohlc")
    for line in lines:
        if line.startswith(_HEADER):
            continue
        fields = line.split(",")
        if len(fields) != columns:
            raise Malformed(f"{len(fields)} fields instead of timestamp,open,high,low,close")
        yield to_us(_aware(_moment(fields[0]))), bars.Bar(*map(prices.read, fields[1:]))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed(f"{text[:40]!r} is no moment") from None
    if moment.year not in YEARS:
        raise Malformed(f"{text[:40]!r} is not between {YEARS[0]} and {YEARS[-1]}")
    return moment


def _aware(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise Malformed("the time has no offset; write 2013-01-01 22:00:00+00:00")
    return moment
