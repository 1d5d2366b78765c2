"""The runner around calls: functions, objects, partials, streams, and what it refuses."""

import asyncio
import functools
import inspect
import logging
import typing
from contextlib import aclosing

import pytest

from tradesense.resilience.breaker import Breaker, Breakers, BreakerSettings, State, Streak
from tradesense.resilience.breaker.settings import TimeWindow
from tradesense.resilience.refusals import BreakerOpen
from unit.resilience.driven import Driven

ONE_FAILURE = BreakerSettings(window=Streak(failures=1), rest_s=10, rest_jitter=0)
SLOW = BreakerSettings(window=TimeWindow(calls_min=1, slow_call_s=5.0, slow_rate=1.0))


@pytest.fixture
def driven():
    return Driven()


@pytest.fixture
def breaker(driven):
    return Breaker("b", ONE_FAILURE, surroundings=driven.surroundings)


async def fail(*_args, **_kwargs):
    raise ConnectionError


async def test_arguments_answer_name_and_signature_are_those_of_the_function(breaker):
    @breaker
    async def add(a: int, /, b: int, *, c: int = 3) -> int:
        """Add."""
        return a + b + c

    assert await add(1, b=2) == 6
    assert (add.__name__, add.__doc__) == ("add", "Add.")
    assert inspect.iscoroutinefunction(add)
    assert typing.get_type_hints(add)["return"] is int
    assert await breaker.call(add, 1, 2, c=4) == 7


async def test_call_guards_what_only_returns_an_awaitable(breaker):
    with pytest.raises(ConnectionError):
        await breaker.call(lambda: fail(1))
    with pytest.raises(BreakerOpen):
        await breaker.call(lambda: fail(1))


async def test_an_exception_before_the_first_await_counts_too(breaker):
    def broken_client():
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await breaker.call(broken_client)
    assert breaker.state is State.OPEN


@pytest.mark.parametrize("make", [lambda: functools.partial(fail, 1), lambda: Callback().method])
async def test_partials_and_methods_are_guarded(breaker, make):
    guarded = breaker(make())
    with pytest.raises(ConnectionError):
        await guarded()
    with pytest.raises(BreakerOpen):
        await guarded()


class Callback:
    async def method(self):
        raise ConnectionError


def plain():
    return 1


def generator():
    yield 1


@pytest.mark.parametrize("fn", [plain, generator, lambda: fail(1), Callback, print])
def test_what_is_not_async_is_refused_when_decorated(breaker, fn):
    with pytest.raises(TypeError, match="is not async"):
        breaker(fn)


async def test_two_functions_under_one_breaker_share_it(breaker):
    with pytest.raises(ConnectionError):
        await breaker(fail)()
    with pytest.raises(BreakerOpen):
        await breaker.call(asyncio.sleep, 0)


async def test_a_rejected_call_is_never_made(breaker):
    breaker.force_open("maintenance")
    made = []

    async def note():
        made.append(1)

    with pytest.raises(BreakerOpen):
        await breaker(note)()
    assert not made


async def test_operators_act_through_the_breaker(breaker):
    breaker.watch_only("rollout")
    with pytest.raises(ConnectionError):
        await breaker(fail)()
    assert (breaker.state, breaker.snapshot().failures) == (State.METRICS_ONLY, 1)
    breaker.disable("an incident")
    assert breaker.snapshot().why == "an incident"
    breaker.close("over")
    breaker.trip("an alert")
    assert (breaker.state, breaker.is_admitting) == (State.OPEN, False)


async def test_a_listener_that_fails_is_logged_and_the_others_hear(driven, caplog):
    heard = []

    def deaf(_happening):
        raise RuntimeError("deaf")

    breaker = Breaker(
        "b", ONE_FAILURE, surroundings=driven.surroundings, listeners=[deaf, heard.append]
    )
    with caplog.at_level(logging.ERROR), pytest.raises(ConnectionError):
        await breaker(fail)()
    assert [h.after for h in heard] == ["open"]
    assert "deaf" in caplog.text


async def numbers(count, *, then=None):
    for number in range(count):
        yield number
    if then is not None:
        raise then


async def test_a_stream_passes_its_items_and_its_end_is_an_answer(breaker):
    stream = breaker(numbers)
    assert [n async for n in stream(3)] == [0, 1, 2]
    assert inspect.isasyncgenfunction(stream)
    assert breaker.snapshot().calls == 1


async def test_a_stream_that_fails_late_has_failed(breaker):
    stream = breaker(numbers)
    with pytest.raises(ConnectionError):
        [n async for n in stream(3, then=ConnectionError())]
    with pytest.raises(BreakerOpen):
        [n async for n in stream(3)]


async def test_a_reader_who_had_enough_is_no_failure(driven):
    breaker = Breaker("b", ONE_FAILURE, surroundings=driven.surroundings)
    breaker.trip("probe it")
    driven.pass_time(10)
    async with aclosing(breaker(numbers)(3)) as stream:
        async for _ in stream:
            break
    assert breaker.state is State.CLOSED, "it delivered: the probe came back well"


async def test_a_reader_who_never_got_anything_says_nothing(driven):
    async def silent():
        await asyncio.Event().wait()
        yield 1

    breaker = Breaker("b", ONE_FAILURE, surroundings=driven.surroundings)
    breaker.trip("probe it")
    driven.pass_time(10)
    stream = breaker(silent)()
    reading = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert breaker.state is State.HALF_OPEN
    assert breaker.is_admitting, "its place is free"


@pytest.mark.parametrize(("first_s", "later_s", "opens"), [(5.0, 0.0, True), (4.9, 60.0, False)])
async def test_a_stream_is_slow_if_its_first_item_is(driven, first_s, later_s, opens):
    breaker = Breaker("b", SLOW, surroundings=driven.surroundings)

    @breaker
    async def stream():
        driven.pass_time(first_s)
        yield 1
        driven.pass_time(later_s)
        yield 2

    assert [n async for n in stream()] == [1, 2]
    assert (breaker.state is State.OPEN) is opens


async def test_results_of_streams_are_not_asked_about():
    settings = BreakerSettings(window=Streak(failures=1), failing_result=lambda _: True)
    breaker = Breaker("b", settings)
    assert [n async for n in breaker(numbers)(1)] == [0]
    assert breaker.state is State.CLOSED


def test_each_dependency_and_operation_has_a_breaker_of_its_own():
    asked = []

    def settings(dependency, operation):
        asked.append((dependency, operation))
        return ONE_FAILURE

    breakers = Breakers(settings)
    charge, refund = breakers.of("stripe", "charge"), breakers.of("stripe", "refund")
    assert charge is breakers.of("stripe", "charge")
    charge.trip("down")
    assert (charge.state, refund.state) == (State.OPEN, State.CLOSED)
    assert asked == [("stripe", "charge"), ("stripe", "refund")]
    assert [told.name for told in breakers.snapshots()] == ["stripe.charge", "stripe.refund"]
