"""
A cache that answers when its source does not, and says how old the answer is.

    prices = StaleIfError("prices", StaleSettings(fresh_s=1.0, age_max_s=900.0))

    @prices
    async def price(symbol: str) -> int: ...

    answer = await price("EUR/USD")      # Aged(value=107_123, age_s=42.0, is_stale=True)

However many ask for the same at once, the source is asked once.
"""

import asyncio
import functools
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, ParamSpec, TypeVar

from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.resilience.callables import require_async
from tradesense.resilience.deadline.scope import due
from tradesense.resilience.happenings import Bell, Listener, ServedStale
from tradesense.resilience.refusals import NoTimeLeft
from tradesense.resilience.settings import BadSetting, require_count, require_seconds
from tradesense.resilience.sorts import Sort, Sorts, leaves
from tradesense.resilience.surroundings import REAL, Surroundings

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleSettings:
    """
    An answer is given again without asking for `fresh_s`; on a failure until `age_max_s` old.

    At most `entries_max` answers are kept; the least recently used goes first.
    """

    fresh_s: float = 0.0
    age_max_s: float = 3600.0
    entries_max: int = 1024
    on: tuple[Sort, ...] = (Unavailable, OutcomeUnknown)

    def __post_init__(self) -> None:
        require_seconds("fresh_s", self.fresh_s, or_zero=True)
        require_seconds("age_max_s", self.age_max_s)
        if self.age_max_s < self.fresh_s:
            raise BadSetting("age_max_s", f"is at least fresh_s, {self.fresh_s}")
        require_count("entries_max", self.entries_max)
        Sorts.read("on", self.on)


@dataclass(frozen=True, slots=True)
class Aged(Generic[R]):
    """An answer, and how old it is; stale if the source was asked and did not answer."""

    value: R
    age_s: float
    is_stale: bool


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Any
    asked_at: float  # when it was asked for: it may have been true no longer when it arrived


@dataclass(frozen=True, slots=True)
class _Failed:
    error: Exception
    trace: TracebackType | None  # from where it happened: every caller raises it from there


@dataclass(frozen=True, slots=True)
class _Abandoned:
    """The caller who asked was cancelled; somebody else has to ask."""


_Outcome = _Kept | _Failed | _Abandoned

_DEFAULT = StaleSettings()


class StaleIfError:
    """Keeps answers by key. Belongs to one event loop."""

    def __init__(
        self,
        name: str,
        settings: StaleSettings = _DEFAULT,
        *,
        surroundings: Surroundings = REAL,
        listeners: Iterable[Listener] = (),
    ) -> None:
        self.name = name
        self.served_stale = 0
        self._settings = settings
        self._sorts = Sorts.read("on", settings.on)
        self._clock = surroundings.monotonic
        self._bell = Bell(listeners)
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._flights: dict[Hashable, asyncio.Future[_Outcome]] = {}

    def __call__(
        self, fn: Callable[P, Coroutine[Any, Any, R]]
    ) -> Callable[P, Coroutine[Any, Any, Aged[R]]]:
        """Return `fn`, kept by its arguments, which are hashable. Raises TypeError if not async."""
        require_async(fn)

        @functools.wraps(fn)
        async def kept(*args: P.args, **kwargs: P.kwargs) -> Aged[R]:
            key = fn, args, tuple(sorted(kwargs.items()))
            return await self.get(key, lambda: fn(*args, **kwargs))

        return kept

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[R]]) -> Aged[R]:
        """Return what `ask` answers, or what it answered before. Raises what `ask` raises."""
        while True:
            kept = self._kept.get(key)
            if kept is not None and self._clock() - kept.asked_at < self._settings.fresh_s:
                self._kept.move_to_end(key)
                return Aged(kept.value, self._clock() - kept.asked_at, is_stale=False)
            flight = self._flights.get(key)
            outcome = await (self._lead(key, ask) if flight is None else self._follow(flight))
            if isinstance(outcome, _Kept):
                return Aged(outcome.value, self._clock() - outcome.asked_at, is_stale=False)
            if isinstance(outcome, _Failed):
                return self._stale(key, outcome)

    async def _lead(self, key: Hashable, ask: Callable[[], Awaitable[R]]) -> _Outcome:
        flight = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        outcome: _Outcome = _Abandoned()
        asked_at = self._clock()
        try:
            kept = _Kept(await ask(), asked_at)
            self._keep(key, kept)
            outcome = kept
        except Exception as error:  # noqa: BLE001 -- for everybody who waits; raised by `_stale`
            outcome = _Failed(error, error.__traceback__)
        finally:
            del self._flights[key]
            flight.set_result(outcome)
        return outcome

    async def _follow(self, flight: "asyncio.Future[_Outcome]") -> _Outcome:
        left_s = due.get() - self._clock()
        timeout = None if left_s == float("inf") else max(0.0, left_s)
        done, _ = await asyncio.wait([flight], timeout=timeout)
        return flight.result() if done else _Failed(NoTimeLeft(self.name, 0.0), None)

    def _stale(self, key: Hashable, failed: _Failed) -> Aged[Any]:
        kept, error = self._kept.get(key), failed.error
        if kept is not None and all(self._sorts.know(leaf) for leaf in leaves(error)):
            age_s = self._clock() - kept.asked_at
            if age_s <= self._settings.age_max_s:
                self.served_stale += 1
                self._bell.ring(ServedStale(self.name, age_s, error))
                return Aged(kept.value, age_s, is_stale=True)
        raise error.with_traceback(failed.trace)

    def _keep(self, key: Hashable, kept: _Kept) -> None:
        self._kept[key] = kept
        self._kept.move_to_end(key)
        if len(self._kept) > self._settings.entries_max:
            self._kept.popitem(last=False)
