"""
Each library, set up for the battery as its own documents show it, and as favourably as it allows.

They are installed in an environment of their own (`make bench-resilience`), hence the imports by
name. `retry` and `timeout` are the library's own; None where it has none.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any

from breaker_world import Asked, AsyncFn, Broken, Guard

RATE = 0.75  # see `breaker_world.Asked`: a library that goes by rates opens at this one
LONG_S = 5.0


@dataclass(kw_only=True)
class Peer:
    """`breaker_world.Subject`: a library that runs on real time."""

    name: str
    package: str
    rejections: tuple[type[BaseException], ...]
    breaker: Callable[[Asked], Guard]
    retry: Callable[[AsyncFn], AsyncFn] | None = None
    timeout: Callable[[AsyncFn], AsyncFn] | None = None

    async def wait(self, seconds: float) -> None:
        """Let real time pass."""
        await asyncio.sleep(seconds)


def wants(asked: Asked) -> Callable[[BaseException], bool]:
    """Return the question whether an exception counts, as a user of any library would write it."""
    return lambda error: isinstance(error, asked.recorded) and not isinstance(error, asked.ignored)


def deaf(*_args: Any, **_kwargs: Any) -> None:
    """Fail as a listener."""
    raise RuntimeError("a listener that fails")


class Deaf:
    """A listener of any library: each of its methods fails."""

    def __getattr__(self, name: str) -> Any:
        return deaf


def nopanic() -> Peer:
    """Set up nopanic, the nearest to ours: a kit of policies that compose."""
    lib = import_module("nopanic")

    def breaker(asked: Asked) -> Guard:
        made: Guard = lib.circuit_breaker(
            failure_threshold=RATE,
            min_calls=asked.failures,
            reset_timeout=asked.rest_s,
            half_open_max_calls=1,
            on=wants(asked),
            on_state_change=deaf if asked.broken_listener else None,
        )
        return made

    return Peer(
        name="nopanic",
        package="nopanic",
        rejections=(lib.CircuitOpen,),
        breaker=breaker,
        retry=lib.retry(attempts=3, backoff=lib.backoff.fixed(0.001), honor_retry_after=False),
        timeout=lib.timeout(LONG_S),
    )


def interlock() -> Peer:
    """Set up interlock-cb, with the retry predicate it brings for tenacity."""
    lib = import_module("interlock")
    tenacity, theirs = import_module("tenacity"), import_module("interlock.integrations.tenacity")

    def breaker(asked: Asked) -> Guard:
        class Classifier:
            def is_failure(self, *, result: object, exception: Exception | None) -> bool:
                del result
                return exception is not None and wants(asked)(exception)

        made: Guard = lib.CircuitBreaker(
            name="dependency",
            config=lib.Config(
                failure_rate_threshold=RATE,
                minimum_number_of_calls=asked.failures,
                permitted_calls_in_half_open=1,
                wait_duration_in_open=asked.rest_s,
            ),
            classifier=Classifier(),
            listener=Deaf() if asked.broken_listener else None,
        )
        return made

    def timeout(fn: AsyncFn) -> AsyncFn:
        async def limited() -> Any:
            async with lib.timeout(LONG_S):
                return await fn()

        return limited

    return Peer(
        name="interlock-cb",
        package="interlock",
        rejections=(lib.CircuitOpenError,),
        breaker=breaker,
        retry=tenacity.retry(
            retry=theirs.retry_unless_open(), stop=tenacity.stop_after_attempt(3), reraise=True
        ),
        timeout=timeout,
    )


def pyresilience() -> Peer:
    """Set up pyresilience; functions that share a breaker go through its registry."""
    lib = import_module("pyresilience")

    def breaker(asked: Asked) -> Guard:
        config = lib.ResilienceConfig(
            circuit_breaker=lib.CircuitBreakerConfig(
                failure_threshold=asked.failures,
                recovery_timeout=asked.rest_s,
                success_threshold=1,
                error_types=asked.recorded,
                ignore_on=asked.ignored,
            ),
            listeners=[deaf] if asked.broken_listener else [],
        )
        registry = lib.ResilienceRegistry()
        registry.register("dependency", config)
        made: Guard = registry.decorator("dependency")
        return made

    return Peer(
        name="pyresilience",
        package="pyresilience",
        rejections=(lib.CircuitOpenError,),
        breaker=breaker,
        retry=lib.resilient(retry=lib.RetryConfig(max_attempts=3, delay=0.001)),
        timeout=lib.resilient(timeout=lib.TimeoutConfig(seconds=LONG_S)),
    )


def purgatory() -> Peer:
    """Set up purgatory; its open state is also the exception it raises."""
    lib, model = import_module("purgatory"), import_module("purgatory.domain.model")

    def breaker(asked: Asked) -> Guard:
        unwanted = (Exception, lambda error: not wants(asked)(error))
        factory = lib.AsyncCircuitBreakerFactory(asked.failures, asked.rest_s, exclude=[unwanted])
        if asked.broken_listener:
            factory.add_listener(deaf)
        made: Guard = factory("dependency")
        return made

    return Peer(
        name="purgatory", package="purgatory", rejections=(model.OpenedState,), breaker=breaker
    )


def aiobreaker() -> Peer:
    """Set up aiobreaker."""
    lib = import_module("aiobreaker")

    class Listener(lib.CircuitBreakerListener):  # type: ignore[misc, name-defined] # theirs
        failure = success = before_call = state_change = deaf

    def breaker(asked: Asked) -> Guard:
        made: Guard = lib.CircuitBreaker(
            asked.failures,
            timedelta(seconds=asked.rest_s),
            exclude=[lambda error: not wants(asked)(error)],
            listeners=[Listener()] if asked.broken_listener else [],
        )
        return made

    return Peer(
        name="aiobreaker",
        package="aiobreaker",
        rejections=(lib.CircuitBreakerError,),
        breaker=breaker,
    )


def circuitbreaker() -> Peer:
    """Set up circuitbreaker; it has no listeners."""
    lib = import_module("circuitbreaker")

    def breaker(asked: Asked) -> Guard:
        made: Guard = lib.CircuitBreaker(
            asked.failures,
            asked.rest_s,
            expected_exception=lambda _, error: error is not None and wants(asked)(error),
            name="dependency",
        )
        return made

    return Peer(
        name="circuitbreaker",
        package="circuitbreaker",
        rejections=(lib.CircuitBreakerError,),
        breaker=breaker,
    )


def pybreaker() -> Peer:
    """Set up pybreaker; it guards async functions through tornado, installed for it."""
    lib = import_module("pybreaker")

    class Listener(lib.CircuitBreakerListener):  # type: ignore[misc, name-defined] # theirs
        failure = success = before_call = state_change = deaf

    def breaker(asked: Asked) -> Guard:
        made: Guard = lib.CircuitBreaker(
            asked.failures,
            asked.rest_s,
            exclude=[lambda error: not wants(asked)(error)],
            listeners=[Listener()] if asked.broken_listener else [],
        )(__pybreaker_call_async=True)
        return made

    return Peer(
        name="pybreaker",
        package="pybreaker",
        rejections=(lib.CircuitBreakerError,),
        breaker=breaker,
    )


def hyx() -> Peer:
    """Set up hyx; it has no listeners, and is told what counts, not what does not."""
    lib, retry = import_module("hyx.circuitbreaker"), import_module("hyx.retry")
    errors = import_module("hyx.circuitbreaker.exceptions")

    def breaker(asked: Asked) -> Guard:
        made: Guard = lib.consecutive_breaker(
            exceptions=(Broken,) if asked.ignored else asked.recorded,
            failure_threshold=asked.failures,
            recovery_time_secs=asked.rest_s,
            recovery_threshold=1,
        )
        return made

    def timeout(fn: AsyncFn) -> AsyncFn:
        made: AsyncFn = import_module("hyx.timeout").timeout(LONG_S)(fn)
        return made

    return Peer(
        name="hyx",
        package="hyx",
        rejections=(errors.BreakerFailing,),
        breaker=breaker,
        retry=retry.retry(on=Exception, attempts=3, backoff=0.001),
        timeout=timeout,
    )


PEERS = (nopanic, interlock, pyresilience, purgatory, aiobreaker, circuitbreaker, pybreaker, hyx)
