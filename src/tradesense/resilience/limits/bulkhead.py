"""
A bulkhead around calls: so many at once, so many waiting, the rest turned away.

    reports = Bulkhead("reports", BulkheadSettings(places=4, queue_max=8, wait_max_s=0.5))

    @reports
    async def render(month: int) -> bytes: ...
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from tradesense.resilience.callables import require_async
from tradesense.resilience.deadline.scope import due
from tradesense.resilience.limits.gradient import Gradient
from tradesense.resilience.limits.places import BulkheadSettings, Entry, Places
from tradesense.resilience.limits.priority import priority
from tradesense.resilience.limits.waiting import Waiter, wait_in
from tradesense.resilience.refusals import NoRoom, NoTimeLeft, Refused, Shed
from tradesense.resilience.surroundings import REAL, Surroundings

P = ParamSpec("P")
R = TypeVar("R")

_DEFAULT = BulkheadSettings()


@dataclass(frozen=True, slots=True)
class BulkheadSnapshot:
    """A bulkhead at one moment; `no_room` and `shed` count those turned away, ever."""

    name: str
    limit: int
    in_use: int
    waiting: int
    no_room: int
    shed: int


class Bulkhead:
    """Lets so many calls in at once. Belongs to one event loop."""

    def __init__(
        self,
        name: str,
        settings: BulkheadSettings = _DEFAULT,
        *,
        surroundings: Surroundings = REAL,
    ) -> None:
        self.name = name
        self.places: Places[Waiter] = Places(settings)
        self.gradient = Gradient(settings.adaptive) if settings.adaptive else None
        self.no_room = self.shed = 0
        self._wait_max_s = settings.wait_max_s
        self._clock = surroundings.monotonic

    def __call__(
        self, fn: Callable[P, Coroutine[Any, Any, R]]
    ) -> Callable[P, Coroutine[Any, Any, R]]:
        """Return `fn`, with a place for each call. Raises TypeError for what is not async."""
        require_async(fn)

        @functools.wraps(fn)
        async def placed(*args: P.args, **kwargs: P.kwargs) -> R:
            return await self.call(fn, *args, **kwargs)

        return placed

    async def call(self, fn: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Await `fn(...)` in a place. Raises NoRoom, Shed, NoTimeLeft, or what `fn` raises."""
        places = self.places
        if places.free > places.kept_back:
            places.free -= 1
        else:
            await self.enter()
        began = self._clock()
        try:
            return await fn(*args, **kwargs)
        finally:
            self.leave(self._clock() - began)

    async def enter(self) -> None:
        """Take a place, waiting for it if need be; `leave` gives it back. Raises as `call`."""
        level = priority.get()
        waiter: Waiter = asyncio.get_running_loop().create_future()
        entry, evicted = self.places.ask(waiter, level)
        if evicted is not None:
            self.shed += 1
            evicted.set_exception(Shed(self.name, self._wait_max_s))
        match entry:
            case Entry.IN:
                return
            case Entry.SHED:
                self.shed += 1
                raise Shed(self.name, self._wait_max_s)
            case Entry.NO_ROOM:
                self.no_room += 1
                raise NoRoom(self.name, self._wait_max_s)
            case Entry.WAITS:
                left_s = due.get() - self._clock()
                await wait_in(
                    self.places.line,
                    waiter,
                    most_s=min(left_s, self._wait_max_s),
                    give_up=self._too_late if left_s < self._wait_max_s else self._too_slow,
                    give_back=self._pass_on,
                )

    def leave(self, took_s: float) -> None:
        """Give a place back after a call that took so long."""
        if self.gradient is not None:
            limit = self.gradient.measure(took_s, self.places.in_use)
            if limit != self.places.limit:
                for entering in self.places.resize(limit):
                    self._hand_over(entering)
        self._pass_on()

    def snapshot(self) -> BulkheadSnapshot:
        """Return what can be told now."""
        places = self.places
        return BulkheadSnapshot(
            self.name, places.limit, places.in_use, len(places.line), self.no_room, self.shed
        )

    def _hand_over(self, heir: Waiter) -> None:
        if heir.done():  # cancelled, but not yet out of the line
            self._pass_on()
        else:
            heir.set_result(None)

    def _pass_on(self) -> None:
        heir = self.places.leave()
        if heir is not None:
            self._hand_over(heir)

    def _too_slow(self) -> Refused:
        self.no_room += 1
        return NoRoom(self.name, self._wait_max_s)

    def _too_late(self) -> Refused:
        return NoTimeLeft(self.name, 0.0)
