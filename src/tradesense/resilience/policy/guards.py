"""
All guards around a call, in one frame: fallback > retry > breaker > limiter > bulkhead > timeout.

Written as one function because each layer of its own would cost another coroutine per call. What
a healthy call needs is spelt out in it; anything else is the guard's own affair.
"""

import functools
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from tradesense.resilience.breaker.guard import Breaker
from tradesense.resilience.breaker.machine import Machine
from tradesense.resilience.breaker.permits import FREE, Permit
from tradesense.resilience.deadline.scope import NEVER, due
from tradesense.resilience.deadline.timeout import Timeout
from tradesense.resilience.deadline.timers import Alarm, Task
from tradesense.resilience.fallback.chain import Fallback
from tradesense.resilience.limits.bulkhead import Bulkhead
from tradesense.resilience.limits.limiter import Limiter
from tradesense.resilience.policy.figures import BOUNDS_S, QUICK_S, Latency
from tradesense.resilience.retry.tries import Retry

P = ParamSpec("P")
R = TypeVar("R")


class NoBreaker:
    """Stands where a policy has no breaker: everybody's permit is free."""

    window = FREE

    def admit(self, now: float) -> Permit:  # noqa: ARG002 -- as Machine's
        """Return the free permit."""
        return FREE


class Guards:
    """The guards of one policy, and calls that go through them."""

    __slots__ = (
        "bulkhead", "clock", "counts", "failures", "is_limited", "latency", "limiter", "line",
        "machine", "places", "timeout", "timers",
    )  # fmt: skip

    def __init__(
        self,
        *,
        breaker: Breaker | None,
        limiter: Limiter | None,
        bulkhead: Bulkhead,
        timeout: Timeout,
        clock: Callable[[], float],
    ) -> None:
        self.machine: Machine | NoBreaker = NoBreaker() if breaker is None else breaker.machine
        self.limiter = limiter
        self.bulkhead = bulkhead
        self.places = bulkhead.places
        self.line = bulkhead.places.line
        self.timeout = timeout
        self.timers = timeout.timers
        self.is_limited = timeout.limit_s < NEVER
        self.latency = Latency()
        self.counts = self.latency.counts
        self.failures = 0
        self.clock = clock

    def around(  # noqa: C901 -- one frame, as said above
        self,
        fn: Callable[P, Awaitable[R]],
        retry: Retry | None,
        fallback: Fallback[P, R] | None,
    ) -> Callable[P, Coroutine[Any, Any, R]]:
        """Return `fn` under guard; it raises what `Policy.call` says."""
        clock, machine, places, timers = self.clock, self.machine, self.places, self.timers
        budget = None if retry is None else retry.budget

        @functools.wraps(fn)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:  # noqa: C901 -- one frame
            began = start = clock()
            tries, paused_s = 1, 0.0
            if budget is not None:
                budget.saved += budget.share
            while True:
                try:
                    if (left_s := due.get() - start) <= 0:
                        raise self.timeout.refusal()  # noqa: TRY301 -- an alternative may answer
                    permit = machine.window or machine.admit(start)
                    if places.free > places.kept_back and self.limiter is None:
                        places.free -= 1
                    else:
                        start, left_s = await self.wait(permit, start)
                    timed = self.is_limited or left_s < NEVER
                    begun = timers.begin(start, left_s) if timed else None
                    try:
                        result = await fn(*args, **kwargs)
                    except BaseException as error:
                        now = clock()
                        self._fail(permit, start, now, begun, error)
                        raise
                    else:
                        if begun is not None:
                            timers.end(begun, None)
                        now = clock()
                        permit.settle(start, now, result)
                        return result
                    finally:
                        self.leave(now - start)
                except Exception as error:
                    pause_s = await retry.pause(error, began, tries, paused_s) if retry else None
                    if pause_s is None:
                        if fallback is None:
                            raise
                        return await fallback.after(error, *args, **kwargs)
                tries, paused_s, start = tries + 1, pause_s, clock()

        return guarded

    async def wait(self, permit: Permit, start: float) -> tuple[float, float]:
        """Wait for quota and place; return when the call begins, and what time it has left."""
        try:
            if self.limiter is not None:
                await self.limiter.enter()
            await self.bulkhead.enter()
        except BaseException as error:
            permit.fail(start, self.clock(), error)  # our refusal, or a cancellation
            raise
        now = self.clock()
        return now, due.get() - now

    def _fail(
        self,
        permit: Permit,
        start: float,
        now: float,
        begun: Task | Alarm | None,
        error: BaseException,
    ) -> None:
        """Count a call that raised `error`. Raises CutOff if that was our doing."""
        self.failures += 1
        if begun is not None and self.timers.end(begun, error):
            cut = self.timeout.cut(start)
            permit.fail(start, now, cut)
            raise cut from error
        permit.fail(start, now, error)
        if self.limiter is not None:
            self.limiter.heed(error)

    def leave(self, took_s: float) -> None:
        """Give the place back after a call that took so long."""
        self.counts[0 if took_s <= QUICK_S else bisect_left(BOUNDS_S, took_s)] += 1
        self.latency.sum_s += took_s
        if self.line.count or self.bulkhead.gradient is not None:
            self.bulkhead.leave(took_s)
        else:
            self.places.free += 1
