"""
The battery: what a circuit breaker must get right, asked of any breaker by how it behaves.

Nothing here looks inside. Each case drives a subject through calls that answer, fail, hang or are
cancelled, and first makes sure that the subject guards anything at all, so that a breaker which
does nothing passes nothing. Ours: `tests/unit/resilience/breaker`; others: `bench/resilience`.
"""

import asyncio
import contextlib
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from breaker_world import (
    Asked,
    Broken,
    Dependency,
    Harmless,
    Subject,
    World,
    settled,
    wall_clock_moved,
)

HOUR_S = 3600.0
CALLERS = 50

Case = Callable[[Subject], Awaitable[None]]
CASES: dict[str, Case] = {}


def case(
    asked: Asked | None = None,
) -> Callable[[Callable[[World], Awaitable[None]]], Callable[[World], Awaitable[None]]]:
    """Put a case into the battery under its own name, as a sentence."""

    def put(fn: Callable[[World], Awaitable[None]]) -> Callable[[World], Awaitable[None]]:
        async def run(subject: Subject) -> None:
            world = World(subject, asked or Asked())
            try:
                async with asyncio.timeout(5):
                    await fn(world)
            finally:
                await world.ends()

        CASES[fn.__name__.replace("_", " ")] = run
        return fn

    return put


@case()
async def a_cancelled_call_is_not_a_failure(world: World) -> None:
    for _ in range(world.asked.failures):
        await world.cancels()
    assert await world.passes(), "cancelled calls opened it"
    await world.opens()


@case()
async def a_cancelled_call_is_not_an_answer(world: World) -> None:
    await world.fails(world.asked.failures - 1)
    await world.cancels()
    await world.fails(1)
    assert await world.refuses(), "a cancelled call made good for a failure"


@case()
async def a_cancelled_probe_gives_its_place_back(world: World) -> None:
    await world.rests()
    await world.cancels()
    await world.fails(1)  # the next probe
    assert await world.refuses(), "a cancelled probe was taken for an answer, or for a failure"
    await world.subject.wait(world.asked.rest_s * 1.6)
    await world.cancels()
    assert await world.passes(), "a cancelled probe kept its place"


@case()
async def fifty_callers_at_half_open_admit_one_probe(world: World) -> None:
    await world.rests()
    before = world.dependency.reached
    call = world.dependency.waiting()
    for _ in range(CALLERS):
        world.begins(call)
    for _ in range(20):
        await asyncio.sleep(0)
    admitted = world.dependency.reached - before
    assert admitted == 1, f"{admitted} of {CALLERS} callers were admitted as the one probe"


@case()
async def a_hung_probe_does_not_block_for_ever(world: World) -> None:
    await world.rests()
    world.begins(world.dependency.waiting())
    await world.is_underway(world.asked.failures + 1)
    await world.subject.wait(world.asked.lease_s * 4)
    assert await world.passes(), "one probe that hangs keeps it half open for ever"


@case(Asked(failures=1))
async def a_failure_from_before_the_rest_does_not_open_it_again(world: World) -> None:
    late = world.begins(world.dependency.waiting(Broken))
    await world.is_underway()
    await world.rests()
    assert await world.passes(), "a good probe does not close it"
    world.dependency.gate.set()
    await late
    assert await world.passes(), "a result of an earlier era opened it"


@case()
async def an_answer_from_before_the_failures_does_not_close_it(world: World) -> None:
    late = world.begins(world.dependency.waiting())
    await world.is_underway()
    await world.opens()
    world.dependency.gate.set()
    await late
    assert await world.refuses(), "a result of an earlier era closed it"


@case()
async def an_answer_from_before_the_rest_is_no_probe(world: World) -> None:
    late = world.begins(world.dependency.waiting())
    await world.is_underway()
    await world.rests()
    probe = Dependency(world.dependency.guard)
    probing = world.begins(probe.waiting(Broken))
    for _ in range(20):
        await asyncio.sleep(0)
    assert probe.reached == 1, "it admits no probe"
    world.dependency.gate.set()
    await late
    probe.gate.set()
    await probing
    assert await world.refuses(), "a result of an earlier era closed it while half open"


@case()
async def the_wall_clock_put_forward_does_not_end_the_rest(world: World) -> None:
    await world.opens()
    with wall_clock_moved(world.subject.package, HOUR_S):
        assert await world.refuses(), "an hour on the wall clock ended the rest"


@case()
async def the_wall_clock_put_back_does_not_prolong_the_rest(world: World) -> None:
    await world.rests()
    with wall_clock_moved(world.subject.package, -HOUR_S):
        assert await world.passes(), "the rest is an hour longer than agreed"


@case()
async def a_timeout_of_the_call_itself_is_not_relabelled(world: World) -> None:
    own = TimeoutError("the driver's own")
    call = world.dependency.failing(lambda: own)
    if world.subject.timeout is not None:
        call = world.subject.timeout(call)
    assert await settled(call) is own, "the call's own TimeoutError was replaced"
    await world.opens()


@case(Asked(ignored=(Harmless,)))
async def a_group_of_harmless_exceptions_is_harmless(world: World) -> None:
    call = world.dependency.failing(lambda: ExceptionGroup("two", [Harmless(), Harmless()]))
    for _ in range(world.asked.failures):
        with contextlib.suppress(ExceptionGroup):
            await call()
    assert await world.passes(), "a group of ignored exceptions opened it"
    await world.opens()


@case(Asked(recorded=(Broken,)))
async def a_group_that_holds_a_failure_is_a_failure(world: World) -> None:
    call = world.dependency.failing(lambda: ExceptionGroup("two", [Harmless(), Broken()]))
    for _ in range(world.asked.failures):
        with contextlib.suppress(ExceptionGroup):
            await call()
    assert await world.refuses(), "a failure inside a group was not seen"


@case(Asked(rest_s=30))
async def a_refusal_is_not_tried_again_by_a_retry_around_it(world: World) -> None:
    await world.opens()
    assert world.subject.retry is not None, "it has no retry that could know a refusal"
    asked = 0
    answering = world.dependency.answering()

    async def call() -> Any:
        nonlocal asked
        asked += 1
        return await answering()

    await settled(world.subject.retry(call))
    assert asked == 1, f"the retry asked the open breaker {asked} times"


@case()
async def the_callers_own_exception_is_never_replaced(world: World) -> None:
    await _raises_its_own(world, "of a closed breaker")
    await _raises_its_own(world, "that opens it")
    assert await world.refuses(), "it guards nothing: failures do not open it"
    await world.subject.wait(world.asked.rest_s * 1.6)
    await _raises_its_own(world, "of a probe")


@case(Asked(broken_listener=True))
async def a_listener_that_fails_replaces_nothing(world: World) -> None:
    await _raises_its_own(world, "of a closed breaker")
    await _raises_its_own(world, "that opens it")
    assert await world.refuses(), "it guards nothing, or the listener's error got in the way"


async def _raises_its_own(world: World, which: str) -> None:
    own = Broken("the caller's own")
    raised = await settled(world.dependency.failing(lambda: own))
    assert raised is own, f"the exception of a call {which} became {raised!r}"
    assert own.__cause__ is None, f"the exception of a call {which} got a cause"


@case(Asked(rest_s=30))
async def each_refusal_is_a_fresh_exception(world: World) -> None:
    await world.opens()
    call = world.dependency.answering()
    refusals = [await settled(call) for _ in range(20)]
    assert len({id(refusal) for refusal in refusals}) == len(refusals), "one exception for all"
    depths = [len(traceback.extract_tb(refusal.__traceback__)) for refusal in refusals]
    assert depths[-1] == depths[0], f"the traceback grew from {depths[0]} to {depths[-1]}"


class Callback:
    """An object that is called as an async function."""

    def __init__(self) -> None:
        self.reached = 0

    async def __call__(self) -> str:
        self.reached += 1
        raise Broken


@case(Asked(rest_s=30))
async def an_object_with_an_async_call_is_guarded(world: World) -> None:
    callback = Callback()
    call = world.dependency.guard(callback)
    for _ in range(world.asked.failures + 3):
        with contextlib.suppress(Broken, *world.subject.rejections):
            await call()
    assert callback.reached == world.asked.failures, "its failures do not open the breaker"


@case(Asked(rest_s=30))
async def an_async_generator_is_guarded(world: World) -> None:
    reached = 0

    async def stream() -> AsyncGenerator[int, None]:
        nonlocal reached
        reached += 1
        yield 1
        raise Broken

    call = world.dependency.guard(stream)
    for _ in range(world.asked.failures + 3):
        with contextlib.suppress(Broken, *world.subject.rejections):
            async for _ in call():
                pass
    assert reached == world.asked.failures, "its failures do not open the breaker"


@case()
async def nothing_is_locked_while_a_call_is_underway(world: World) -> None:
    world.begins(world.dependency.waiting())
    await world.is_underway()
    async with asyncio.timeout(1):
        assert await world.passes(), "a call underway made the next one fail"
        await world.opens()
