"""
The arithmetic of positions: exact integers, rounded once, half to even.

A position is `qty` units bought (negative: sold) for `cost` = sum of qty x price, in units of
10^-(price_digits + qty_digits) of the quote currency. Profit converts into account currency at
the worse side: bid of C/ACC or 1/ask of ACC/C for a profit, ask or 1/bid for a loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import NamedTuple

from tradesense.kernel.money import MINOR_DIGITS, half_even
from tradesense.market.model import Instrument
from tradesense.trading.model import AccountSetup, Conversion


class Mark(NamedTuple):
    """The last valid quote of a symbol, and where it stands on the tape."""

    bid: int
    ask: int
    at_us: int
    price_seq: int


@dataclass(frozen=True, slots=True)
class Terms:
    """
    How one instrument counts in one account currency: minor = raw x num / den x rate.

    `conversion` is None where the quote currency is the account's own.
    """

    instrument: Instrument
    conversion: Conversion | None
    convertible: bool
    num: int
    den: int


def conversion(
    instruments: Sequence[Instrument], *, quote: str, currency: str
) -> Conversion | None:
    """Return how `quote` becomes `currency`: by C/ACC if it is traded, else ACC/C, else None."""
    for base, other, inverted in ((quote, currency, False), (currency, quote, True)):
        for each in instruments:
            if (each.base, each.quote) == (base, other):
                return Conversion(
                    symbol=each.symbol, inverted=inverted, price_digits=each.price_digits
                )
    return None


def terms_by_symbol(setup: AccountSetup) -> dict[str, Terms]:
    """Return the terms of every instrument of `setup`, by symbol."""
    return {each.symbol: _terms(setup, each) for each in setup.instruments}


def _terms(setup: AccountSetup, instrument: Instrument) -> Terms:
    num = 10 ** MINOR_DIGITS[setup.currency]
    den = 10 ** (instrument.price_digits + instrument.qty_digits)
    by = None
    if instrument.quote != setup.currency:
        by = conversion(setup.instruments, quote=instrument.quote, currency=setup.currency)
    if by is not None:
        scale: int = 10**by.price_digits
        num, den = (num * scale, den) if by.inverted else (num, den * scale)
    common = gcd(num, den)
    convertible = by is not None or instrument.quote == setup.currency
    return Terms(instrument, by, convertible, num // common, den // common)


def rate_price(terms: Terms, conversion_mark: Mark | None, *, gain: bool) -> int:
    """Return the conversion price for a gain or a loss; 1 where nothing is converted."""
    if terms.conversion is None or conversion_mark is None:
        return 1
    if terms.conversion.inverted:
        return conversion_mark.ask if gain else conversion_mark.bid
    return conversion_mark.bid if gain else conversion_mark.ask


def in_minor(terms: Terms, raw: int, rate: int) -> int:
    """Return `raw` quote units in minor units of the account, half to even, once."""
    if terms.conversion is not None and terms.conversion.inverted:
        return half_even(raw * terms.num, terms.den * rate)
    return half_even(raw * terms.num * rate, terms.den)


def pnl_minor(terms: Terms, qty: int, cost: int, price: int, conversion_mark: Mark | None) -> int:
    """Return what closing `qty` that cost `cost` at `price` brings, in minor units."""
    raw = qty * price - cost
    return in_minor(terms, raw, rate_price(terms, conversion_mark, gain=raw >= 0))


def margin_minor(
    terms: Terms, qty: int, price: int, conversion_mark: Mark | None, leverage: int
) -> int:
    """Return the margin of `qty` at `price`: notional as a loss converts, by leverage, up."""
    notional = abs(qty) * price * terms.num
    rate = rate_price(terms, conversion_mark, gain=False)
    if terms.conversion is not None and terms.conversion.inverted:
        return -(-notional // (terms.den * rate * leverage))
    return -(-notional * rate // (terms.den * leverage))


def closing_price(qty: int, mark: Mark) -> int:
    """Return the side at which a position of `qty` closes: long at bid, short at ask."""
    return mark.bid if qty > 0 else mark.ask


def cost_of_part(qty: int, cost: int, closed: int) -> int:
    """Return the cost of `closed` of `qty` (same sign), half to even; the last takes the rest."""
    if closed == qty:
        return cost
    return half_even(cost * closed, qty) if qty > 0 else half_even(-cost * closed, -qty)
