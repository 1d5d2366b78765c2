"""
Alternatives to a call that fails, in order.

    name = Fallback("profile", from_replica, from_cache)

    @name
    async def from_primary(user: int) -> str: ...

By default only what certainly did not happen is answered by somebody else: after an
OutcomeUnknown the alternative might do it a second time.
"""

import functools
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Generic, ParamSpec, TypeVar

from tradesense.kernel.errors import Unavailable
from tradesense.resilience.callables import require_async
from tradesense.resilience.happenings import Bell, FellBack, Listener
from tradesense.resilience.sorts import Sort, Sorts, leaves

P = ParamSpec("P")
R = TypeVar("R")


class Fallback(Generic[P, R]):
    """Turns to the next alternative while the failure is one of `on`."""

    def __init__(
        self,
        name: str,
        *alternatives: Callable[P, Awaitable[R]],
        on: tuple[Sort, ...] = (Unavailable,),
        listeners: Iterable[Listener] = (),
    ) -> None:
        self.name = name
        self.alternatives = alternatives
        self.used = 0
        self._sorts = Sorts.read("on", on)
        self._bell = Bell(listeners)

    def __call__(
        self, fn: Callable[P, Coroutine[Any, Any, R]]
    ) -> Callable[P, Coroutine[Any, Any, R]]:
        """Return `fn` with the alternatives behind it. Raises TypeError for what is not async."""
        require_async(fn)

        @functools.wraps(fn)
        async def with_alternatives(*args: P.args, **kwargs: P.kwargs) -> R:
            return await self.call(fn, *args, **kwargs)

        return with_alternatives

    async def call(self, fn: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Await `fn(...)`, or the first alternative that answers. Raises the last failure."""
        try:
            return await fn(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 -- `after` raises it, unless it can do better
            return await self.after(error, *args, **kwargs)

    async def after(self, failure: Exception, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return an alternative's answer in place of `failure`, or raise the last failure."""
        for alternative in self.alternatives:
            if not all(self._sorts.know(leaf) for leaf in leaves(failure)):
                break
            self.used += 1
            to = getattr(alternative, "__qualname__", repr(alternative))
            self._bell.ring(FellBack(self.name, to, failure))
            try:
                return await alternative(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 -- decided above
                failure = error
        try:
            raise failure
        finally:
            del failure  # its traceback holds this frame: they would keep each other alive
