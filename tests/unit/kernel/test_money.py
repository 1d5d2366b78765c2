"""Money is exact, and knows its currency."""

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.kernel.money import MINOR_DIGITS, Money, half_even

MINORS = st.integers(-(10**15), 10**15)


@given(MINORS, MINORS)
def test_adds_and_subtracts_exactly(one, other):
    assert (Money(one, "USD") + Money(other, "USD")).minor == one + other
    assert (Money(one, "USD") - Money(other, "USD")).minor == one - other
    assert -Money(one, "USD") == Money(-one, "USD")


@given(MINORS, MINORS)
def test_orders_by_amount(one, other):
    assert (Money(one, "EUR") < Money(other, "EUR")) == (one < other)
    assert (Money(one, "EUR") > Money(other, "EUR")) == (one > other)
    assert (Money(one, "EUR") <= Money(other, "EUR")) == (one <= other)
    assert (Money(one, "EUR") >= Money(other, "EUR")) == (one >= other)


@pytest.mark.parametrize(
    "mix", [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a < b, lambda a, b: a >= b]
)
def test_currencies_do_not_mix(mix):
    with pytest.raises(TypeError, match="cannot mix USD and EUR"):
        mix(Money(1, "USD"), Money(1, "EUR"))


def test_an_unknown_currency_is_refused():
    with pytest.raises(ValueError, match="unknown currency 'XAU'"):
        Money(1, "XAU")


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(0, "USD"), "0.00 USD"),
        (Money(5, "USD"), "0.05 USD"),
        (Money(-5, "USD"), "-0.05 USD"),
        (Money(-123_456, "USD"), "-1,234.56 USD"),
        (Money(1_234_567, "JPY"), "1,234,567 JPY"),
        (Money(1_234_567, "BHD"), "1,234.567 BHD"),
    ],
)
def test_reads_as_people_write_it(money, text):
    assert str(money) == text


@given(MINORS, st.sampled_from(sorted(MINOR_DIGITS)))
def test_text_says_the_exact_amount(minor, currency):
    written = str(Money(minor, currency)).split()[0].replace(",", "")
    assert Decimal(written).scaleb(MINOR_DIGITS[currency]) == minor


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**15))
def test_half_even_is_the_decimal_rounding(numerator, denominator):
    exact, remainder = divmod(numerator, denominator)
    half = Decimal(2 * remainder - denominator)  # its sign says on which side of the half we are
    expected = exact + (half > 0 or (half == 0 and exact % 2 == 1))
    assert half_even(numerator, denominator) == expected
    assert abs(half_even(numerator, denominator) * denominator - numerator) * 2 <= denominator


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [(1, 2, 0), (3, 2, 2), (5, 2, 2), (-1, 2, 0), (-3, 2, -2), (7, 3, 2), (-7, 3, -2), (8, 3, 3)],
)
def test_half_even_on_each_side_of_a_half(numerator, denominator, rounded):
    assert half_even(numerator, denominator) == rounded
    whole = (Decimal(numerator) / denominator).quantize(Decimal(1), ROUND_HALF_EVEN)
    assert whole == rounded


@pytest.mark.parametrize("denominator", [0, -1])
def test_half_even_needs_a_positive_denominator(denominator):
    with pytest.raises(ValueError, match="positive"):
        half_even(1, denominator)
