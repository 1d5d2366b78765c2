"""
Several providers of one thing: the first that is well answers; if none does, the last answer.

    quotes = Rotation("quotes", [Provider(alpha, ask_alpha), Provider(yahoo, ask_yahoo)])
    answer = await quotes.call("EUR/USD")     # Sourced(value=..., provider="yahoo", age_s=0.0)

A provider whose rest is over is asked again in its old place: one call is its probe, and goes on
to the next provider if it fails.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.resilience.fallback.stale import StaleIfError
from tradesense.resilience.happenings import Bell, FellBack, Listener
from tradesense.resilience.refusals import AllResting
from tradesense.resilience.settings import BadSetting
from tradesense.resilience.sorts import Sort, Sorts, leaves

P = ParamSpec("P")
R = TypeVar("R")


class Guard(Protocol):
    """What guards one provider: a Breaker, or a Policy that has one."""

    name: str

    @property
    def is_admitting(self) -> bool:
        """Whether a call made now may expect to go through."""

    async def call(self, fn: Callable[..., Awaitable[Any]], /, *args: Any, **kwargs: Any) -> Any:
        """Await `fn(...)` under guard."""


@dataclass(frozen=True, slots=True)
class Provider(Generic[P, R]):
    """One provider: its guard, and how to ask it."""

    guard: Guard
    ask: Callable[P, Awaitable[R]]


@dataclass(frozen=True, slots=True)
class Sourced(Generic[R]):
    """An answer, who gave it, and how old it is; stale if nobody answered this time."""

    value: R
    provider: str
    age_s: float
    is_stale: bool


class Rotation(Generic[P, R]):
    """
    Asks providers in order. `on` says after which failures the next one may be asked.

    The default suits questions. Where asking changes something, leave OutcomeUnknown out of it.
    """

    def __init__(
        self,
        name: str,
        providers: Sequence[Provider[P, R]],
        *,
        on: tuple[Sort, ...] = (Unavailable, OutcomeUnknown),
        last: StaleIfError | None = None,
        listeners: Iterable[Listener] = (),
    ) -> None:
        if not providers:
            raise BadSetting("providers", "names at least one provider")
        names = [provider.guard.name for provider in providers]
        if len(set(names)) < len(names):
            raise BadSetting("providers", f"names one twice: {', '.join(names)}")
        self.name = name
        self.providers = tuple(providers)
        self._sorts = Sorts.read("on", on)
        self._last = last
        self._bell = Bell(listeners)

    async def call(self, *args: P.args, **kwargs: P.kwargs) -> Sourced[R]:
        """
        Return the first provider's answer, or the last one there was, marked stale.

        Raises AllResting if no breaker admits the call, else the last provider's failure.
        """
        if self._last is None:
            value, provider = await self._ask(*args, **kwargs)
            return Sourced(value, provider, 0.0, is_stale=False)
        key = self.name, args, tuple(sorted(kwargs.items()))
        aged = await self._last.get(key, lambda: self._ask(*args, **kwargs))
        value, provider = aged.value
        return Sourced(value, provider, aged.age_s, aged.is_stale)

    async def _ask(self, *args: P.args, **kwargs: P.kwargs) -> tuple[R, str]:
        failure: Exception = AllResting(self.name, 0.0)
        for provider in self.providers:
            if not provider.guard.is_admitting:
                continue
            try:
                answer = await provider.guard.call(provider.ask, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 -- decided below
                failure = error
                if not all(self._sorts.know(leaf) for leaf in leaves(error)):
                    break
                self._bell.ring(
                    FellBack(self.name, f"whoever follows {provider.guard.name}", error)
                )
            else:
                return answer, provider.guard.name
        raise failure
