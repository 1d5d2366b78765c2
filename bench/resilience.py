"""
What a guarded call costs, ours beside others: `make bench-resilience`, or `python -m bench`.

The best of many short rounds in which the candidates take turns: what disturbs a round can only
make it slower, so the best is what the code costs. Peers are measured where they are installed
(`.tools/bench`); ours, the bare call and the standard library everywhere.
"""

import asyncio
import gc
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from bench.harness import Row, show
from tradesense.resilience.breaker import Breaker, BreakerSettings, TimeWindow
from tradesense.resilience.deadline import Timeout
from tradesense.resilience.limits import BulkheadSettings
from tradesense.resilience.policy import Policy, PolicySettings
from tradesense.resilience.retry import Retry, RetrySettings

ROUNDS = 60
CALLS = 2_000  # a round of one candidate: a few milliseconds, so that all meet the same weather
LONG_S = 60.0
PLACES = 20

Call = Callable[[], Awaitable[Any]]

# The bars of the kit's design: (ours may cost so many times `against`), or (at least so many
# times less than `against`).
BARS_MOST = {("closed breaker", "bare await"): 6.0, ("refusal", "bare raise"): 2.3}
BARS_LEAST = {
    ("closed breaker", "nopanic"): 3.0,
    ("all five", "nopanic"): 5.0,
    ("retry", "stamina"): 20.0,
}


async def answer() -> int:
    """Return at once: what is measured is the guard."""
    return 1


async def second() -> int:
    """Stand by as the alternative."""
    return 2


async def fail() -> int:
    """Raise as cheaply as Python can."""
    raise ConnectionError


RATES = TimeWindow(window_s=30.0, calls_min=10, failure_rate=0.5, slow_call_s=1.0, slow_rate=0.5)


def installed(*names: str) -> bool:
    """Return whether all of these can be imported here."""
    return all(find_spec(name) for name in names)


def closed() -> dict[str, Call]:
    """Return breakers with a time window, a failure rate and slow calls, as far as each can."""
    made: dict[str, Call] = {
        "bare await": answer,
        "ours": Breaker("dependency", BreakerSettings(window=RATES))(answer),
    }
    if installed("nopanic"):
        made["nopanic"] = nopanic_breaker()(answer)
    if installed("interlock"):
        made["interlock-cb"] = interlock_breaker()(answer)
    if installed("pyresilience"):
        lib = import_module("pyresilience")
        config = lib.CircuitBreakerConfig(
            sliding_window_size=100, minimum_calls=10, slow_call_duration=1.0
        )
        made["pyresilience, last 100 calls"] = lib.resilient(circuit_breaker=config)(answer)
    if installed("circuitbreaker"):
        lib = import_module("circuitbreaker")
        made["circuitbreaker, in a row"] = lib.CircuitBreaker(5, 60, name="d")(answer)
    if installed("aiobreaker"):
        made["aiobreaker, in a row"] = import_module("aiobreaker").CircuitBreaker(5)(answer)
    if installed("purgatory"):
        lib = import_module("purgatory")
        made["purgatory, in a row"] = lib.AsyncCircuitBreakerFactory(5, 60)("d")(answer)
    if installed("hyx"):
        lib = import_module("hyx.circuitbreaker")
        made["hyx, in a row"] = lib.consecutive_breaker(failure_threshold=5)(answer)
    return made


def all_five() -> dict[str, Call]:
    """Return fallback > retry > breaker > bulkhead > timeout, composed into one guard."""
    made: dict[str, Call] = {"bare await": answer, "ours": five(LONG_S).or_else(second)(answer)}
    if installed("nopanic"):
        made["nopanic"] = nopanic_stack(import_module("nopanic").timeout(LONG_S))(answer)
    if installed("pyresilience"):
        lib = import_module("pyresilience")
        made["pyresilience"] = lib.resilient(
            fallback=lib.FallbackConfig(handler=2, fallback_on=(ConnectionError,)),
            retry=lib.RetryConfig(retry_on=(ConnectionError,)),
            circuit_breaker=lib.CircuitBreakerConfig(sliding_window_size=100),
            bulkhead=lib.BulkheadConfig(max_concurrent=PLACES),
            timeout=lib.TimeoutConfig(seconds=LONG_S),
        )(answer)
    return made


def four() -> dict[str, Call]:
    """Return the same without the timeout."""
    made: dict[str, Call] = {"bare await": answer, "ours": five(None).or_else(second)(answer)}
    if installed("nopanic"):
        made["nopanic"] = nopanic_stack()(answer)
    return made


def refusal() -> dict[str, Call]:
    """Return open breakers."""
    ours = Breaker("dependency", BreakerSettings(window=RATES, rest_s=3600, rest_max_s=3600))
    ours.trip("measured")
    made: dict[str, Call] = {"bare raise": fail, "ours": ours(answer)}
    if installed("nopanic"):
        theirs = nopanic_breaker()
        theirs.force_open()
        made["nopanic"] = theirs(answer)
    if installed("interlock"):
        lock = interlock_breaker()
        lock.force_open()
        made["interlock-cb"] = lock(answer)
    return made


def retry() -> dict[str, Call]:
    """Return retries whose first try answers."""
    made: dict[str, Call] = {
        "bare await": answer,
        "ours": Retry("dependency", RetrySettings(on=(ConnectionError,)))(answer),
    }
    if installed("nopanic"):
        made["nopanic"] = import_module("nopanic").retry(attempts=3, on=ConnectionError)(answer)
    if installed("stamina", "tenacity"):
        made["stamina"] = import_module("stamina").retry(on=ConnectionError)(answer)
        lib = import_module("tenacity")
        made["tenacity"] = lib.retry(
            stop=lib.stop_after_attempt(3), retry=lib.retry_if_exception_type(ConnectionError)
        )(answer)
    return made


def timeout() -> dict[str, Call]:
    """Return limits that are not reached."""

    async def standard() -> int:
        async with asyncio.timeout(LONG_S):
            return await answer()

    made: dict[str, Call] = {
        "bare await": answer,
        "ours": Timeout("dependency", LONG_S)(answer),
        "asyncio.timeout": standard,
    }
    if installed("nopanic"):
        made["nopanic"] = import_module("nopanic").timeout(LONG_S)(answer)
    return made


def five(timeout_s: float | None) -> Policy:
    """Return our policy of everything."""
    return Policy(
        "dependency",
        PolicySettings(
            timeout_s=timeout_s,
            bulkhead=BulkheadSettings(places=PLACES),
            breaker=BreakerSettings(window=RATES),
            retry=RetrySettings(on=(ConnectionError,)),
        ),
    )


def nopanic_breaker() -> Any:
    """Return nopanic's, with a time window, a failure rate and slow calls."""
    return import_module("nopanic").circuit_breaker(
        failure_threshold=0.5,
        min_calls=10,
        window=30.0,
        slow_call_duration=1.0,
        slow_call_threshold=0.5,
    )


def nopanic_stack(*innermost: Any) -> Any:
    """Return nopanic's policies, composed as its documents recommend."""
    lib = import_module("nopanic")
    return lib.compose(
        lib.fallback(lambda _: 2, on=ConnectionError),
        lib.retry(attempts=3, on=ConnectionError),
        nopanic_breaker(),
        lib.bulkhead(PLACES),
        *innermost,
    )


def interlock_breaker() -> Any:
    """Return interlock's, with a time window, a failure rate and slow calls."""
    lib = import_module("interlock")
    config = lib.Config(
        window_type=lib.WindowType.TIME_BASED,
        window_size=30,
        slow_call_duration_threshold=1.0,
        slow_call_rate_threshold=0.5,
    )
    return lib.CircuitBreaker(name="dependency", config=config)


SCENES: Mapping[str, Callable[[], dict[str, Call]]] = {
    "closed breaker": closed,
    "refusal": refusal,
    "all five": all_five,
    "all but timeout": four,
    "retry": retry,
    "timeout": timeout,
}


async def best_of(candidates: Mapping[str, Call]) -> dict[str, float]:
    """Return nanoseconds per call of each candidate, the best of interleaved rounds."""
    best = dict.fromkeys(candidates, float("inf"))
    for _ in range(ROUNDS):
        for name, call in candidates.items():
            best[name] = min(best[name], await time_calls(call))
    return best


async def time_calls(call: Call) -> float:
    """Return nanoseconds per call over one round; a call may raise."""
    calls = range(CALLS)
    began = time.perf_counter()
    for _ in calls:
        try:
            await call()
        except Exception:  # noqa: BLE001, S112 -- a refusal is what is measured
            continue
    return (time.perf_counter() - began) / CALLS * 1e9


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the collector and the loggers of others out of the rounds."""
    gc.collect()
    gc.disable()
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        gc.enable()


def measure() -> list[Row]:
    """Return what each guard costs: ours against the bare call, the others against ours."""
    rows: list[Row] = []
    for scene, build in SCENES.items():
        with quiet():
            found = asyncio.run(best_of(build()))
        bare = next(iter(found))
        for name, ns in found.items():
            against = {bare: None, "ours": bare}.get(name, "ours")
            ratio = None if against is None else ns / found[against]
            rows.append(
                Row(name=f"{scene}: {name}", value=ns, unit="ns/call", against=against, ratio=ratio)
            )
    return rows


def bars(rows: list[Row]) -> Iterator[str]:
    """Say of each bar that was measured whether it was met."""
    found = {row.name: row.value for row in rows}
    for (scene, against), most in BARS_MOST.items():
        ratio = found[f"{scene}: ours"] / found[f"{scene}: {against}"]
        word = "met" if ratio <= most else "MISSED"
        yield f"{word}: {scene} {ratio:.2f} x {against}, at most {most}"
    for (scene, against), least in BARS_LEAST.items():
        if f"{scene}: {against}" in found:
            ratio = found[f"{scene}: {against}"] / found[f"{scene}: ours"]
            word = "met" if ratio >= least else "MISSED"
            yield f"{word}: {scene} {ratio:.1f} x faster than {against}, at least {least}"


if __name__ == "__main__":
    measured = measure()
    show(measured)
    for line in bars(measured):
        print(line)
