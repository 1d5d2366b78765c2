"""A block is one call: it is refused, counted and judged as a call is."""

import asyncio

import pytest

from tradesense.kernel.errors import Conflict, Unavailable
from tradesense.resilience import (
    BreakerSettings,
    BulkheadSettings,
    LimiterSettings,
    Policy,
    PolicySettings,
    Quota,
    Streak,
    deadline,
)
from tradesense.resilience.refusals import BreakerOpen, NoRoom, NoTimeLeft, OverQuota


async def fail(policy, error):
    with pytest.raises(type(error)):
        async with policy.block():
            raise error


async def test_a_block_is_counted_and_timed():
    policy = Policy("db", PolicySettings())
    async with policy.block():
        await asyncio.sleep(0.03)
    told = policy.snapshot()
    assert (sum(told.latency.counts), told.failures) == (1, 0)
    assert told.latency.sum_s == pytest.approx(0.03, abs=0.02)


async def test_what_fails_inside_is_a_failure_and_what_a_rule_refuses_is_not():
    policy = Policy("db", PolicySettings(breaker=BreakerSettings(window=Streak(failures=1))))
    await fail(policy, Conflict("a rule"))
    assert (policy.snapshot().failures, policy.is_admitting) == (0, True)
    await fail(policy, Unavailable("gone"))
    assert (policy.snapshot().failures, policy.is_admitting) == (1, False)
    with pytest.raises(BreakerOpen):
        async with policy.block():
            pytest.fail("it began")


async def test_a_block_that_was_cancelled_gives_its_place_back_and_says_nothing():
    settings = PolicySettings(
        bulkhead=BulkheadSettings(places=1), breaker=BreakerSettings(window=Streak(failures=1))
    )
    policy = Policy("db", settings)

    async def hang():
        async with policy.block():
            await asyncio.sleep(60)

    task = asyncio.ensure_future(hang())
    await asyncio.sleep(0)
    with pytest.raises(NoRoom):
        async with policy.block():
            pytest.fail("it began")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with policy.block():
        pass
    assert (policy.snapshot().bulkhead.in_use, policy.snapshot().failures) == (0, 0)


async def test_a_quota_and_a_deadline_hold_for_blocks():
    quota = LimiterSettings(quotas=(Quota(1, 60.0),), wait_max_s=0.01)
    policy = Policy("db", PolicySettings(limiter=quota))
    async with policy.block():
        pass
    with pytest.raises(OverQuota):
        async with policy.block():
            pytest.fail("it began")
    with deadline(0.001):
        await asyncio.sleep(0.01)
        with pytest.raises(NoTimeLeft):
            async with policy.block():
                pytest.fail("it began")
