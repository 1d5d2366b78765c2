"""
A rate limit around calls: those above the quota wait for their turn, in order of priority.

    alpha = Limiter("alpha-vantage", LimiterSettings(quotas=(Quota(5, 60), Quota(500, 86_400))))

    @alpha
    async def quote(symbol: str) -> int: ...
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from tradesense.resilience.callables import require_async
from tradesense.resilience.deadline.scope import due
from tradesense.resilience.limits.line import Line
from tradesense.resilience.limits.priority import priority
from tradesense.resilience.limits.quotas import LimiterSettings, Used
from tradesense.resilience.limits.waiting import Waiter, wait_in
from tradesense.resilience.refusals import NoTimeLeft, OverQuota, Refused
from tradesense.resilience.surroundings import REAL, Surroundings

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class LimiterSnapshot:
    """A limiter at one moment; `refused` counts those turned away, ever."""

    name: str
    waiting: int
    free_in_s: float
    refused: int


class Limiter:
    """Keeps calls within a provider's quotas. Belongs to one event loop."""

    def __init__(
        self, name: str, settings: LimiterSettings, *, surroundings: Surroundings = REAL
    ) -> None:
        self.name = name
        self.refused = 0
        self._settings = settings
        self._clock = surroundings.monotonic
        self._used = Used.none(settings)
        self._line: Line[Waiter] = Line(settings.queue_max)
        self._timer: asyncio.TimerHandle | None = None

    def __call__(
        self, fn: Callable[P, Coroutine[Any, Any, R]]
    ) -> Callable[P, Coroutine[Any, Any, R]]:
        """Return `fn`, within the quotas. Raises TypeError for what is not async."""
        require_async(fn)

        @functools.wraps(fn)
        async def within_quota(*args: P.args, **kwargs: P.kwargs) -> R:
            return await self.call(fn, *args, **kwargs)

        return within_quota

    async def call(self, fn: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Await `fn(...)` when it is its turn. Raises OverQuota, NoTimeLeft, or what `fn` does."""
        await self.enter()
        try:
            return await fn(*args, **kwargs)
        except Exception as error:
            self.heed(error)
            raise

    async def enter(self) -> None:
        """Use a call of the quota, waiting for it if need be. Raises OverQuota, NoTimeLeft."""
        now = self._clock()
        if not self._line and self._used.free_in_s(now) == 0:
            self._used.take(now)
            return
        level = priority.get()
        wait_s = self._used.free_in_s(now, self._line.ahead_of(level))
        if wait_s > self._settings.wait_max_s:
            raise self._refusal()
        if wait_s >= due.get() - now:
            raise NoTimeLeft(self.name, wait_s)
        loop = asyncio.get_running_loop()
        waiter: Waiter = loop.create_future()
        evicted = self._line.join(waiter, level)
        if evicted is waiter:
            raise self._refusal()
        if evicted is not None:
            evicted.set_exception(self._refusal())
        self._serve_later(loop)
        await wait_in(
            self._line,
            waiter,
            # More important calls may have come first; the deadline is kept all the same.
            most_s=min(self._settings.wait_max_s, due.get() - now),
            give_up=self._refusal,
            give_back=_keep,
        )

    def heed(self, error: BaseException) -> None:
        """Make no call for as long as the provider's `error` asks: its Retry-After is for all."""
        asked_s = getattr(error, "retry_after_s", 0)
        if asked_s and not isinstance(error, Refused):
            self._used.pause(self._clock() + float(asked_s))

    def snapshot(self) -> LimiterSnapshot:
        """Return what can be told now."""
        free_in_s = self._used.free_in_s(self._clock(), len(self._line))
        return LimiterSnapshot(self.name, len(self._line), free_in_s, self.refused)

    def _serve_later(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is None or self._timer.cancelled():
            after_s = self._used.free_in_s(self._clock())
            self._timer = loop.call_later(after_s, self._serve, loop)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = self._clock()
        while self._line and self._used.free_in_s(now) == 0:
            waiter = self._line.next()
            if waiter is not None and not waiter.done():
                self._used.take(now)
                waiter.set_result(None)
        if self._line:
            self._serve_later(loop)

    def _refusal(self) -> OverQuota:
        self.refused += 1
        return OverQuota(self.name, self._used.free_in_s(self._clock()))


def _keep() -> None:
    """Let a call that was cancelled as its turn came count as made: better one too few."""
