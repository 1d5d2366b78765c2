"""
A retry around calls: asks the decision after each failure, pauses, and tries again.

    fetch = Retry("quotes", RetrySettings(tries_max=3, repeatable=True))

    @fetch
    async def quote(symbol: str) -> int: ...

When it gives up, the last try's own exception goes on to the caller.
"""

import functools
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, ParamSpec, TypeVar

from tradesense.resilience.callables import make, require_async
from tradesense.resilience.deadline.scope import due
from tradesense.resilience.happenings import Bell, GaveUp, Listener, TriedAgain
from tradesense.resilience.retry.budget import Budget
from tradesense.resilience.retry.decisions import (
    Again,
    Failed,
    GiveUp,
    RetrySettings,
    after_failure,
)
from tradesense.resilience.sorts import Sorts
from tradesense.resilience.surroundings import REAL, Surroundings

P = ParamSpec("P")
R = TypeVar("R")

_DEFAULT = RetrySettings()


class Retry:
    """Tries calls again as the settings allow, out of a budget that others may share."""

    def __init__(
        self,
        name: str,
        settings: RetrySettings = _DEFAULT,
        *,
        budget: Budget | None = None,
        surroundings: Surroundings = REAL,
        listeners: Iterable[Listener] = (),
    ) -> None:
        self.name = name
        self.settings = settings
        self.budget = budget or Budget()
        self.retries = self.gave_up = 0
        self._sorts = Sorts.read("on", settings.on)
        self._surroundings = surroundings
        self._clock = surroundings.monotonic
        self._bell = Bell(listeners)
        self._called: Callable[..., Coroutine[Any, Any, Any]] = self(make)

    def __call__(
        self, fn: Callable[P, Coroutine[Any, Any, R]]
    ) -> Callable[P, Coroutine[Any, Any, R]]:
        """Return `fn`, tried again. Raises TypeError for what is not an async function."""
        require_async(fn)

        clock, budget = self._clock, self.budget

        @functools.wraps(fn)
        async def tried(*args: P.args, **kwargs: P.kwargs) -> R:
            budget.saved += budget.share
            began = clock()
            tries, paused_s = 1, 0.0
            while True:
                try:
                    return await fn(*args, **kwargs)
                except Exception as error:
                    pause_s = await self.pause(error, began, tries, paused_s)
                    if pause_s is None:
                        raise
                # Out here, so that the next failure does not carry this one as its context.
                tries, paused_s = tries + 1, pause_s

        return tried

    def call(
        self, fn: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, R]:
        """Return what awaits `fn(...)`, again where that helps. Raises what its last try raises."""
        return self._called(fn, *args, **kwargs)

    async def pause(
        self, failure: Exception, began: float, tries: int, paused_s: float
    ) -> float | None:
        """
        Pause before the next try, and return for how long; None to give up.

        `tries` is how many were made since `began`; before the last was a pause of `paused_s`.
        """
        now = self._clock()
        failed = Failed(failure, tries, now - began, due.get() - now, paused_s)
        decision = after_failure(failed, self.settings, self._sorts, self._surroundings.chance())
        if isinstance(decision, Again) and not self.budget.spend(now):
            decision = GiveUp("the budget for extra tries is spent")
        if isinstance(decision, GiveUp):
            self.gave_up += 1
            self._bell.ring(GaveUp(self.name, tries, decision.why, failure))
            return None
        self.retries += 1
        self._bell.ring(TriedAgain(self.name, tries, decision.after_s, failure))
        await self._surroundings.sleep(decision.after_s)
        return decision.after_s
