"""What kind of callable somebody wants guarded: one that is awaited, or one that is iterated."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


async def make(fn: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Await `fn(...)`: what a guard decorates to guard whatever its `call` is given."""
    return await fn(*args, **kwargs)


def is_stream(fn: Callable[..., Any]) -> bool:
    """Return whether `fn` is an async generator function, or an object that is called as one."""
    return inspect.isasyncgenfunction(fn) or inspect.isasyncgenfunction(_called(fn))


def require_async(fn: Callable[..., Any]) -> None:
    """
    Raise TypeError unless awaiting what `fn` returns is sure to make sense.

    A plain function could not be guarded: it would have run before anybody could refuse it, and
    what it returns may not be awaitable. A lambda that returns a coroutine goes through `call`.
    """
    if not (inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(_called(fn))):
        name = getattr(fn, "__qualname__", repr(fn))
        raise TypeError(f"{name} is not async; decorate an async def, or await .call({name}, ...)")


def _called(fn: Callable[..., Any]) -> Any:
    return type(fn).__call__
