"""What a policy counts, for whoever exports it: plain numbers, no metrics library."""

from dataclasses import dataclass, field

from tradesense.resilience.breaker.machine import BreakerSnapshot
from tradesense.resilience.limits.bulkhead import BulkheadSnapshot
from tradesense.resilience.limits.limiter import LimiterSnapshot

# Upper bounds in seconds, as Prometheus' own default; the last bucket has none.
BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
QUICK_S = BOUNDS_S[0]


@dataclass(slots=True)
class Latency:
    """How long calls took, whatever came of them; `counts` has a bucket more than bounds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    sum_s: float = 0.0

    def copy(self) -> "Latency":
        """Return what was counted until now."""
        return Latency(list(self.counts), self.sum_s)


@dataclass(frozen=True, slots=True)
class PolicySnapshot:
    """A policy at one moment; numbers count from its beginning, None is a guard it has not."""

    name: str
    latency: Latency  # of the calls that were made
    failures: int  # calls that were made and raised
    cut_off: int  # those of them that ran out of time
    refusals: dict[str, int]  # calls that were not made, by the guard that refused
    retries: int
    gave_up: int
    hedges: int
    budget_left: float
    budget_refused: int
    fallbacks: int
    breaker: BreakerSnapshot | None
    limiter: LimiterSnapshot | None
    bulkhead: BulkheadSnapshot | None
