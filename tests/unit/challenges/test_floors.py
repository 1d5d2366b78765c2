"""Every preset's numbers, on both sides of every boundary."""

import pytest

from tradesense.challenges import programmes
from tradesense.challenges.model import Comparison, LossLimit, Programme
from tradesense.challenges.rules import floor_minor, is_breached, permitted_minor

USD = 100


def limit(programme: Programme, name: str) -> LossLimit:
    return next(each for each in programme.limits if each.name == name)


def breaks(rule: LossLimit, value: int, *, initial: int, reference: int) -> bool:
    floor = floor_minor(rule, initial=initial, reference=reference)
    return is_breached(rule.comparison, value=value, floor=floor)


# programme, limit, initial, reference, lowest value that holds, highest value that breaches: USD
BOUNDARIES = [
    (programmes.FTMO_2STEP, "daily loss", 100_000, 100_000, 95_000, 94_999.99),
    (programmes.FTMO_2STEP, "daily loss", 100_000, 104_000, 99_000, 98_999.99),
    (programmes.FTMO_2STEP, "daily loss", 100_000, 96_000, 91_000, 90_999.99),
    (programmes.FTMO_2STEP, "overall loss", 100_000, 100_000, 90_000, 89_999.99),
    (programmes.FTMO_1STEP, "daily loss", 100_000, 100_000, 97_000, 96_999.99),
    (programmes.FTMO_1STEP, "overall loss", 100_000, 100_000, 90_000, 89_999.99),
    (programmes.FTMO_1STEP, "overall loss", 100_000, 104_000, 94_000, 93_999.99),
    (programmes.FUNDEDNEXT_2STEP, "daily loss", 100_000, 102_000, 97_000, 96_999.99),
    (programmes.FUNDEDNEXT_2STEP, "overall loss", 100_000, 100_000, 90_000, 89_999.99),
    (programmes.THE5ERS_HIGH_STAKES, "daily loss", 100_000, 110_000, 104_500.01, 104_500),
    (programmes.THE5ERS_HIGH_STAKES, "overall loss", 100_000, 100_000, 90_000.01, 90_000),
    (programmes.ALPHA_PRO, "daily loss", 100_000, 110_000, 104_500, 104_499.99),
    (programmes.ALPHA_PRO, "overall loss", 100_000, 100_000, 90_000, 89_999.99),
    (programmes.BLUE_GUARDIAN, "daily loss", 100_000, 103_000, 99_000, 98_999.99),
    (programmes.BLUE_GUARDIAN, "overall loss", 100_000, 100_000, 92_000, 91_999.99),
    (programmes.BREAKOUT_1STEP, "daily loss", 100_000, 105_000, 100_800.01, 100_800),
    (programmes.BREAKOUT_1STEP, "overall loss", 100_000, 100_000, 94_000, 93_999.99),
    (programmes.TOPSTEP_50K, "daily loss", 50_000, 50_500, 49_500, 49_499.99),
    (programmes.TOPSTEP_50K, "overall loss", 50_000, 50_500, 48_500, 48_499.99),
    (programmes.TOPSTEP_50K, "overall loss", 50_000, 52_500, 50_000, 49_999.99),
    (programmes.APEX_50K, "overall loss", 50_000, 52_599.99, 50_099.99, 50_099.98),
    (programmes.APEX_50K, "overall loss", 50_000, 52_600, 50_100, 50_099.99),
    (programmes.APEX_50K, "overall loss", 50_000, 60_000, 50_100, 50_099.99),
]


@pytest.mark.parametrize(
    ("programme", "name", "initial", "reference", "holds", "breaches"),
    BOUNDARIES,
    ids=lambda value: getattr(value, "code", str(value)),
)
def test_a_limit_turns_exactly_at_its_floor(
    *, programme, name, initial, reference, holds, breaches
):
    rule = limit(programme, name)
    stands = {"initial": initial * USD, "reference": round(reference * USD)}
    assert not breaks(rule, round(holds * USD), **stands)
    assert breaks(rule, round(breaches * USD), **stands)


@pytest.mark.parametrize(
    ("comparison", "value", "breached"),
    [
        (Comparison.BELOW, 101, False),
        (Comparison.BELOW, 100, False),
        (Comparison.BELOW, 99, True),
        (Comparison.AT_OR_BELOW, 101, False),
        (Comparison.AT_OR_BELOW, 100, True),
        (Comparison.AT_OR_BELOW, 99, True),
    ],
)
def test_exact_touch_obeys_the_comparison(comparison, value, breached):
    assert is_breached(comparison, value=value, floor=100) is breached


def test_a_floating_loss_of_2001_at_a_balance_of_92000_breaches_the_overall_limit():
    """FTMO's first warning: what is closed and what floats count together."""
    rule = limit(programmes.FTMO_2STEP, "overall loss")
    account = {"initial": 100_000 * USD, "reference": 100_000 * USD}
    assert breaks(rule, (92_000 - 2_001) * USD, **account)
    assert not breaks(rule, (92_000 - 2_000) * USD, **account)


def test_a_floating_loss_inside_yesterdays_limit_can_breach_when_the_new_level_is_set():
    """FTMO's second warning: 4,000 closed and 5,500 floating is fine until midnight."""
    rule = limit(programmes.FTMO_2STEP, "daily loss")
    equity = (104_000 - 5_500) * USD
    assert not breaks(rule, equity, initial=100_000 * USD, reference=100_000 * USD)
    assert breaks(rule, equity, initial=100_000 * USD, reference=104_000 * USD)


def test_a_trailing_floor_locks_at_initial_for_ever():
    rule = limit(programmes.TOPSTEP_50K, "overall loss")
    floors = [
        floor_minor(rule, initial=50_000 * USD, reference=peak * USD)
        for peak in (50_000, 51_000, 52_000, 53_000, 70_000)
    ]
    assert floors == [each * USD for each in (48_000, 49_000, 50_000, 50_000, 50_000)]


def test_a_share_of_the_reference_is_rounded_half_to_even():
    rule = limit(programmes.ALPHA_PRO, "daily loss")
    assert permitted_minor(rule, initial=10_000_000, reference=10_000_010) == 500_000
    assert permitted_minor(rule, initial=10_000_000, reference=10_000_030) == 500_002
