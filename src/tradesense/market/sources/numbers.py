"""Numbers as price files write them, read exactly: text to integers, never through a float."""

import re
from decimal import ROUND_HALF_EVEN, Decimal

_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_FRACTION_OF_MS = re.compile(r"[0-9]{1,8}\.[0-9]{1,20}", re.ASCII)
YEARS = range(1971, 2200)  # since currencies float; calendars and clocks hold all of them
_PRICE_MAX = 10**15  # far above any price; keeps the products of the engine within its bounds
_MS_OF_DAY = 86_400_000
_US_DIGITS = 3


class Malformed(ValueError):
    """A field does not read as what it should be; the message says which and why."""


class Prices:
    """
    Reads the prices of one file: text to integers of 10^-digits, each distinct text once.

    A price with more digits than the instrument has is rounded half to even, and counted in
    `rounded`: vendors write float artefacts (1.3872499999999999), and a sixth digit of a
    currency cannot be traded. The tape holds the rounded price, so everybody judges the same.
    """

    def __init__(self, digits: int) -> None:
        self._digits = digits
        self.known: dict[str, int] = {}
        self.rounded = 0

    def read(self, text: str) -> int:
        """Return the price that `text` says. Raises Malformed unless it is a positive number."""
        known = self.known.get(text)
        if known is not None:
            return known
        if not _NUMBER.fullmatch(text):
            raise Malformed(f"{_shown(text)} is no price")
        exact = Decimal(text).scaleb(self._digits)
        price = int(exact.to_integral_value(rounding=ROUND_HALF_EVEN))
        if not 0 < price < _PRICE_MAX:
            raise Malformed(f"{_shown(text)} is no price that something could have")
        if price == exact:
            self.known[text] = price
        else:
            self.rounded += 1
        return price


def ms_of_day(text: str) -> int:
    """
    Return microseconds since midnight of `text` in milliseconds, whole or with a fraction.

    What lies below a microsecond is cut, so that no price is stamped later than it was.
    """
    if text.isascii() and text.isdigit():
        us = int(text) * 1000
    elif _FRACTION_OF_MS.fullmatch(text):
        whole, _, part = text.partition(".")
        us = int(whole) * 1000 + int(part[:_US_DIGITS].ljust(_US_DIGITS, "0"))
    else:
        raise Malformed(f"{_shown(text)} is no time: milliseconds since midnight are expected")
    if us >= _MS_OF_DAY * 1000:
        raise Malformed(f"{_shown(text)} ms lie beyond the end of the day")
    return us


def require_size(text: str) -> None:
    """Raise Malformed unless `text` is a number; sizes are checked, not used."""
    if not _NUMBER.fullmatch(text):
        raise Malformed(f"{_shown(text)} is no size")


def _shown(text: str) -> str:
    length = 40
    return repr(text if len(text) <= length else text[:length] + "…")
