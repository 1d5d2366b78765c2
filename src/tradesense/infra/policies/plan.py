"""Which dependencies the platform has, and what guards the calls to each of them."""

from dataclasses import replace

from tradesense.infra.policies.judging import judging, named
from tradesense.infra.policies.telling import tell
from tradesense.infra.settings import Settings
from tradesense.kernel.errors import OutcomeUnknown
from tradesense.resilience import (
    BreakerSettings,
    Policies,
    Policy,
    PolicySettings,
    Streak,
    presets,
)

STRIPE = "stripe"
MOLLIE = "mollie"
REDIS = "redis"
DATABASE = "database"
PAYMENT_PROVIDERS = (STRIPE, MOLLIE)
BREAKERS = (*PAYMENT_PROVIDERS, REDIS)  # those that an operator may direct

TIMEOUT_S = 10.0  # of an HTTP call, where nobody says otherwise
# A hung Redis must not slow anybody who could do without it.
REDIS_TIMEOUT_S = 0.25
REDIS_REST_S = 1.0  # after a failure nobody asks again for this long
LINE_MAX = 256
LINE_WAIT_MAX_S = 2.0  # then 503 with Retry-After: a person still looks, and nothing hangs


def platform_policies(settings: Settings, *, database: PolicySettings | None = None) -> Policies:
    """
    Return the policies of one process, by name.

    `database` says how the process treats its pool; by default every call waits for a connection
    as long as its own patience lasts.
    """
    rest_s = float(settings.provider_rest_s)
    payments = judging(presets.payments(rest_s=rest_s))
    return Policies(
        {
            **dict.fromkeys(PAYMENT_PROVIDERS, payments),
            REDIS: redis_settings(),
            DATABASE: database or PolicySettings(),
        },
        listeners=(tell,),
    )


def shedding(connections: int) -> PolicySettings:
    """
    Return the policy of a pool that people ask through the API.

    The mission's, except that what must not be turned away (payments, orders) may wait in a
    longer line: a burst of requests is over within a second, and a place in line costs nothing.
    """
    mission = presets.database(connections)
    if mission.bulkhead is None:  # the preset has one
        return mission
    line = replace(mission.bulkhead, queue_max=LINE_MAX, wait_max_s=LINE_WAIT_MAX_S)
    return replace(mission, bulkhead=line)


def redis_settings() -> PolicySettings:
    """Return the policy of what everybody can do without: one failure is enough to leave it."""
    return PolicySettings(
        timeout_s=2 * REDIS_TIMEOUT_S,  # to connect, and to be answered
        breaker=BreakerSettings(
            window=Streak(failures=1),
            rest_s=REDIS_REST_S,
            rest_growth=1.0,
            rest_max_s=REDIS_REST_S,
            probe_lease_s=REDIS_REST_S,
            failures=(named("redis", "RedisError"), OSError, TimeoutError, OutcomeUnknown),
        ),
    )


def own_policy(name: str) -> Policy:
    """
    Return the policy of something that only this process calls, and that has no breaker.

    For those who play a customer or a provider: they show what the platform does when they go on.
    """
    return Policy(name, patient(), listeners=(tell,))


def patient() -> PolicySettings:
    """Return settings that cut off what takes too long, and let everything through."""
    return PolicySettings(timeout_s=TIMEOUT_S)
