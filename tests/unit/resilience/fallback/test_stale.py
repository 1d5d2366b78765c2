"""The last known answer, with its age; and one question at a time."""

import asyncio
import traceback

import pytest

from tradesense.kernel.errors import Conflict, OutcomeUnknown, Unavailable
from tradesense.resilience.deadline import deadline
from tradesense.resilience.fallback import Aged, StaleIfError, StaleSettings
from tradesense.resilience.refusals import NoTimeLeft
from unit.resilience.driven import IN_LOOP, Driven, in_driven_time


class Source:
    """Answers or raises what it is told."""

    def __init__(self, *outcomes, takes_s=0.0):
        self.outcomes = list(outcomes)
        self.asked = 0
        self.takes_s = takes_s

    async def __call__(self, *_args):
        self.asked += 1
        outcome = self.outcomes.pop(0)
        await asyncio.sleep(self.takes_s)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


def cache_of(driven, **settings):
    return StaleIfError("c", StaleSettings(**settings), surroundings=driven.surroundings)


async def test_an_answer_is_given_again_while_it_is_fresh():
    driven, source = Driven(), Source(1, 2)
    price = cache_of(driven, fresh_s=10.0)(source)
    assert await price("EUR") == Aged(1, 0.0, is_stale=False)
    driven.pass_time(9.9)
    assert await price("EUR") == Aged(1, pytest.approx(9.9), is_stale=False)
    driven.pass_time(0.1)
    assert (await price("EUR")).value == 2


@pytest.mark.parametrize("error", [Unavailable(), OutcomeUnknown()])
async def test_a_failure_is_answered_with_the_last_value_and_its_age(error):
    driven, source = Driven(), Source(1, error)
    price = cache_of(driven, age_max_s=60.0)(source)
    await price("EUR")
    driven.pass_time(60.0)
    assert await price("EUR") == Aged(1, 60.0, is_stale=True)


async def test_what_is_too_old_is_not_given():
    driven, source = Driven(), Source(1, Unavailable())
    price = cache_of(driven, age_max_s=60.0)(source)
    await price("EUR")
    driven.pass_time(60.1)
    with pytest.raises(Unavailable):
        await price("EUR")


@pytest.mark.parametrize(
    "error", [Conflict(), ExceptionGroup("two", [Unavailable(), Conflict()])], ids=["one", "group"]
)
async def test_a_rule_that_says_no_is_not_answered_with_old_news(error):
    driven, source = Driven(), Source(1, error)
    price = cache_of(driven)(source)
    await price("EUR")
    with pytest.raises(type(error)):
        await price("EUR")


async def test_keys_are_apart_and_the_least_used_goes_first():
    answers = {"A": "a", "B": "b", "C": "c"}
    asked = []

    async def ask(key):
        asked.append(key)
        return answers[key]

    price = cache_of(Driven(), fresh_s=60.0, entries_max=2)(ask)
    for key in "ABACAB":
        assert (await price(key)).value == answers[key]
    assert asked == ["A", "B", "C", "B"], "B made room for C, as A had been used since"


@in_driven_time
async def test_however_many_ask_the_source_is_asked_once():
    source = Source(1, takes_s=1.0)
    price = StaleIfError("c", surroundings=IN_LOOP)(source)
    answers = await asyncio.gather(*(price("EUR") for _ in range(100)))
    assert {answer.value for answer in answers} == {1}
    assert source.asked == 1


@in_driven_time
async def test_one_failure_is_everybodys_and_no_traceback_grows():
    source = Source(Unavailable("down"), takes_s=1.0)
    price = StaleIfError("c", surroundings=IN_LOOP)(source)
    errors = await asyncio.gather(*(price("EUR") for _ in range(50)), return_exceptions=True)
    assert source.asked == 1
    assert len({id(error) for error in errors}) == 1
    assert len(traceback.extract_tb(errors[0].__traceback__)) < 10


@in_driven_time
async def test_when_who_asked_is_cancelled_another_asks():
    source = Source(1, 2, takes_s=1.0)
    price = StaleIfError("c", surroundings=IN_LOOP)(source)
    first = asyncio.ensure_future(price("EUR"))
    await asyncio.sleep(0.1)
    others = [asyncio.ensure_future(price("EUR")) for _ in range(5)]
    await asyncio.sleep(0.1)
    first.cancel()
    assert {(await other).value for other in others} == {2}
    assert source.asked == 2


@in_driven_time
async def test_who_waits_for_anothers_question_keeps_his_own_deadline():
    source = Source(1, 2, takes_s=10.0)
    price = StaleIfError("c", surroundings=IN_LOOP)(source)
    asking = asyncio.ensure_future(price("EUR"))
    await asyncio.sleep(0.1)
    with deadline(1.0, surroundings=IN_LOOP), pytest.raises(NoTimeLeft):
        await price("EUR")
    assert (await asking).value == 1
    asking = asyncio.ensure_future(price("EUR"))
    await asyncio.sleep(0.1)
    with deadline(1.0, surroundings=IN_LOOP):
        assert await price("EUR") == Aged(1, pytest.approx(11.1), is_stale=True)
    await asking


async def test_listeners_hear_of_stale_answers():
    driven, heard = Driven(), []
    cache = StaleIfError("c", surroundings=driven.surroundings, listeners=[heard.append])
    source = Source(1, Unavailable())
    await cache.get("k", source)
    driven.pass_time(5.0)
    await cache.get("k", source)
    assert [h.age_s for h in heard] == [5.0]
    assert cache.served_stale == 1
