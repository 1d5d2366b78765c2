"""
The mission's own settings, for what the platform depends on.

Where the mission gives a number, that is the number; the constants say which they are.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.resilience.breaker import BreakerSettings, Streak
from tradesense.resilience.fallback import OrDeadLetter, StaleSettings
from tradesense.resilience.happenings import Listener
from tradesense.resilience.limits import (
    BulkheadSettings,
    GradientSettings,
    LimiterSettings,
    Priority,
    Quota,
)
from tradesense.resilience.policy import PolicySettings
from tradesense.resilience.retry import Budget, BudgetSettings, Retry, RetrySettings, Steps
from tradesense.resilience.settings import require_count
from tradesense.resilience.surroundings import REAL, Surroundings

M = TypeVar("M")

# Mission, "Payment Circuit Breaker".
PAYMENT_FAILURES = 5
PAYMENT_REST_S = 60.0
PAYMENT_REST_ALTERNATIVE_S = 300.0
PAYMENT_TIMEOUT_S = 10.0  # ours: for a checkout, whoever takes longer is as good as down

# Mission, "Database Circuit Breaker": overloaded from 90 % of the pool on.
POOL_FULL = 0.9
DATABASE_WAIT_MAX_S = 0.5  # ours: half of the second in which payments are promised an answer

# Mission, "Event Bus Failures"; after the first delivery three tries, as `bus.rules` counts them.
PUBLISH_PAUSES_S = (1.0, 2.0, 4.0)

# Mission, "Market Data Provider Outage".
PROVIDER_FAILURES = 5
PROVIDER_REST_S = 30.0  # ours: a feed is missed sooner than a payment provider
PROVIDER_TIMEOUT_S = 0.9  # ours: the next provider is asked within the second
PRICE_AGE_MAX_S = 900.0  # ours: what is older helps nobody


def payments(*, rest_s: float = PAYMENT_REST_S) -> PolicySettings:
    """Return a payment provider's policy: 5 failures, rest, one probe. Sagas repeat, not this."""
    return PolicySettings(
        timeout_s=PAYMENT_TIMEOUT_S,
        breaker=_streak_breaker(PAYMENT_FAILURES, rest_s),
    )


def database(pool_size: int) -> PolicySettings:
    """
    Return the policy of a pool of `pool_size` connections.

    From 90 % on the least important calls are shed, then the normal ones, at 100 % all but the
    critical: those wait, as many as the pool is large. When calls take longer than they use to,
    fewer are let in.
    """
    require_count("pool_size", pool_size)
    return PolicySettings(
        bulkhead=BulkheadSettings(
            places=pool_size,
            queue_max=pool_size,
            wait_max_s=DATABASE_WAIT_MAX_S,
            shed_at={
                Priority.LOW: POOL_FULL,
                Priority.NORMAL: (1 + POOL_FULL) / 2,
                Priority.HIGH: 1.0,
            },
            adaptive=GradientSettings(
                least=max(1, pool_size // 2), most=pool_size, start=pool_size
            ),
        ),
    )


def publishing(
    name: str,
    bury: Callable[[M, Exception], Awaitable[None]],
    *,
    surroundings: Surroundings = REAL,
    listeners: Iterable[Listener] = (),
) -> OrDeadLetter[M]:
    """Return what publishes with tries after 1, 2 and 4 s, and then buries: nothing is lost."""
    heard = tuple(listeners)
    retry = Retry(
        name,
        RetrySettings(
            tries_max=1 + len(PUBLISH_PAUSES_S),
            backoff=Steps(PUBLISH_PAUSES_S),
            elapsed_max_s=120.0,
            repeatable=True,  # consumers apply an event once, however often it is published
            on=(Exception,),
        ),
        # No budget: a message is owed all its tries, however many others fail.
        budget=Budget(BudgetSettings(per_s=1e6, saved_max=1e6)),
        surroundings=surroundings,
        listeners=heard,
    )
    return OrDeadLetter(retry, bury, listeners=heard)


def providers(
    names: Sequence[str], quotas: Mapping[str, Sequence[Quota]] | None = None
) -> dict[str, PolicySettings]:
    """
    Return the policies of several providers of one thing, each falling back to the next.

    Build them with `Policies`, and rotate by `rotation(names[0], ..., last=StaleIfError(...))`
    with `prices()`. `quotas` are what each provider allows; calls wait for them, but not long.
    """
    allowed = quotas or {}
    return {
        name: PolicySettings(
            timeout_s=PROVIDER_TIMEOUT_S,
            breaker=_streak_breaker(PROVIDER_FAILURES, PROVIDER_REST_S),
            limiter=LimiterSettings(quotas=tuple(allowed[name]), wait_max_s=PROVIDER_TIMEOUT_S)
            if name in allowed
            else None,
            fallback_to=tuple(names[place : place + 1]),
        )
        for place, name in enumerate(names, 1)
    }


def prices() -> StaleSettings:
    """Return how long the last prices are shown, marked stale, when no provider answers."""
    return StaleSettings(fresh_s=0.0, age_max_s=PRICE_AGE_MAX_S, on=(Unavailable, OutcomeUnknown))


def _streak_breaker(failures: int, rest_s: float) -> BreakerSettings:
    # The mission's rest is exact and constant: no jitter, no growth.
    return BreakerSettings(
        window=Streak(failures=failures),
        rest_s=rest_s,
        rest_growth=1.0,
        rest_max_s=rest_s,
        rest_jitter=0.0,
        probes=1,
        probe_lease_s=2 * PAYMENT_TIMEOUT_S,
    )
