"""Whether a failed call is tried again, and after how long: a row on each side of each boundary."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.kernel.errors import Conflict, OutcomeUnknown, Throttled, Unavailable
from tradesense.resilience.refusals import BreakerOpen, CutOff, NoRoom, NoTimeLeft
from tradesense.resilience.retry import Decorrelated, RetrySettings, Steps
from tradesense.resilience.retry.decisions import Again, Failed, GiveUp, after_failure
from tradesense.resilience.sorts import Sorts

STEPS = Steps((1.0, 2.0, 4.0))
INF = float("inf")


class Busy(Unavailable):
    def __init__(self, retry_after_s):
        super().__init__("busy")
        self.retry_after_s = retry_after_s


def decide(error, *, tries=1, elapsed_s=0.0, left_s=INF, chance=0.0, **settings):
    chosen = RetrySettings(**{"tries_max": 4, "backoff": STEPS} | settings)
    failed = Failed(error, tries, elapsed_s, left_s, 0.0)
    return after_failure(failed, chosen, Sorts.read("on", chosen.on), chance)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (Unavailable(), True),
        (OutcomeUnknown(), False),
        (CutOff("t", 1.0), False),
        (Conflict(), False),
        (Throttled("slow down", retry_after_s=1.0), False),
        (ValueError(), False),
        (BreakerOpen("b", 0.1), False),
        (NoRoom("b", 0.1), False),
        (NoTimeLeft("b", 0.0), False),
        (ExceptionGroup("", [Unavailable(), Unavailable()]), True),
        (ExceptionGroup("", [Unavailable(), Conflict()]), False),
        (ExceptionGroup("", [Unavailable(), ExceptionGroup("", [NoRoom("b", 1.0)])]), False),
    ],
)
def test_only_what_certainly_did_not_happen_is_tried_again(error, again):
    assert isinstance(decide(error), Again) is again


@pytest.mark.parametrize("error", [OutcomeUnknown(), CutOff("t", 1.0)])
def test_what_may_have_happened_is_tried_again_under_its_key_only(error):
    assert isinstance(decide(error, on=(Exception,)), GiveUp)
    assert isinstance(decide(error, repeatable=True), Again)


def test_a_cancellation_inside_a_group_is_not_tried_again():
    group = BaseExceptionGroup("", [asyncio.CancelledError(), Unavailable()])
    assert isinstance(decide(group), GiveUp)


@pytest.mark.parametrize(
    ("tries", "decision"),
    [(1, Again(1.0)), (2, Again(2.0)), (3, Again(4.0)), (4, GiveUp("no tries left"))],
)
def test_steps_are_taken_one_by_one(tries, decision):
    assert decide(Unavailable(), tries=tries) == decision


@pytest.mark.parametrize(
    ("asked_s", "after_s"),
    [(0.5, 1.0), (1.5, 1.5), (29.0, 29.0), (31.0, 30.0), (None, 1.0), (0, 1.0)],
)
def test_a_retry_after_is_honoured_up_to_its_cap(asked_s, after_s):
    decision = decide(Busy(asked_s), elapsed_max_s=100, retry_after_max_s=30)
    assert decision == Again(after_s)


@pytest.mark.parametrize(("elapsed_s", "again"), [(29.0, True), (29.1, False)])
def test_no_try_begins_after_the_time_allowed(elapsed_s, again):
    assert isinstance(decide(Unavailable(), elapsed_s=elapsed_s, elapsed_max_s=30), Again) is again


@pytest.mark.parametrize(("left_s", "again"), [(1.1, True), (1.0, False), (-1.0, False)])
def test_no_try_begins_after_the_deadline(left_s, again):
    assert isinstance(decide(Unavailable(), left_s=left_s), Again) is again


@given(st.floats(0, 100), st.floats(0, 1, exclude_max=True), st.floats(0.01, 5), st.floats(1, 20))
def test_decorrelated_pauses_stay_between_first_and_cap(before_s, chance, first_s, times):
    backoff = Decorrelated(first_s=first_s, cap_s=first_s * times)
    pause_s = backoff.pause_s(1, before_s, chance)
    assert first_s <= pause_s <= first_s * times
    assert pause_s <= max(3 * max(before_s, first_s), first_s)


def test_decorrelated_pauses_spread_callers_apart():
    backoff = Decorrelated(first_s=1.0, cap_s=100.0)
    assert [backoff.pause_s(1, 0.0, chance / 4) for chance in range(4)] == [1.0, 1.5, 2.0, 2.5]
    assert backoff.pause_s(2, 2.5, 0.5) == 1.0 + 0.5 * (7.5 - 1.0)
