"""How a breaker judges its dependency, and how long it rests."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tradesense.kernel.errors import Rejected
from tradesense.resilience.refusals import Refused
from tradesense.resilience.settings import (
    BadSetting,
    require_count,
    require_factor,
    require_seconds,
    require_share,
)
from tradesense.resilience.sorts import Sort, Sorts


@dataclass(frozen=True, slots=True, kw_only=True)
class Streak:
    """Open after so many failures in a row."""

    failures: int = 5

    def __post_init__(self) -> None:
        require_count("failures", self.failures)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountWindow:
    """Open by the rates among the last `calls` calls, once there were `calls_min`."""

    calls: int = 100
    calls_min: int = 10
    failure_rate: float = 0.5
    slow_call_s: float | None = None  # from here on a call counts as slow; None: none is
    slow_rate: float = 0.5

    def __post_init__(self) -> None:
        require_count("calls", self.calls)
        _require_rates(self)
        if self.calls_min > self.calls:
            raise BadSetting(
                "calls_min", f"is {self.calls_min}, more than the {self.calls} calls of the window"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeWindow:
    """Open by the rates in the last `window_s` seconds, once there were `calls_min` calls."""

    window_s: float = 60.0
    buckets: int = 10  # results leave the window a tenth of it at a time
    calls_min: int = 10
    failure_rate: float = 0.5
    slow_call_s: float | None = None
    slow_rate: float = 0.5

    def __post_init__(self) -> None:
        require_seconds("window_s", self.window_s)
        require_count("buckets", self.buckets)
        _require_rates(self)


def _require_rates(window: CountWindow | TimeWindow) -> None:
    require_count("calls_min", window.calls_min)
    require_share("failure_rate", window.failure_rate)
    require_share("slow_rate", window.slow_rate)
    if window.slow_call_s is not None:
        require_seconds("slow_call_s", window.slow_call_s)


Window = Streak | CountWindow | TimeWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """
    One breaker's judgement.

    Exceptions are looked up in `ignored` (neither good nor bad: by default what our own limits
    refused), then `answers` (the dependency is well: by default a rule that says no), then
    `failures`; any other is an answer. A group is as bad as the worst of its leaves.
    Cancellation is never counted. `failing_result` may call an answer a failure.
    """

    window: Window = TimeWindow()
    rest_s: float = 30.0
    rest_growth: float = 2.0  # each failed round of probes makes the rest so much longer
    rest_max_s: float = 600.0
    rest_jitter: float = 0.1  # up to this share longer, so that a fleet does not probe at once
    probes: int = 1  # calls admitted while half open; they decide together
    probe_failure_rate: float = 0.5  # from here on the probes send the breaker back to rest
    probe_lease_s: float = 30.0  # a probe that is away longer gives its place to who asks
    failures: tuple[Sort, ...] = (Exception,)
    answers: tuple[Sort, ...] = (Rejected,)
    ignored: tuple[Sort, ...] = (Refused,)
    failing_result: Callable[[Any], bool] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.window, Streak | CountWindow | TimeWindow):
            raise BadSetting("window", f"is a Streak, CountWindow or TimeWindow: {self.window!r}")
        require_seconds("rest_s", self.rest_s)
        require_factor("rest_growth", self.rest_growth)
        require_seconds("rest_max_s", self.rest_max_s)
        if self.rest_max_s < self.rest_s:
            raise BadSetting("rest_max_s", f"is at least rest_s, {self.rest_s}")
        require_share("rest_jitter", self.rest_jitter, or_zero=True)
        require_count("probes", self.probes)
        require_share("probe_failure_rate", self.probe_failure_rate)
        require_seconds("probe_lease_s", self.probe_lease_s)
        for field in ("failures", "answers", "ignored"):
            Sorts.read(field, getattr(self, field))
        if self.failing_result is not None and not callable(self.failing_result):
            raise BadSetting("failing_result", "is a question to ask of a result")
