"""
A limit on how long a call may take, never longer than its deadline.

    balance = Timeout("stripe", 2.0)

    @balance
    async def fetch() -> int: ...

A call cut off may have happened: it raises CutOff, an OutcomeUnknown. A TimeoutError of the call
itself passes through as it is.
"""

import functools
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, ParamSpec, TypeVar

from tradesense.resilience.callables import make, require_async
from tradesense.resilience.deadline.scope import NEVER, due
from tradesense.resilience.deadline.timers import Timers
from tradesense.resilience.happenings import Bell, Listener, RanOutOfTime
from tradesense.resilience.refusals import CutOff, NoTimeLeft
from tradesense.resilience.settings import require_seconds
from tradesense.resilience.surroundings import REAL, Surroundings

P = ParamSpec("P")
R = TypeVar("R")


class Timeout:
    """Gives each call `limit_s` seconds (None: any time), or what is left until its deadline."""

    def __init__(
        self,
        name: str,
        limit_s: float | None,
        *,
        surroundings: Surroundings = REAL,
        listeners: Iterable[Listener] = (),
    ) -> None:
        if limit_s is not None:
            require_seconds("limit_s", limit_s)
        self.name = name
        self.limit_s = NEVER if limit_s is None else limit_s
        self.cut_off = self.too_late = 0
        self._clock = surroundings.monotonic
        self._bell = Bell(listeners)
        self.timers = Timers(self.limit_s, self._clock)
        self._called: Callable[..., Coroutine[Any, Any, Any]] = self(make)

    def __call__(
        self, fn: Callable[P, Coroutine[Any, Any, R]]
    ) -> Callable[P, Coroutine[Any, Any, R]]:
        """Return `fn` with the limit. Raises TypeError for what is not an async function."""
        require_async(fn)

        clock, timers = self._clock, self.timers

        @functools.wraps(fn)
        async def limited(*args: P.args, **kwargs: P.kwargs) -> R:
            now = clock()
            left_s = due.get() - now
            if left_s <= 0:
                raise self.refusal()
            if left_s == timers.patience_s == NEVER:
                return await fn(*args, **kwargs)
            begun = timers.begin(now, left_s)
            try:
                result = await fn(*args, **kwargs)
            except BaseException as error:
                if timers.end(begun, error):
                    raise self.cut(now) from error
                raise
            timers.end(begun, None)
            return result

        return limited

    def call(
        self, fn: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, R]:
        """
        Return what awaits `fn(...)` within the limit.

        Raises CutOff, NoTimeLeft (then it was not called), or what `fn` raises.
        """
        return self._called(fn, *args, **kwargs)

    def refusal(self) -> NoTimeLeft:
        """Return what to raise when the deadline passed before the call."""
        self.too_late += 1
        return NoTimeLeft(self.name, 0.0)

    def cut(self, began: float) -> CutOff:
        """Return what to raise for a call that was cut off; `began` is when it began."""
        self.cut_off += 1
        limit_s = min(self.limit_s, self._clock() - began)  # less than its own by a deadline
        self._bell.ring(RanOutOfTime(self.name, limit_s))
        return CutOff(self.name, limit_s)
