"""Settings that cannot work are refused when built, and the error names the field."""

from functools import partial

import pytest

from tradesense.resilience.breaker import (
    Breaker,
    BreakerSettings,
    CountWindow,
    Streak,
    TimeWindow,
)
from tradesense.resilience.deadline import Timeout, deadline
from tradesense.resilience.fallback import Fallback, Rotation, StaleSettings
from tradesense.resilience.fleet import FleetSettings
from tradesense.resilience.limits import (
    BulkheadSettings,
    GradientSettings,
    LimiterSettings,
    Priority,
    Quota,
)
from tradesense.resilience.policy import Policies, PolicySettings
from tradesense.resilience.presets import database
from tradesense.resilience.retry import (
    BudgetSettings,
    Decorrelated,
    HedgeSettings,
    RetrySettings,
    Steps,
)
from tradesense.resilience.settings import BadSetting

NAN, INF = float("nan"), float("inf")


def policies(**leads_to):
    return Policies({n: PolicySettings(fallback_to=to) for n, to in leads_to.items()})


BAD = [
    # Negative, absent or impossible times.
    ("rest_s", partial(BreakerSettings, rest_s=-1)),
    ("rest_s", partial(BreakerSettings, rest_s=0)),
    ("rest_s", partial(BreakerSettings, rest_s=NAN)),
    ("rest_s", partial(BreakerSettings, rest_s=INF)),
    ("rest_s", partial(BreakerSettings, rest_s=True)),
    ("rest_s", partial(BreakerSettings, rest_s="60")),
    ("rest_max_s", partial(BreakerSettings, rest_s=60, rest_max_s=59)),
    ("rest_growth", partial(BreakerSettings, rest_growth=0.9)),
    ("rest_jitter", partial(BreakerSettings, rest_jitter=-0.1)),
    ("rest_jitter", partial(BreakerSettings, rest_jitter=1.1)),
    ("probe_lease_s", partial(BreakerSettings, probe_lease_s=0)),
    ("window_s", partial(TimeWindow, window_s=-60)),
    ("slow_call_s", partial(TimeWindow, slow_call_s=0)),
    ("slow_call_s", partial(CountWindow, slow_call_s=-1)),
    ("limit_s", partial(Timeout, "t", -2)),
    ("limit_s", partial(Timeout, "t", 0)),
    ("seconds", partial(deadline, -1)),
    ("first_s", partial(Decorrelated, first_s=-1)),
    ("cap_s", partial(Decorrelated, first_s=2, cap_s=1)),
    ("pauses_s", partial(Steps, (1, -2))),
    ("elapsed_max_s", partial(RetrySettings, elapsed_max_s=0)),
    ("retry_after_max_s", partial(RetrySettings, retry_after_max_s=-1)),
    ("after_s", partial(HedgeSettings, after_s=0)),
    ("per_s", partial(BudgetSettings, per_s=-1)),
    ("wait_max_s", partial(BulkheadSettings, wait_max_s=0)),
    ("wait_max_s", partial(LimiterSettings, quotas=(Quota(1, 1),), wait_max_s=-1)),
    ("per_s", partial(Quota, 5, 0)),
    ("fresh_s", partial(StaleSettings, fresh_s=-1)),
    ("age_max_s", partial(StaleSettings, fresh_s=10, age_max_s=9)),
    ("timeout_s", partial(PolicySettings, timeout_s=-1)),
    ("report_life_s", partial(FleetSettings, report_life_s=0)),
    ("report_life_s", partial(FleetSettings, hearing_s=5, report_life_s=5)),
    ("rest_max_s", partial(FleetSettings, rest_s=60, rest_max_s=59)),
    ("probe_lease_s", partial(FleetSettings, probe_lease_s=-1)),
    # Counts and shares.
    ("failures", partial(Streak, failures=0)),
    ("failures", partial(Streak, failures=2.5)),
    ("calls", partial(CountWindow, calls=0)),
    ("calls_min", partial(CountWindow, calls=10, calls_min=11)),
    ("calls_min", partial(TimeWindow, calls_min=0)),
    ("buckets", partial(TimeWindow, buckets=0)),
    ("failure_rate", partial(TimeWindow, failure_rate=0)),
    ("failure_rate", partial(CountWindow, failure_rate=1.01)),
    ("slow_rate", partial(TimeWindow, slow_rate=-0.5)),
    ("probes", partial(BreakerSettings, probes=0)),
    ("probe_failure_rate", partial(BreakerSettings, probe_failure_rate=0)),
    ("window", partial(BreakerSettings, window=60)),
    ("tries_max", partial(RetrySettings, tries_max=0)),
    ("tries_max", partial(RetrySettings, tries_max=5, backoff=Steps((1, 2, 4)))),
    ("backoff", partial(RetrySettings, backoff=3)),
    ("extra_max", partial(HedgeSettings, after_s=1, extra_max=0)),
    ("share", partial(BudgetSettings, share=2)),
    ("places", partial(BulkheadSettings, places=0)),
    ("queue_max", partial(BulkheadSettings, queue_max=-1)),
    ("shed_at", partial(BulkheadSettings, shed_at={Priority.LOW: 1.5})),
    ("shed_at", partial(BulkheadSettings, shed_at={"low": 0.9})),
    ("adaptive", partial(BulkheadSettings, places=5, adaptive=GradientSettings(most=6, start=5))),
    ("most", partial(GradientSettings, least=5, most=4, start=4)),
    ("start", partial(GradientSettings, least=5, most=10, start=4)),
    ("tolerance", partial(GradientSettings, tolerance=0.5)),
    ("smoothing", partial(GradientSettings, smoothing=0)),
    ("quotas", partial(LimiterSettings, quotas=())),
    ("calls", partial(Quota, 0, 60)),
    ("entries_max", partial(StaleSettings, entries_max=0)),
    ("quorum_share", partial(FleetSettings, quorum_share=1.5)),
    ("quorum_min", partial(FleetSettings, quorum_min=0)),
    ("pool_size", partial(database, 0)),
    # Exceptions that do not exist, or are no failures.
    ("failures", partial(BreakerSettings, failures=("NoSuchError",))),
    ("failures", partial(BreakerSettings, failures=("nowhere.NoSuchError",))),
    ("failures", partial(BreakerSettings, failures=("asyncio.NoSuchError",))),
    ("failures", partial(BreakerSettings, failures=("asyncio.CancelledError",))),
    ("failures", partial(BreakerSettings, failures=(KeyboardInterrupt,))),
    ("ignored", partial(BreakerSettings, ignored=("print",))),
    ("answers", partial(BreakerSettings, answers=(int,))),
    ("answers", partial(BreakerSettings, answers=(404,))),
    ("failures", partial(BreakerSettings, failures=ValueError)),
    ("failing_result", partial(BreakerSettings, failing_result=500)),
    ("on", partial(RetrySettings, on=("Unavailible",))),
    ("on", partial(StaleSettings, on=("Unavailible",))),
    ("on", partial(Fallback, "f", on=("Unavailible",))),
    # What does not go together.
    ("hedge", partial(PolicySettings, hedge=HedgeSettings(after_s=1))),
    ("hedge", partial(PolicySettings, hedge=HedgeSettings(after_s=1), retry=RetrySettings())),
    ("budget", partial(PolicySettings, budget=BudgetSettings())),
    ("fallback_to", partial(PolicySettings, fallback_to="mollie")),
    ("providers", partial(Rotation, "r", [])),
    # Fallbacks that lead nowhere, or in a circle.
    ("stripe.fallback_to", partial(policies, stripe=("mollie",))),
    ("stripe.fallback_to", partial(policies, stripe=("stripe",))),
    ("b.fallback_to", partial(policies, a=("b",), b=("a",))),
    ("c.fallback_to", partial(policies, a=("b",), b=("c",), c=("d", "a"), d=())),
]


@pytest.mark.parametrize(("field", "build"), BAD, ids=[f"{f} {i}" for i, (f, _) in enumerate(BAD)])
def test_a_bad_setting_is_refused_with_its_field(field, build):
    with pytest.raises(BadSetting) as refused:
        build()
    assert refused.value.field == field
    assert str(refused.value).startswith(field)


def test_a_circle_is_spelt_out():
    with pytest.raises(BadSetting, match="a > b > a"):
        policies(a=("b",), b=("a",))


def test_settings_at_the_edge_of_what_works_are_accepted():
    CountWindow(calls=10, calls_min=10, failure_rate=1.0)
    BreakerSettings(rest_s=60, rest_max_s=60, rest_growth=1, rest_jitter=0)
    RetrySettings(tries_max=4, backoff=Steps((0, 0, 0)), retry_after_max_s=0)
    BulkheadSettings(places=1, queue_max=0, shed_at={Priority.LOW: 1.0})
    policies(a=("c",), b=("c",), c=())


def test_exceptions_are_known_by_name():
    named = BreakerSettings(failures=("TimeoutError", "Unavailable", "sqlite3.OperationalError"))
    assert Breaker("b", named).name == "b"
