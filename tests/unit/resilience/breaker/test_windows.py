"""What opens a breaker: a table with a row on each side of every boundary."""

import pytest

from tradesense.resilience.breaker import BreakerSettings, CountWindow, Machine, State, Streak
from tradesense.resilience.breaker.settings import TimeWindow

RATED = {"calls_min": 4, "failure_rate": 0.5, "slow_call_s": 2.0, "slow_rate": 0.75}
COUNT = CountWindow(calls=8, **RATED)
TIME = TimeWindow(window_s=10.0, buckets=10, **RATED)
STREAK = Streak(failures=3)

A, F, S = "answer", "failure", "slow answer"


def machine_of(window, **settings):
    settings = BreakerSettings(window=window, **settings)
    return Machine(
        "m", settings, now=0.0, chance=lambda: 0.0, tell=lambda _: None, lament=lambda _: None
    )


def play(machine, calls, *, now=0.0, every_s=0.0):
    for call in calls:
        permit = machine.admit(now)
        took_s = 2.0 if call == S else 0.1
        if call == F:
            permit.fail(now - took_s, now, ConnectionError())
        else:
            permit.settle(now - took_s, now, call)
        now += every_s
    return machine.state


@pytest.mark.parametrize(
    ("window", "calls", "state"),
    [
        (STREAK, [F, F], State.CLOSED),
        (STREAK, [F, F, F], State.OPEN),
        (STREAK, [F, F, A, F, F], State.CLOSED),
        (STREAK, [F, F, A, F, F, F], State.OPEN),
        *[
            row
            for window in (COUNT, TIME)
            for row in [
                (window, [F, F, F], State.CLOSED),  # below the minimum
                (window, [F, F, F, F], State.OPEN),
                (window, [A, A, F, F], State.OPEN),  # exactly the rate
                (window, [A, A, A, F], State.CLOSED),
                (window, [A, A, A, F, F], State.CLOSED),  # 2 of 5
                (window, [A, A, A, F, F, F], State.OPEN),  # 3 of 6
                (window, [F, F, A, A], State.OPEN),  # the answer that makes the minimum
                (window, [S, S, S], State.CLOSED),
                (window, [S, S, S, A], State.OPEN),
                (window, [S, S, A, A], State.CLOSED),
                (window, [A, S, S, S], State.OPEN),
            ]
        ],
    ],
)
def test_enough_failures_or_slow_calls_open_it(window, calls, state):
    assert play(machine_of(window), calls) is state


def test_a_count_window_forgets_the_call_before_its_last_eight():
    assert play(machine_of(COUNT), [F, A, A, A, A, A, A, A, F, F, F]) is State.CLOSED  # 3 of 8
    assert play(machine_of(COUNT), [A, A, A, A, A, F, A, F, F, F]) is State.OPEN  # 4 of 8


@pytest.mark.parametrize(("later_s", "state"), [(8.9, State.OPEN), (11.0, State.CLOSED)])
def test_a_time_window_forgets_what_is_older_than_it(later_s, state):
    machine = machine_of(TIME)
    play(machine, [F, A, A], now=0.5)
    assert play(machine, [F], now=0.5 + later_s) is state


def test_a_time_window_never_counts_what_is_older_than_it():
    machine = machine_of(TIME)
    play(machine, [F] * 3, now=0.99)
    for now in range(2, 30):
        calls = machine.snapshot(float(now)).calls
        assert calls == (3 if now < 10 else 0), now


def test_a_healthy_time_window_still_knows_how_many_calls_it_saw():
    machine = machine_of(TIME)
    play(machine, [A] * 1000, every_s=0.01)
    assert 900 <= machine.snapshot(10.0).calls <= 1000


def test_a_result_can_be_a_failure():
    machine = machine_of(STREAK, failing_result=lambda status: status >= 500)
    for status in (200, 503, 503, 404, 503, 503):
        machine.admit(0.0).settle(0.0, 0.0, status)
    assert machine.state is State.CLOSED
    machine.admit(0.0).settle(0.0, 0.0, 503)
    assert machine.state is State.OPEN


@pytest.mark.parametrize("window", [COUNT, TIME, STREAK])
def test_a_question_about_results_that_fails_costs_nobody_the_answer(window):
    laments = []
    settings = BreakerSettings(window=window, failing_result=lambda result: result["status"])
    machine = Machine(
        "m", settings, now=0.0, chance=lambda: 0.0, tell=lambda _: None, lament=laments.append
    )
    machine.admit(0.0).settle(0.0, 0.0, "no dictionary")
    assert laments == ["failing_result"]
    assert machine.state is State.CLOSED
