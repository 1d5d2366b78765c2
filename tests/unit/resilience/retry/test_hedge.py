"""A second call beside a slow one."""

import asyncio

import pytest

from tradesense.kernel.errors import Unavailable
from tradesense.resilience.retry import Budget, BudgetSettings, Hedge, HedgeSettings
from unit.resilience.driven import IN_LOOP, in_driven_time, loop_now


class Calls:
    """Each call takes as long as it was told, then answers or fails; notes who was cancelled."""

    def __init__(self, *script):
        self.script = list(script)
        self.made = self.cancelled = 0

    async def __call__(self):
        number, self.made = self.made, self.made + 1
        takes_s, error = self.script[number]
        try:
            await asyncio.sleep(takes_s)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if error is not None:
            raise error
        return number


def hedge_of(extra_max=1, **more):
    settings = HedgeSettings(after_s=1.0, extra_max=extra_max)
    return Hedge("h", settings, surroundings=IN_LOOP, **more)


@in_driven_time
async def test_a_quick_answer_costs_one_call():
    calls = Calls((0.5, None))
    assert await hedge_of()(calls)() == 0
    assert calls.made == 1


@in_driven_time
async def test_the_first_answer_wins_and_the_other_call_ends():
    calls = Calls((60.0, None), (0.5, None))
    began = loop_now()
    assert await hedge_of().call(calls) == 1
    assert loop_now() - began == pytest.approx(1.5)
    assert (calls.made, calls.cancelled) == (2, 1)
    assert len(asyncio.all_tasks()) == 1


@in_driven_time
async def test_a_slow_first_answer_can_still_win():
    calls = Calls((1.2, None), (60.0, None))
    assert await hedge_of()(calls)() == 0
    assert calls.cancelled == 1


@in_driven_time
async def test_a_failure_goes_on_as_it_is_when_nothing_else_is_underway():
    error = Unavailable()
    with pytest.raises(Unavailable) as raised:
        await hedge_of()(Calls((0.1, error)))()
    assert raised.value is error


@in_driven_time
async def test_one_failure_leaves_the_other_its_chance():
    calls = Calls((1.5, Unavailable()), (2.0, None))
    assert await hedge_of()(calls)() == 1


@in_driven_time
async def test_all_failed_raises_the_last():
    last = Unavailable("last")
    with pytest.raises(Unavailable) as raised:
        await hedge_of()(Calls((1.5, Unavailable()), (2.0, last)))()
    assert raised.value is last


@in_driven_time
async def test_so_many_extra_calls_and_no_more():
    calls = Calls(*[(10.0, None)] * 9)
    hedge = hedge_of(extra_max=2)
    await hedge(calls)()
    assert (calls.made, hedge.sent) == (3, 2)


@in_driven_time
async def test_a_spent_budget_sends_no_extra_call():
    calls = Calls((10.0, None))
    budget = Budget(BudgetSettings(share=0.0, per_s=0.0, saved_max=0.5))
    assert await hedge_of(budget=budget)(calls)() == 0
    assert calls.made == 1


@in_driven_time
async def test_a_cancelled_caller_leaves_no_call_behind():
    calls = Calls((60.0, None), (60.0, None))
    task = asyncio.ensure_future(hedge_of()(calls)())
    await asyncio.sleep(2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (calls.made, calls.cancelled) == (2, 2)
