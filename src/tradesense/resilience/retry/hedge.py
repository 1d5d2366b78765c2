"""
A second call, sent when the first is slow to answer: the first answer wins, the others end.

Only for calls that may be made twice. Dean and Barroso, "The Tail at Scale" (2013).
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar

from tradesense.resilience.callables import require_async
from tradesense.resilience.happenings import Bell, Hedged, Listener
from tradesense.resilience.retry.budget import Budget
from tradesense.resilience.settings import require_count, require_seconds
from tradesense.resilience.surroundings import REAL, Surroundings

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeSettings:
    """After `after_s` without an answer another call is sent, at most `extra_max` of them."""

    after_s: float
    extra_max: int = 1

    def __post_init__(self) -> None:
        require_seconds("after_s", self.after_s)
        require_count("extra_max", self.extra_max)


@dataclass(frozen=True, slots=True)
class Answer(Generic[R]):
    """What one of the calls returned."""

    value: R


class Hedge:
    """Sends extra calls out of a budget that retries may share. The call must be repeatable."""

    def __init__(
        self,
        name: str,
        settings: HedgeSettings,
        *,
        budget: Budget | None = None,
        surroundings: Surroundings = REAL,
        listeners: Iterable[Listener] = (),
    ) -> None:
        self.name = name
        self.settings = settings
        self.budget = budget or Budget()
        self.sent = 0
        self._clock = surroundings.monotonic
        self._bell = Bell(listeners)

    def __call__(
        self, fn: Callable[P, Coroutine[Any, Any, R]]
    ) -> Callable[P, Coroutine[Any, Any, R]]:
        """Return `fn`, hedged. Raises TypeError for what is not an async function."""
        require_async(fn)

        @functools.wraps(fn)
        async def hedged(*args: P.args, **kwargs: P.kwargs) -> R:
            return await self.call(fn, *args, **kwargs)

        return hedged

    async def call(self, fn: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """
        Return the first answer of `fn(...)`; the other calls are cancelled and waited for.

        Raises the last call's exception when all that were sent have failed.
        """
        self.budget.earn()
        return await self.race(lambda: fn(*args, **kwargs))

    async def race(self, call: Callable[[], Awaitable[R]]) -> R:
        """As `call`, of a first try that was earned already."""
        outcome: Answer[R] | Exception
        async with asyncio.TaskGroup() as group:

            def send() -> "asyncio.Task[Answer[R] | Exception]":
                return group.create_task(_tell(call))

            outcome = await self._race(send)
        # Raised out here: inside, the group would wrap it.
        if isinstance(outcome, Exception):
            raise outcome
        return outcome.value

    async def _race(
        self, send: "Callable[[], asyncio.Task[Answer[R] | Exception]]"
    ) -> "Answer[R] | Exception":
        underway = {send()}
        extra = 0
        while True:
            may_send = extra < self.settings.extra_max
            done, underway = await asyncio.wait(
                underway,
                timeout=self.settings.after_s if may_send else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            outcomes = [task.result() for task in done]
            answers = [o for o in outcomes if isinstance(o, Answer)]
            if answers or (done and not underway):
                for task in underway:
                    task.cancel()
                return answers[0] if answers else outcomes[-1]
            if not done and may_send:
                extra += 1
                if self.budget.spend(self._clock()):
                    self.sent += 1
                    self._bell.ring(Hedged(self.name, self.settings.after_s))
                    underway.add(send())


async def _tell(call: Callable[[], Awaitable[R]]) -> "Answer[R] | Exception":
    try:
        return Answer(await call())
    except Exception as error:  # noqa: BLE001 -- the race decides whose error goes on
        return error
