"""
What can be traded here, as data with its sources.

Price digits and lot sizes are those of the symbol-properties database of QuantConnect's Lean
(Apache-2.0, commit 24863901): OANDA for currencies, gold and the DAX, Coinbase for crypto.
Units of a currency are whole, as at OANDA (0.01 lot = 1,000 units).

A quote is stale once its symbol has been silent in an open session for longer than healthy
feeds are: the 99.9th percentile of the silence between quotes, over days of May 2014 (OANDA
and FXCM, ticks and minute bars), February 2019 (DE30) and April 2018 (crypto), in whole
minutes upwards. Currencies and the DAX reach 240 s, gold 121 s, crypto 61 s.
"""

from types import MappingProxyType

from tradesense.kernel.errors import NotFound
from tradesense.market.model import Instrument


class UnknownSymbol(NotFound):
    """No instrument has this symbol."""

    code = "market.unknown_symbol"


def _currency(symbol: str, price_digits: int) -> Instrument:
    base, quote = symbol.split("/")
    return Instrument(
        symbol=symbol,
        base=base,
        quote=quote,
        price_digits=price_digits,
        qty_digits=0,
        min_qty=1,
        stale_after_s=300,
        calendar="forex",
        asset_class="forex",
    )


def _crypto(base: str) -> Instrument:
    return Instrument(
        symbol=f"{base}/USD",
        base=base,
        quote="USD",
        price_digits=2,
        qty_digits=8,
        min_qty=1,
        stale_after_s=120,
        calendar="crypto",
        asset_class="crypto",
    )


_GOLD = Instrument(
    symbol="XAU/USD",
    base="XAU",
    quote="USD",
    price_digits=3,
    qty_digits=0,
    min_qty=1,
    stale_after_s=180,
    calendar="metal",
    asset_class="metal",
)

_DAX = Instrument(
    symbol="DE30/EUR",
    base="DE30",
    quote="EUR",
    price_digits=1,
    qty_digits=1,
    min_qty=1,
    stale_after_s=300,
    calendar="xetra",
    asset_class="index",
)

INSTRUMENTS = MappingProxyType(
    {
        each.symbol: each
        for each in (
            _currency("EUR/USD", 5),
            _currency("GBP/USD", 5),
            _currency("AUD/USD", 5),
            _currency("NZD/USD", 5),
            _currency("USD/JPY", 3),
            _currency("USD/CHF", 5),
            _currency("USD/CAD", 5),
            _GOLD,
            _DAX,
            _crypto("BTC"),
            _crypto("ETH"),
        )
    }
)


_COMPACT = {symbol.replace("/", ""): each for symbol, each in INSTRUMENTS.items()}


def find_instrument(symbol: str) -> Instrument | None:
    """Return the instrument of `symbol`, written `EUR/USD` or `EURUSD` in any case, if any."""
    name = symbol.upper()
    return INSTRUMENTS.get(name) or _COMPACT.get(name)


def get_instrument(symbol: str) -> Instrument:
    """Return the instrument of `symbol`, written `EUR/USD` or `EURUSD`. Raises UnknownSymbol."""
    found = find_instrument(symbol)
    if found is None:
        raise UnknownSymbol(f"no instrument {symbol!r}; there are {', '.join(INSTRUMENTS)}")
    return found
