"""Deadlines and limits: who is cut off, when, and what it is called."""

import asyncio

import pytest

from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.resilience.deadline import Timeout, deadline, left_s
from tradesense.resilience.refusals import CutOff, NoTimeLeft
from unit.resilience.driven import IN_LOOP, DrivenLoop, in_driven_time, loop_now


def within(seconds):
    return deadline(seconds, surroundings=IN_LOOP)


def limit(seconds, **more):
    return Timeout("t", seconds, surroundings=IN_LOOP, **more)


async def lasts(seconds):
    await asyncio.sleep(seconds)
    return "answer"


@in_driven_time
async def test_a_call_is_cut_off_at_its_limit_and_may_have_happened():
    began = loop_now()
    with pytest.raises(CutOff) as cut:
        await limit(2.0).call(lasts, 60)
    assert loop_now() - began == pytest.approx(2.0)
    assert isinstance(cut.value, OutcomeUnknown)
    assert str(cut.value) == "t did not answer within 2 s"


@in_driven_time
async def test_a_call_that_is_quick_enough_is_not():
    assert await limit(2.0)(lasts)(1.999) == "answer"


@in_driven_time
async def test_many_calls_are_each_cut_off_at_their_own_time():
    timeout, ended = limit(2.0), []

    async def call(after):
        await asyncio.sleep(after)
        began = loop_now()
        with pytest.raises(CutOff):
            await timeout.call(lasts, 60)
        ended.append(loop_now() - began)

    await asyncio.gather(*(call(n / 7) for n in range(50)))
    assert ended == [pytest.approx(2.0)] * 50


@in_driven_time
async def test_a_call_after_quiet_hours_is_cut_off_too():
    timeout = limit(2.0)
    await timeout.call(lasts, 0)
    await asyncio.sleep(7200)
    with pytest.raises(CutOff):
        await timeout.call(lasts, 60)


@in_driven_time
async def test_a_timeout_of_the_call_itself_passes_as_it_is():
    own = TimeoutError("the driver's")

    async def call():
        raise own

    with pytest.raises(TimeoutError) as raised:
        await limit(2.0)(call)()
    assert raised.value is own


@in_driven_time
async def test_a_caller_that_is_cancelled_is_cancelled():
    task = asyncio.ensure_future(limit(2.0).call(lasts, 60))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@in_driven_time
async def test_cancelled_at_the_moment_of_its_limit_the_cancellation_wins():
    task = asyncio.ensure_future(limit(2.0).call(lasts, 60))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(2.0, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task


@in_driven_time
async def test_limits_inside_limits_each_keep_their_own():
    outer, inner = limit(3.0), limit(2.0)

    async def call():
        with pytest.raises(CutOff, match="within 2 s"):
            await inner.call(lasts, 60)
        await asyncio.sleep(60)

    with pytest.raises(CutOff, match="within 3 s"):
        await outer(call)()


@in_driven_time
async def test_a_limit_inside_itself_is_kept_twice():
    same = limit(2.0)

    async def call():
        await asyncio.sleep(1.5)
        began = loop_now()
        try:
            await same.call(lasts, 60)
        finally:
            assert loop_now() - began == pytest.approx(0.5), "the outer one was first"

    with pytest.raises(CutOff):
        await same(call)()
    assert await same.call(same.call, lasts, 1) == "answer"


@in_driven_time
async def test_a_call_made_while_cleaning_up_has_its_limit_too():
    ended = []

    async def cancelled():
        try:
            await asyncio.sleep(60)
        finally:
            with pytest.raises(CutOff):
                await limit(2.0).call(lasts, 60)
            ended.append(loop_now())

    task = asyncio.ensure_future(cancelled())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(ended) == 1


@in_driven_time
async def test_after_a_cut_the_task_is_not_left_cancelled():
    with pytest.raises(CutOff):
        await limit(1.0).call(lasts, 60)
    assert asyncio.current_task().cancelling() == 0
    await asyncio.sleep(1)


@in_driven_time
async def test_a_call_that_answers_in_spite_of_being_cut_off_has_answered():
    async def stubborn():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "answer"

    assert await limit(1.0)(stubborn)() == "answer"
    assert asyncio.current_task().cancelling() == 0


@in_driven_time
async def test_a_deadline_caps_every_limit_inside():
    began = loop_now()
    with within(1.0), pytest.raises(CutOff, match="within 1 s"):
        await limit(60.0).call(lasts, 60)
    assert loop_now() - began == pytest.approx(1.0)


@in_driven_time
async def test_a_deadline_inside_another_can_only_shorten_it():
    with within(5.0):
        with within(60.0):
            assert left_s(IN_LOOP) == pytest.approx(5.0)
        with within(1.0):
            assert left_s(IN_LOOP) == pytest.approx(1.0)
        assert left_s(IN_LOOP) == pytest.approx(5.0)
    assert left_s(IN_LOOP) == float("inf")


@in_driven_time
async def test_after_the_deadline_the_call_is_not_made():
    made, timeout = [], limit(60.0)

    async def call():
        made.append(1)

    with within(1.0):
        await asyncio.sleep(1.5)
        with pytest.raises(NoTimeLeft) as refusal:
            await timeout(call)()
    assert isinstance(refusal.value, Unavailable), "it certainly did not happen"
    assert (made, timeout.too_late) == ([], 1)


@in_driven_time
async def test_a_deadline_reaches_the_tasks_begun_inside_it():
    async def child():
        with pytest.raises(CutOff):
            await limit(60.0).call(lasts, 60)
        return loop_now()

    began = loop_now()
    with within(1.0):
        async with asyncio.TaskGroup() as group:
            children = [group.create_task(child()) for _ in range(3)]
    assert [c.result() - began for c in children] == [pytest.approx(1.0)] * 3


@in_driven_time
async def test_without_a_limit_of_its_own_the_deadline_is_the_limit():
    unlimited = limit(None)
    assert await unlimited.call(lasts, 3600) == "answer"
    with within(1.0), pytest.raises(CutOff):
        await unlimited.call(lasts, 3600)


def test_a_limit_moves_to_another_loop_with_what_waited_on_the_first_forgotten():
    timeout = limit(2.0)

    async def abandoned():
        task = asyncio.ensure_future(timeout.call(lasts, 60))
        await asyncio.sleep(0)
        assert not task.done()

    async def cut_off():
        with pytest.raises(CutOff):
            await timeout.call(lasts, 60)

    for story in (abandoned, cut_off, cut_off):
        with asyncio.Runner(loop_factory=DrivenLoop) as runner:
            runner.run(story())


@in_driven_time
async def test_listeners_hear_who_ran_out_of_time():
    heard = []
    with pytest.raises(CutOff):
        await limit(2.0, listeners=[heard.append]).call(lasts, 60)
    assert [(h.source, h.limit_s) for h in heard] == [("t", 2.0)]
