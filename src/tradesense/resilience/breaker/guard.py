"""
A breaker around calls: takes a permit, makes the call, tells the permit how it ended.

    stripe = Breaker("stripe", BreakerSettings(window=Streak(failures=5), rest_s=60))

    @stripe
    async def create_intent(amount: int) -> str: ...

    answer = await stripe.call(client.get, "/v1/balance")
"""

import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import aclosing
from typing import Any, ParamSpec, TypeVar, overload

from tradesense.resilience.breaker.machine import BreakerSnapshot, Machine, State
from tradesense.resilience.breaker.settings import BreakerSettings
from tradesense.resilience.breaker.verdicts import STREAM_ENDED
from tradesense.resilience.callables import is_stream, require_async
from tradesense.resilience.happenings import Bell, Listener
from tradesense.resilience.surroundings import REAL, Surroundings

P = ParamSpec("P")
R = TypeVar("R")
Item = TypeVar("Item")

_DEFAULT = BreakerSettings()


class Breaker:
    """Lets calls to one dependency through while it is well. Belongs to one event loop."""

    def __init__(
        self,
        name: str,
        settings: BreakerSettings = _DEFAULT,
        *,
        surroundings: Surroundings = REAL,
        listeners: Iterable[Listener] = (),
    ) -> None:
        self.name = name
        self.settings = settings
        self._clock = surroundings.monotonic
        bell = Bell(listeners)
        self.machine = Machine(
            name,
            settings,
            now=self._clock(),
            chance=surroundings.chance,
            tell=bell.ring,
            lament=bell.lament,
        )

    @overload
    def __call__(
        self, fn: Callable[P, AsyncGenerator[Item, None]]
    ) -> Callable[P, AsyncGenerator[Item, None]]: ...

    @overload
    def __call__(
        self, fn: Callable[P, Coroutine[Any, Any, R]]
    ) -> Callable[P, Coroutine[Any, Any, R]]: ...

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """
        Return `fn`, guarded: an async function, an async-callable object or an async generator.

        The guarded call raises BreakerOpen while the breaker rests, else what `fn` raises. A
        stream is one call: judged when it ends, slow if its first item was. Raises TypeError for
        what is not async.
        """
        if is_stream(fn):
            return self._guarded_stream(fn)
        require_async(fn)
        machine, clock = self.machine, self._clock

        @functools.wraps(fn)
        async def guarded(*args: Any, **kwargs: Any) -> Any:
            # The same as `call`, without its frame: this is the path of every guarded call.
            start = clock()
            permit = machine.window or machine.admit(start)
            try:
                result = await fn(*args, **kwargs)
            except BaseException as error:
                permit.fail(start, clock(), error)
                raise
            permit.settle(start, clock(), result)
            return result

        return guarded

    async def call(self, fn: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Await `fn(...)` under guard. Raises BreakerOpen, else what `fn` raises."""
        clock = self._clock
        start = clock()
        permit = self.machine.window or self.machine.admit(start)
        try:
            result = await fn(*args, **kwargs)
        except BaseException as error:
            permit.fail(start, clock(), error)
            raise
        permit.settle(start, clock(), result)
        return result

    @property
    def state(self) -> State:
        """What the breaker does; an open one whose rest is over becomes half open when asked."""
        return self.machine.state

    @property
    def is_admitting(self) -> bool:
        """Whether a call made now may expect to go through."""
        return self.machine.is_admitting(self._clock())

    def snapshot(self) -> BreakerSnapshot:
        """Return what can be told now."""
        return self.machine.snapshot(self._clock())

    def force_open(self, why: str) -> None:
        """Refuse every call until `close`."""
        self.machine.hold(State.FORCED_OPEN, self._clock(), why)

    def disable(self, why: str) -> None:
        """Let every call through and count none, until `close`."""
        self.machine.hold(State.DISABLED, self._clock(), why)

    def watch_only(self, why: str) -> None:
        """Let every call through and count them, but never open, until `close`."""
        self.machine.hold(State.METRICS_ONLY, self._clock(), why)

    def trip(self, why: str) -> None:
        """Open now; an operator's state stays."""
        self.machine.trip(self._clock(), why)

    def rest(self, at_least_s: float, why: str) -> None:
        """Rest for at least so long from now, opening if need be; an operator's state stays."""
        self.machine.rest(self._clock(), at_least_s, why)

    def end_rest(self) -> None:
        """Let the next call be a probe, if the breaker is open."""
        self.machine.end_rest(self._clock())

    def close(self, why: str) -> None:
        """Close, forgetting what was counted."""
        self.machine.close(self._clock(), why)

    def _guarded_stream(
        self, fn: Callable[..., AsyncGenerator[Item, None]]
    ) -> Callable[..., AsyncGenerator[Item, None]]:
        machine, clock = self.machine, self._clock

        @functools.wraps(fn)
        async def guarded(*args: Any, **kwargs: Any) -> AsyncGenerator[Item, None]:
            start = clock()
            permit = machine.window or machine.admit(start)
            first_s: float | None = None  # until the first item; None: there was none
            try:
                async with aclosing(fn(*args, **kwargs)) as items:
                    async for item in items:
                        if first_s is None:
                            first_s = clock() - start
                        yield item
            except BaseException as error:
                now = clock()
                begun = start if first_s is None else now - first_s
                if isinstance(error, GeneratorExit) and first_s is not None:
                    permit.settle(begun, now, STREAM_ENDED)  # the reader had enough
                else:
                    permit.fail(begun, now, error)
                raise
            now = clock()
            permit.settle(start if first_s is None else now - first_s, now, STREAM_ENDED)

        return guarded


class Breakers:
    """One breaker for each dependency and operation, made when first asked for."""

    def __init__(
        self,
        settings: Callable[[str, str], BreakerSettings],
        *,
        surroundings: Surroundings = REAL,
        listeners: Iterable[Listener] = (),
    ) -> None:
        self._settings = settings
        self._surroundings = surroundings
        self._listeners = tuple(listeners)
        self._made: dict[tuple[str, str], Breaker] = {}

    def of(self, dependency: str, operation: str) -> Breaker:
        """Return the breaker named `dependency.operation`; the same for the same names."""
        key = dependency, operation
        if key not in self._made:
            self._made[key] = Breaker(
                ".".join(key),
                self._settings(*key),
                surroundings=self._surroundings,
                listeners=self._listeners,
            )
        return self._made[key]

    def __iter__(self) -> Iterator[Breaker]:
        return iter(list(self._made.values()))

    def snapshots(self) -> list[BreakerSnapshot]:
        """Return what can be told of each breaker now."""
        return [breaker.snapshot() for breaker in self._made.values()]
