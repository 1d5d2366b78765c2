"""The adaptive limit: grows while calls are quick, shrinks when they are not, stays in bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.resilience.limits import GradientSettings
from tradesense.resilience.limits.gradient import Gradient

SETTINGS = GradientSettings(least=2, most=50, start=10, step_calls=1)


def learn(gradient, seconds, *, steps, in_use=None):
    for _ in range(steps):
        gradient.measure(seconds, gradient.limit if in_use is None else in_use)
    return gradient.limit


def test_it_grows_while_calls_take_as_long_as_usual():
    assert learn(Gradient(SETTINGS), 0.1, steps=200) == 50


def test_it_shrinks_when_calls_take_longer_and_recovers_after():
    gradient = Gradient(SETTINGS)
    learn(gradient, 0.1, steps=60)
    assert learn(gradient, 1.0, steps=15) < 20
    assert learn(gradient, 0.1, steps=300) == 50


def test_what_is_always_slow_is_as_quick_as_it_can_be():
    assert learn(Gradient(SETTINGS), 10.0, steps=200) == 50


def test_lasting_overload_is_not_taken_for_usual():
    gradient = Gradient(SETTINGS)
    learn(gradient, 0.1, steps=60)
    assert learn(gradient, 1.0, steps=300) < 10


def test_a_dependency_that_is_slower_for_good_is_forgiven():
    gradient = Gradient(SETTINGS)
    learn(gradient, 0.1, steps=60)
    assert learn(gradient, 1.0, steps=900) == 50


def test_idle_calls_teach_nothing():
    assert learn(Gradient(SETTINGS), 0.1, steps=100, in_use=4) == 10


def test_it_moves_once_for_so_many_calls():
    gradient = Gradient(GradientSettings(start=10, step_calls=5))
    assert [gradient.measure(0.1, 10) for _ in range(5)] == [10, 10, 10, 10, 10]
    learn(gradient, 0.1, steps=10)
    assert gradient.limit > 10


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 100)), max_size=200))
def test_it_never_leaves_its_bounds(calls):
    gradient = Gradient(SETTINGS)
    for seconds, in_use in calls:
        assert 2 <= gradient.measure(seconds, in_use) <= 50


@pytest.mark.parametrize("seconds", [0.0, 1e-9])
def test_calls_that_take_no_time_do_no_harm(seconds):
    assert learn(Gradient(SETTINGS), seconds, steps=100) >= 10
