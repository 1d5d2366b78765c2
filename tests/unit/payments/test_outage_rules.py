"""When a provider is contained and when it is used again: a row on each side of every boundary."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.payments.outages import rules
from tradesense.payments.outages.model import Condition, Outage, Sighting

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
WELL = Outage(provider="stripe", condition=Condition.WELL, number=0, streak=0, why="", since=NOW)
CONTAINED = replace(WELL, condition=Condition.CONTAINED, number=1, why="trouble")
CALM = Sighting(
    calls=0,
    failures=0,
    recent_calls=0,
    recent_failures=0,
    nodes=1,
    open_nodes=0,
    standing_s=1_000.0,
)


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ({"calls": 1_000, "failures": 1}, None),  # 99.9 %
        ({"calls": 1_000, "failures": 2}, rules.TOO_FEW_SUCCEED),
        ({"calls": 999, "failures": 1}, rules.TOO_FEW_SUCCEED),
        ({"calls": 20, "failures": 1}, rules.TOO_FEW_SUCCEED),
        ({"calls": 19, "failures": 19}, None),  # too few to speak of a rate
        ({"calls": 20, "failures": 0}, None),
        ({"nodes": 1, "open_nodes": 1}, rules.BREAKER_OPEN),
        ({"nodes": 3, "open_nodes": 1}, None),  # one bad node
        ({"nodes": 2, "open_nodes": 1}, rules.BREAKER_OPEN),
        ({"nodes": 3, "open_nodes": 2}, rules.BREAKER_OPEN),
        ({"nodes": 0, "open_nodes": 0}, None),
    ],
)
def test_trouble_contains_a_provider(seen, why):
    after = rules.judge(WELL, replace(CALM, **seen), NOW)

    if why is None:
        assert after is None
    else:
        assert (after.condition, after.why, after.number) == (Condition.CONTAINED, why, 1)


@pytest.mark.parametrize(
    ("seen", "is_restored"),
    [
        ({"recent_calls": 3}, True),
        ({"recent_calls": 2}, False),
        ({"recent_calls": 3, "recent_failures": 1}, False),
        ({"recent_calls": 3, "open_nodes": 1}, False),
        ({"recent_calls": 3, "standing_s": 9.9}, False),
        ({"recent_calls": 3, "standing_s": 10.0}, True),
        ({"recent_calls": 3, "calls": 100, "failures": 90}, True),  # long ago
    ],
)
def test_a_contained_provider_is_used_again_once_it_answers_well(seen, is_restored):
    after = rules.judge(CONTAINED, replace(CALM, **seen), NOW)

    assert (after is not None) is is_restored
    if is_restored:
        assert (after.condition, after.number) == (Condition.WELL, 1)


def test_each_relapse_makes_it_wait_twice_as_long_up_to_five_minutes():
    outage, waits, now = WELL, [], NOW
    for _ in range(8):
        outage = rules.judge(outage, replace(CALM, open_nodes=1), now)
        waits.append(rules.recovery_s(outage))
        well = replace(CALM, recent_calls=3)
        outage = rules.judge(outage, well, now + timedelta(minutes=1))
        now += timedelta(minutes=2)

    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]


def test_an_outage_long_after_the_last_one_is_no_relapse():
    restored = replace(WELL, number=4, streak=3, since=NOW)
    open_breaker = replace(CALM, open_nodes=1)

    soon = rules.judge(restored, open_breaker, NOW + timedelta(minutes=14, seconds=59))
    late = rules.judge(restored, open_breaker, NOW + timedelta(minutes=15))

    assert (soon.streak, late.streak) == (4, 0)


@given(
    st.builds(
        Sighting,
        calls=st.integers(0, 10**6),
        failures=st.integers(0, 10**6),
        recent_calls=st.integers(0, 10**3),
        recent_failures=st.integers(0, 10**3),
        nodes=st.integers(0, 50),
        open_nodes=st.integers(0, 50),
        standing_s=st.floats(0, 10**6),
    )
)
def test_nothing_that_was_seen_both_contains_and_restores(seen):
    """Else a provider would go to and fro by itself, with its buyers told each time."""
    contained = rules.judge(WELL, seen, NOW)
    same_window = replace(seen, recent_calls=seen.calls, recent_failures=seen.failures)
    if contained is not None and seen.failures:
        assert rules.judge(CONTAINED, same_window, NOW) is None
