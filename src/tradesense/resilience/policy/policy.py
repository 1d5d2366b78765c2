"""
All guards of one dependency around a call, in one fixed order.

    stripe = Policy("stripe", PolicySettings(timeout_s=2, breaker=..., retry=...))

    @stripe
    async def balance() -> int: ...

    @stripe.or_else(last_known)
    async def quote(symbol: str) -> int: ...

    answer = await stripe.call(client.get, "/v1/balance")
"""

import functools
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, ParamSpec, TypeVar

from tradesense.kernel.errors import Unavailable
from tradesense.resilience.breaker.guard import Breaker
from tradesense.resilience.callables import make, require_async
from tradesense.resilience.deadline.timeout import Timeout
from tradesense.resilience.fallback.chain import Fallback
from tradesense.resilience.happenings import Listener
from tradesense.resilience.limits.bulkhead import Bulkhead
from tradesense.resilience.limits.limiter import Limiter
from tradesense.resilience.limits.places import BulkheadSettings
from tradesense.resilience.policy.blocks import Block
from tradesense.resilience.policy.figures import PolicySnapshot
from tradesense.resilience.policy.guards import Guards
from tradesense.resilience.policy.settings import PolicySettings
from tradesense.resilience.retry.budget import Budget
from tradesense.resilience.retry.hedge import Hedge
from tradesense.resilience.retry.tries import Retry
from tradesense.resilience.sorts import Sort
from tradesense.resilience.surroundings import REAL, Surroundings

P = ParamSpec("P")
R = TypeVar("R")

ROOM_FOR_ALL = BulkheadSettings(places=2**62)  # where a policy has no bulkhead


class Policy:
    """The guards of one dependency. Belongs to one event loop."""

    def __init__(
        self,
        name: str,
        settings: PolicySettings,
        *,
        surroundings: Surroundings = REAL,
        listeners: Iterable[Listener] = (),
    ) -> None:
        heard = tuple(listeners)
        self.name = name
        self.settings = settings
        self.breaker = self.limiter = self.retry = self.hedge = None
        if settings.breaker is not None:
            self.breaker = Breaker(
                name, settings.breaker, surroundings=surroundings, listeners=heard
            )
        if settings.limiter is not None:
            self.limiter = Limiter(name, settings.limiter, surroundings=surroundings)
        self.bulkhead = Bulkhead(name, settings.bulkhead or ROOM_FOR_ALL, surroundings=surroundings)
        self.timeout = Timeout(name, settings.timeout_s, surroundings=surroundings, listeners=heard)
        self.budget = budget = Budget(settings.budget)
        if settings.retry is not None:
            self.retry = Retry(
                name, settings.retry, budget=budget, surroundings=surroundings, listeners=heard
            )
        if settings.hedge is not None:
            self.hedge = Hedge(
                name, settings.hedge, budget=budget, surroundings=surroundings, listeners=heard
            )
        self._clock = surroundings.monotonic
        self._listeners = heard
        self._fallbacks: list[Fallback[..., Any]] = []
        self._guards = Guards(
            breaker=self.breaker,
            limiter=self.limiter,
            bulkhead=self.bulkhead,
            timeout=self.timeout,
            clock=self._clock,
        )
        self._called: Callable[..., Coroutine[Any, Any, Any]] = self._guarded(make, None)

    def __call__(
        self, fn: Callable[P, Coroutine[Any, Any, R]]
    ) -> Callable[P, Coroutine[Any, Any, R]]:
        """Return `fn` under guard. Raises TypeError for what is not an async function."""
        return self._guarded(fn, None)

    def or_else(
        self, *alternatives: Callable[P, Awaitable[R]], on: tuple[Sort, ...] = (Unavailable,)
    ) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], Callable[P, Coroutine[Any, Any, R]]]:
        """Return a decorator as the policy itself, with `alternatives` after failures of `on`."""
        fallback = Fallback(self.name, *alternatives, on=on, listeners=self._listeners)
        self._fallbacks.append(fallback)
        return lambda fn: self._guarded(fn, fallback)

    def call(
        self, fn: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, R]:
        """
        Return what awaits `fn(...)` under guard.

        Raises a Refused if it was not called, CutOff if it took too long, else what `fn` raises.
        """
        return self._called(fn, *args, **kwargs)

    def block(self) -> Block:
        """Return one call, to be written as a block: `async with policy.block(): ...`."""
        return Block(self._guards)

    @property
    def is_admitting(self) -> bool:
        """Whether the breaker would let a call made now through."""
        return self.breaker is None or self.breaker.is_admitting

    def snapshot(self) -> PolicySnapshot:
        """Return what can be told now."""
        guards, bulkhead = self._guards, self.bulkhead.snapshot()
        breaker = None if self.breaker is None else self.breaker.snapshot()
        limiter = None if self.limiter is None else self.limiter.snapshot()
        refusals = {
            "breaker": breaker.refusals if breaker else 0,
            "limiter": limiter.refused if limiter else 0,
            "no_room": bulkhead.no_room,
            "shed": bulkhead.shed,
            "deadline": self.timeout.too_late,
        }
        return PolicySnapshot(
            name=self.name,
            latency=guards.latency.copy(),
            failures=guards.failures,
            cut_off=self.timeout.cut_off,
            refusals=refusals,
            retries=self.retry.retries if self.retry else 0,
            gave_up=self.retry.gave_up if self.retry else 0,
            hedges=self.hedge.sent if self.hedge else 0,
            budget_left=self.budget.left(self._clock()),
            budget_refused=self.budget.refused,
            fallbacks=sum(fallback.used for fallback in self._fallbacks),
            breaker=breaker,
            limiter=limiter,
            bulkhead=bulkhead if self.settings.bulkhead else None,
        )

    def _guarded(
        self, fn: Callable[P, Coroutine[Any, Any, R]], fallback: Fallback[P, R] | None
    ) -> Callable[P, Coroutine[Any, Any, R]]:
        require_async(fn)
        retry, hedge = self.retry, self.hedge
        if hedge is None or retry is None:
            return self._guards.around(fn, retry, fallback)
        once = self._guards.around(fn, None, None)

        @functools.wraps(fn)
        async def hedged(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return await retry.call(hedge.race, lambda: once(*args, **kwargs))
            except Exception as error:
                if fallback is None:
                    raise
                return await fallback.after(error, *args, **kwargs)

        return hedged
