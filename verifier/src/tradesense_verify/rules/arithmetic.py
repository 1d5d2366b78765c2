"""
Money from prices: exact fractions, rounded once, half to even, to whole minor units.

Equity counts a position at the side it would close at: long at bid, short at ask. A profit in
another currency converts at the bid of C/ACC or at 1/ask of ACC/C, a loss at the ask or 1/bid.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

MINOR_DIGITS = {
    "USD": 2, "EUR": 2, "GBP": 2, "CHF": 2, "AUD": 2, "NZD": 2, "CAD": 2,
    "JPY": 0, "KRW": 0,
    "BHD": 3, "KWD": 3, "TND": 3,
}  # fmt: skip


class Quote(NamedTuple):
    """The last valid quote of a symbol and its place on the tape."""

    bid: int
    ask: int
    at_us: int
    seq: int


@dataclass(frozen=True, slots=True)
class Conversion:
    """The symbol whose quote turns a currency into the account's; `inverted` divides by it."""

    symbol: str
    inverted: bool
    price_digits: int

    def side(self, quote: Quote, *, gain: bool) -> int:
        """Return the price that counts: always the one that is worse for the trader."""
        return quote.bid if gain != self.inverted else quote.ask

    def rate(self, price: int) -> Fraction:
        """Return what one unit of the currency is worth in the account's."""
        value = Fraction(price, 10**self.price_digits)
        return 1 / value if self.inverted else value


@dataclass(frozen=True, slots=True)
class Scale:
    """How the whole numbers of one instrument count in the account's minor units."""

    conversion: Conversion | None
    convertible: bool
    minor_per_unit: Fraction  # minor units per (price unit x quantity unit), before conversion

    def minor(self, raw: int, conversion_price: int | None) -> Fraction:
        """Return `raw` (price units x quantity units) in minor units, exact."""
        value = raw * self.minor_per_unit
        if self.conversion is None or conversion_price is None:
            return value
        return value * self.conversion.rate(conversion_price)


def half_even(numerator: int, denominator: int) -> int:
    """Return the whole number nearest to the quotient; of two equally near, the even one."""
    return round(Fraction(numerator, denominator))


def profit_minor(scale: Scale, raw: int, conversion_price: int | None) -> int:
    """Return a profit or loss in whole minor units."""
    return round(scale.minor(raw, conversion_price))


def margin_minor(scale: Scale, notional: int, conversion_price: int | None, leverage: int) -> int:
    """Return the margin of a notional (price units x quantity units), rounded up."""
    return math.ceil(scale.minor(notional, conversion_price) / leverage)


def money(minor: int, currency: str) -> str:
    """Return `-1,234.56 USD`."""
    digits = MINOR_DIGITS[currency]
    whole, part = divmod(abs(minor), 10**digits)
    point = f".{part:0{digits}d}" if digits else ""
    return f"{'-' if minor < 0 else ''}{whole:,}{point} {currency}"


def decimal(value: int, digits: int) -> str:
    """Return `1.38701` for 138701 with five digits."""
    whole, part = divmod(abs(value), 10**digits)
    point = f".{part:0{digits}d}" if digits else ""
    return f"{'-' if value < 0 else ''}{whole:,}{point}"
