"""A bulkhead around calls: who comes in, who waits, who is turned away, and how."""

import asyncio

import pytest

from tradesense.kernel.errors import Overloaded
from tradesense.resilience.deadline import deadline
from tradesense.resilience.limits import (
    Bulkhead,
    BulkheadSettings,
    GradientSettings,
    Priority,
    important,
)
from tradesense.resilience.refusals import NoRoom, NoTimeLeft, Shed
from unit.resilience.driven import IN_LOOP, in_driven_time, loop_now


def bulkhead_of(**settings):
    return Bulkhead("b", BulkheadSettings(**settings), surroundings=IN_LOOP)


async def lasts(seconds):
    await asyncio.sleep(seconds)
    return loop_now()


async def begin(bulkhead, seconds, level=Priority.NORMAL):
    """Begin a call, and let it get as far as it can."""

    async def call():
        with important(level):
            return await bulkhead.call(lasts, seconds)

    task = asyncio.ensure_future(call())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return task


@in_driven_time
async def test_so_many_are_inside_and_the_next_is_turned_away():
    bulkhead = bulkhead_of(places=2)
    inside = [await begin(bulkhead, 1.0) for _ in range(2)]
    with pytest.raises(NoRoom) as refusal:
        await bulkhead(lasts)(1.0)
    assert isinstance(refusal.value, Overloaded)
    await asyncio.gather(*inside)
    await bulkhead.call(lasts, 0)
    told = bulkhead.snapshot()
    assert (told.in_use, told.waiting, told.no_room) == (0, 0, 1)


@in_driven_time
async def test_those_who_wait_come_in_by_importance_then_by_arrival():
    bulkhead, order = bulkhead_of(places=1, queue_max=9, wait_max_s=60), []

    async def call(name, level):
        with important(level):
            await bulkhead.call(note, name)

    async def note(name):
        order.append(name)
        await asyncio.sleep(1)

    waiting = [("low", Priority.LOW), ("first", Priority.NORMAL), ("second", Priority.NORMAL)]
    waiting += [("money", Priority.CRITICAL)]
    async with asyncio.TaskGroup() as group:
        group.create_task(call("inside", Priority.LOW))
        for one in waiting:
            await asyncio.sleep(0.01)
            group.create_task(call(*one))
    assert order == ["inside", "money", "first", "second", "low"]


@in_driven_time
async def test_nobody_waits_longer_than_agreed():
    bulkhead = bulkhead_of(places=1, queue_max=1, wait_max_s=2.0)
    await begin(bulkhead, 60)
    began = loop_now()
    with pytest.raises(NoRoom):
        await bulkhead.call(lasts, 1)
    assert loop_now() - began == pytest.approx(2.0)
    assert bulkhead.snapshot().waiting == 0


@in_driven_time
async def test_nobody_waits_past_the_deadline():
    bulkhead = bulkhead_of(places=1, queue_max=1, wait_max_s=2.0)
    await begin(bulkhead, 60)
    began = loop_now()
    with deadline(0.5, surroundings=IN_LOOP), pytest.raises(NoTimeLeft):
        await bulkhead.call(lasts, 1)
    assert loop_now() - began == pytest.approx(0.5)


@in_driven_time
async def test_a_full_queue_makes_room_for_who_matters_more():
    bulkhead = bulkhead_of(places=1, queue_max=1, wait_max_s=60)
    await begin(bulkhead, 1)
    report = await begin(bulkhead, 1, Priority.LOW)
    payment = await begin(bulkhead, 1, Priority.CRITICAL)
    with pytest.raises(Shed):
        await report
    with pytest.raises(NoRoom):
        await (await begin(bulkhead, 1, Priority.CRITICAL))
    await payment


@pytest.mark.parametrize(
    ("inside", "level", "welcome"),
    [
        (8, Priority.LOW, True),
        (9, Priority.LOW, False),
        (9, Priority.NORMAL, True),
        (10, Priority.NORMAL, False),
        (10, Priority.CRITICAL, True),
    ],
)
@in_driven_time
async def test_load_is_shed_from_its_share_of_the_places_on(inside, level, welcome):
    bulkhead = bulkhead_of(
        places=10, queue_max=5, shed_at={Priority.LOW: 0.9, Priority.NORMAL: 1.0}, wait_max_s=60
    )
    for _ in range(inside):
        await begin(bulkhead, 1, Priority.CRITICAL)
    task = await begin(bulkhead, 1, level)
    if welcome:
        await task
    else:
        with pytest.raises(Shed):
            await task


@in_driven_time
async def test_a_waiter_who_is_cancelled_leaves_the_line():
    bulkhead = bulkhead_of(places=1, queue_max=2, wait_max_s=60)
    inside = await begin(bulkhead, 1)
    waiter, next_one = await begin(bulkhead, 1), await begin(bulkhead, 1)
    waiter.cancel()
    await asyncio.gather(inside, next_one)
    assert waiter.cancelled()
    assert bulkhead.snapshot().in_use == 0


@in_driven_time
async def test_a_place_handed_to_a_waiter_in_the_moment_he_is_cancelled_is_not_lost():
    bulkhead = bulkhead_of(places=1, queue_max=2, wait_max_s=60)
    await bulkhead.enter()
    waiter, next_one = await begin(bulkhead, 1), await begin(bulkhead, 1)
    bulkhead.leave(0.0)  # the place is the waiter's now, but he has not run yet
    waiter.cancel()
    await next_one
    assert waiter.cancelled()
    assert bulkhead.snapshot().in_use == 0


@in_driven_time
async def test_a_call_that_fails_gives_its_place_back():
    bulkhead = bulkhead_of(places=1)

    async def fail():
        raise ConnectionError

    for _ in range(3):
        with pytest.raises(ConnectionError):
            await bulkhead.call(fail)
    assert bulkhead.snapshot().in_use == 0


@in_driven_time
async def test_the_limit_follows_what_the_dependency_can_take():
    """It answers in 0.1 s while at most 8 calls are inside, and ever slower above that."""
    adaptive = GradientSettings(least=2, most=64, start=32, step_calls=5)
    bulkhead = bulkhead_of(places=64, queue_max=1000, wait_max_s=3600, adaptive=adaptive)

    async def query():
        await asyncio.sleep(0.1 * max(1.0, bulkhead.places.in_use / 8) ** 2)

    await asyncio.gather(*(bulkhead.call(query) for _ in range(4)))  # what is usual
    await asyncio.gather(*(bulkhead.call(query) for _ in range(8)))
    for _ in range(30):
        await asyncio.gather(*(bulkhead.call(query) for _ in range(64)))
    assert 2 <= bulkhead.snapshot().limit <= 20
    assert bulkhead.snapshot().in_use == 0
