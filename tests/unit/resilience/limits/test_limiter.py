"""Quotas: never more calls than agreed in any window, and a queue for the rest."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.kernel.errors import Unavailable
from tradesense.resilience.deadline import deadline
from tradesense.resilience.limits import Limiter, LimiterSettings, Priority, Quota, important
from tradesense.resilience.limits.quotas import Used
from tradesense.resilience.refusals import NoTimeLeft, OverQuota
from unit.resilience.driven import IN_LOOP, in_driven_time, loop_now


@given(
    st.lists(st.floats(0, 5), max_size=60),
    st.lists(
        st.tuples(st.integers(1, 5), st.sampled_from([1.0, 3.0, 10.0])), min_size=1, max_size=3
    ),
)
def test_in_no_window_are_there_more_calls_than_the_quota(gaps, quotas):
    quotas = tuple(Quota(calls, per_s) for calls, per_s in quotas)
    used, now, made = Used(quotas), 0.0, []
    for gap in gaps:
        now += gap
        if used.free_in_s(now) == 0:
            used.take(now)
            made.append(now)
    for quota in quotas:
        for first, after in zip(made, made[quota.calls :], strict=False):
            assert after - first >= quota.per_s - 1e-9


@given(st.integers(1, 5), st.integers(0, 20))
def test_what_it_says_of_the_wait_is_when_the_call_can_be_made(calls, ahead):
    used = Used((Quota(calls, 10.0),))
    for _ in range(calls):
        used.take(100.0)
    assert used.free_in_s(100.0, ahead) == 10.0 * (1 + ahead // calls)


def limiter_of(*quotas, **settings):
    settings = {"queue_max": 100, "wait_max_s": 3600.0} | settings
    return Limiter("l", LimiterSettings(quotas=quotas, **settings), surroundings=IN_LOOP)


async def now():
    return loop_now()


@in_driven_time
async def test_calls_above_the_quota_wait_for_their_turn():
    limiter, began = limiter_of(Quota(2, 10.0)), loop_now()
    made = await asyncio.gather(*(limiter.call(now) for _ in range(7)))
    assert [at - began for at in made] == pytest.approx([0, 0, 10, 10, 20, 20, 30])


@in_driven_time
async def test_all_quotas_hold_at_once():
    limiter, began = limiter_of(Quota(2, 1.0), Quota(3, 60.0)), loop_now()
    made = await asyncio.gather(*(limiter.call(now) for _ in range(5)))
    assert [at - began for at in made] == pytest.approx([0, 0, 1, 60, 60])


@in_driven_time
async def test_who_matters_more_goes_first():
    limiter, order = limiter_of(Quota(1, 1.0)), []

    async def call(name, level):
        with important(level):
            await limiter.enter()
        order.append(name)

    async with asyncio.TaskGroup() as group:
        for name, level in [
            ("first", Priority.LOW), ("low", Priority.LOW), ("money", Priority.CRITICAL)
        ]:  # fmt: skip
            group.create_task(call(name, level))
            await asyncio.sleep(0.01)
    assert order == ["first", "money", "low"]


@in_driven_time
async def test_who_would_wait_too_long_is_told_at_once():
    limiter, began = limiter_of(Quota(1, 10.0), wait_max_s=15.0), loop_now()
    await limiter.call(now)
    second = asyncio.ensure_future(limiter.call(now))
    await asyncio.sleep(0)
    with pytest.raises(OverQuota):
        await limiter.call(now)  # 20 s
    assert loop_now() == began
    await second
    assert limiter.snapshot().refused == 1


@in_driven_time
async def test_who_has_no_time_for_it_is_told_at_once():
    limiter, began = limiter_of(Quota(1, 10.0)), loop_now()
    await limiter.call(now)
    with deadline(5.0, surroundings=IN_LOOP), pytest.raises(NoTimeLeft):
        await limiter.call(now)
    assert loop_now() == began


@in_driven_time
async def test_a_full_queue_turns_away():
    limiter = limiter_of(Quota(1, 10.0), queue_max=1)
    await limiter.call(now)
    waiting = asyncio.ensure_future(limiter.call(now))
    await asyncio.sleep(0)
    with pytest.raises(OverQuota):
        await limiter.call(now)
    await waiting


@in_driven_time
async def test_who_was_overtaken_for_too_long_gives_up():
    limiter = limiter_of(Quota(1, 10.0), wait_max_s=15.0)
    await limiter.call(now)
    overtaken = asyncio.ensure_future(limiter.call(now))
    await asyncio.sleep(0)
    with important(Priority.CRITICAL):
        await limiter.call(now)
    with pytest.raises(OverQuota):
        await overtaken


@in_driven_time
async def test_a_waiter_who_is_cancelled_costs_nobody_a_turn():
    limiter, began = limiter_of(Quota(1, 10.0)), loop_now()
    await limiter.call(now)
    gone = asyncio.ensure_future(limiter.call(now))
    await asyncio.sleep(0)
    after = asyncio.ensure_future(limiter.call(now))
    await asyncio.sleep(1)
    gone.cancel()
    assert await after - began == pytest.approx(10.0)


@in_driven_time
async def test_a_retry_after_of_the_provider_holds_everybody():
    class TooMany(Unavailable):
        retry_after_s = 30.0

    async def refuse():
        raise TooMany

    limiter, began = limiter_of(Quota(100, 1.0)), loop_now()
    with pytest.raises(TooMany):
        await limiter(refuse)()
    assert await limiter.call(now) - began == pytest.approx(30.0)


@in_driven_time
async def test_our_own_refusals_hold_nobody():
    async def refuse():
        raise OverQuota("another", 30.0)

    limiter, began = limiter_of(Quota(100, 1.0)), loop_now()
    with pytest.raises(OverQuota):
        await limiter.call(refuse)
    assert await limiter.call(now) == began
