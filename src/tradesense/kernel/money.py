"""Money as whole minor units: exact, comparable, never a float."""

from dataclasses import dataclass
from typing import Self

# Digits after the point (ISO 4217 list one). Only what we sell or convert; others are refused.
MINOR_DIGITS = {
    "USD": 2, "EUR": 2, "GBP": 2, "CHF": 2, "AUD": 2, "NZD": 2, "CAD": 2,
    "JPY": 0, "KRW": 0,
    "BHD": 3, "KWD": 3, "TND": 3,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of `minor` units (cents for USD, yen for JPY) in ISO 4217 `currency`."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in MINOR_DIGITS:
            raise ValueError(
                f"unknown currency {self.currency!r}; known: {', '.join(MINOR_DIGITS)}"
            )

    def __add__(self, other: Self) -> Self:
        self._require_same_currency(other)
        return type(self)(self.minor + other.minor, self.currency)

    def __sub__(self, other: Self) -> Self:
        self._require_same_currency(other)
        return type(self)(self.minor - other.minor, self.currency)

    def __neg__(self) -> Self:
        return type(self)(-self.minor, self.currency)

    def __lt__(self, other: Self) -> bool:
        self._require_same_currency(other)
        return self.minor < other.minor

    def __ge__(self, other: Self) -> bool:
        return not self < other

    def __str__(self) -> str:
        """Return `-1,234.56 USD`."""
        digits = MINOR_DIGITS[self.currency]
        whole, part = divmod(abs(self.minor), 10**digits)
        sign = "-" if self.minor < 0 else ""
        point = f".{part:0{digits}d}" if digits else ""
        return f"{sign}{whole:,}{point} {self.currency}"

    def _require_same_currency(self, other: Self) -> None:
        if self.currency != other.currency:
            raise TypeError(f"cannot mix {self.currency} and {other.currency}")


def half_even(numerator: int, denominator: int) -> int:
    """Return `numerator / denominator` rounded half to even; exact. The denominator is positive."""
    if denominator <= 0:
        raise ValueError("the denominator is positive")
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient % 2):
        quotient += 1
    return quotient
