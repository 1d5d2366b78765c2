"""
Which layout a price file has, whose clock its times are in, and what it prices.

The name of the file (also inside an archive) and its folders, the nearest first, say the
vendor, the symbol and the date; its first line says the columns. What stays open is an error
that names the option which settles it: `--layout LAYOUT` or `--layout LAYOUT:SYMBOL`.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path

from tradesense.market.instruments import INSTRUMENTS, find_instrument, get_instrument
from tradesense.market.model import Instrument
from tradesense.market.sources.archives import BadPrices
from tradesense.market.sources.numbers import YEARS


class Layout(StrEnum):
    """The layouts that can be read."""

    LEAN_OANDA = "lean-oanda"
    LEAN_FXCM = "lean-fxcm"
    LEAN_CRYPTO = "lean-crypto"
    TRUEFX = "truefx"
    HISTDATA = "histdata"
    FXCM_M1 = "fxcm-m1"


_FIXED_FIVE_BEHIND = "UTC-05 all year, no daylight saving"

# Checked on real files: shifted by 5 h, FXCM's minutes agree with OANDA's to a tenth of a pip;
# by 4 h (New York in summer) they are off by 2.6 to 10.4 pips.
ZONES = {
    Layout.LEAN_OANDA: "UTC",
    Layout.LEAN_FXCM: _FIXED_FIVE_BEHIND,
    Layout.LEAN_CRYPTO: "UTC",
    Layout.TRUEFX: "UTC",
    Layout.HISTDATA: _FIXED_FIVE_BEHIND,
    Layout.FXCM_M1: "the offset in each line",
}
PERIODS_US = {"tick": 0, "second": 1_000_000, "minute": 60_000_000}

_LEAN_NAME = re.compile(r"(?P<day>\d{8})_(?P<symbol>[a-z0-9]+)_(?P<period>[a-z]+)_(?P<what>[a-z]+)")
_LEAN_VENDORS = {
    "oanda": Layout.LEAN_OANDA,
    "fxcm": Layout.LEAN_FXCM,
    "coinbase": Layout.LEAN_CRYPTO,
    "gdax": Layout.LEAN_CRYPTO,
    "bybit": Layout.LEAN_CRYPTO,
    "binance": Layout.LEAN_CRYPTO,
    "bitfinex": Layout.LEAN_CRYPTO,
    "kraken": Layout.LEAN_CRYPTO,
}
_FIRST_LINES = (
    (re.compile(r"timestamp,bid,ask"), Layout.TRUEFX),
    (re.compile(r"[A-Z]{3}/[A-Z]{3},\d{8} \d\d:"), Layout.TRUEFX),
    (re.compile(r"\d{8} \d{9},"), Layout.HISTDATA),
    (re.compile(r"timestamp,open,high,low,close$"), Layout.FXCM_M1),
)
_ONLY_BARS = re.compile(r"timestamp,open,|\d{8} \d\d:\d\d,|\d{8} \d{6};")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What `--layout` said."""

    layout: Layout | None = None
    symbol: str | None = None

    @classmethod
    def of(cls, text: str | None) -> "Wish":
        """Read `LAYOUT` or `LAYOUT:SYMBOL`. Raises BadPrices for a layout there is not."""
        if not text:
            return cls()
        layout, _, symbol = text.partition(":")
        if layout not in set(Layout):
            raise BadPrices(f"--layout {layout!r}: write one of {', '.join(Layout)}")
        return cls(layout=Layout(layout), symbol=symbol or None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What a file holds. `day` is given where lines only tell the time of day."""

    layout: Layout
    instrument: Instrument
    period_us: int  # 0 for ticks
    day: date | None = None
    side: str | None = None  # "bid" or "ask" where a file has one of the two


def recognise(path: Path, inner: str, first_line: str, wish: Wish) -> Recognised:
    """Tell what `path` holds; its text is named `inner`. Raises BadPrices, saying what to add."""
    names = [inner, *reversed(path.absolute().parts)]
    lean = _LEAN_NAME.match(Path(inner).stem.lower())
    wants_lean = wish.layout is not None and wish.layout.startswith("lean")
    if wants_lean or (lean and wish.layout is None):
        return _lean(path, lean, names, wish)
    layout = wish.layout or _by_first_line(path, first_line)
    return Recognised(
        layout=layout,
        instrument=_instrument(path, names, wish, layout),
        period_us=PERIODS_US["minute"] if layout == Layout.FXCM_M1 else 0,
        side=_side(path, names) if layout == Layout.FXCM_M1 else None,
    )


def _lean(path: Path, name: re.Match[str] | None, names: list[str], wish: Wish) -> Recognised:
    if name is None:
        raise BadPrices(
            f"{path}: Lean's name is missing; the CSV is called like 20140502_eurusd_tick_quote.csv"
        )
    if name["what"] != "quote":
        raise BadPrices(f"{path}: holds {name['what']}s; bid and ask are needed, Lean's *_quote")
    if name["period"] not in PERIODS_US:
        raise BadPrices(f"{path}: {name['period']} bars are too coarse to judge by; give minutes")
    instrument = _instrument(path, [name["symbol"]], wish, wish.layout)
    return Recognised(
        layout=wish.layout or _vendor(path, names, instrument),
        instrument=instrument,
        period_us=PERIODS_US[name["period"]],
        day=_day(path, name["day"]),
    )


def _day(path: Path, text: str) -> date:
    outside = re.search(r"(?<!\d)\d{8}(?!\d)", path.stem)
    if outside and outside[0] != text:
        raise BadPrices(f"{path}: is named for {outside[0]} and holds {text}; which is right?")
    try:
        day = datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 -- a date, in no zone
    except ValueError:
        raise BadPrices(f"{path}: {text} is no date") from None
    if day.year not in YEARS:
        raise BadPrices(f"{path}: {text} is not between {YEARS[0]} and {YEARS[-1]}")
    return day


def _vendor(path: Path, names: list[str], instrument: Instrument) -> Layout:
    for name in names:
        found = {layout for word, layout in _LEAN_VENDORS.items() if word in _words(name)}
        if len(found) == 1:
            return found.pop()
        if found:
            break
    if instrument.asset_class == "crypto":
        return Layout.LEAN_CRYPTO
    raise BadPrices(
        f"{path}: neither name nor folders say whose prices these are, and vendors keep different "
        f"clocks; add --layout {Layout.LEAN_OANDA} (UTC) or {Layout.LEAN_FXCM} (UTC-05)"
    )


def _by_first_line(path: Path, line: str) -> Layout:
    for pattern, layout in _FIRST_LINES:
        if pattern.match(line):
            return layout
    if _ONLY_BARS.match(line):
        raise BadPrices(f"{path}: bars of one price; bid and ask are needed, at most a minute long")
    raise BadPrices(f"{path}:1: no known layout; name it with --layout, one of {', '.join(Layout)}")


def _instrument(path: Path, names: list[str], wish: Wish, layout: Layout | None) -> Instrument:
    if wish.symbol:
        return get_instrument(wish.symbol)
    for word in (word for name in names for word in _words(name)):
        found = find_instrument(word)
        if found:
            return found
    raise BadPrices(
        f"{path}: its name says no symbol known here; "
        f"add --layout {layout or Layout.LEAN_OANDA}:SYMBOL with one of {', '.join(INSTRUMENTS)}"
    )


def _side(path: Path, names: list[str]) -> str:
    for name in names:
        sides = {"bid", "ask"} & set(_words(name))
        if len(sides) == 1:
            return sides.pop()
    raise BadPrices(f"{path}: its name says neither bid nor ask; both files of the pair are needed")


def _words(name: str) -> list[str]:
    return re.split(r"[^a-z0-9]+", name.lower())
