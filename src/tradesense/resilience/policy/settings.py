"""All that guards the calls to one dependency, in one value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tradesense.resilience.breaker.settings import BreakerSettings
from tradesense.resilience.limits.places import BulkheadSettings
from tradesense.resilience.limits.quotas import LimiterSettings
from tradesense.resilience.retry.budget import BudgetSettings
from tradesense.resilience.retry.decisions import RetrySettings
from tradesense.resilience.retry.hedge import HedgeSettings
from tradesense.resilience.settings import BadSetting, require_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings:
    """
    What is not None guards, in this order.

        fallback > retry > hedge > breaker > limiter > bulkhead > timeout > the call

    So an alternative is asked after the last try; each try and each hedge asks the breaker; a
    refusal by quota or bulkhead is no failure of the dependency; waiting for a place uses up no
    timeout and makes no call slow. `fallback_to` names the policies to turn to, in order.
    """

    timeout_s: float | None = None
    bulkhead: BulkheadSettings | None = None
    limiter: LimiterSettings | None = None
    breaker: BreakerSettings | None = None
    hedge: HedgeSettings | None = None
    retry: RetrySettings | None = None
    budget: BudgetSettings | None = None  # of extra tries: retries and hedges together
    fallback_to: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.timeout_s is not None:
            require_seconds("timeout_s", self.timeout_s)
        if self.hedge is not None and not (self.retry is not None and self.retry.repeatable):
            raise BadSetting("hedge", "makes a call twice; say retry.repeatable if it may be")
        if self.budget is not None and self.hedge is None and self.retry is None:
            raise BadSetting("budget", "is for extra tries, and neither retry nor hedge makes any")
        if not isinstance(self.fallback_to, tuple):
            raise BadSetting("fallback_to", f"is a tuple of names, not {self.fallback_to!r}")


def require_no_circle(settings: Mapping[str, PolicySettings]) -> None:
    """Raise BadSetting if a fallback leads to nobody, or in the end to where it began."""
    for first in settings:
        _follow(settings, (first,))


def _follow(settings: Mapping[str, PolicySettings], path: tuple[str, ...]) -> None:
    field = f"{path[-1]}.fallback_to"
    for to in settings[path[-1]].fallback_to:
        if to not in settings:
            raise BadSetting(field, f"names {to!r}; there are {', '.join(sorted(settings))}")
        if to in path:
            raise BadSetting(field, f"goes in a circle: {' > '.join((*path, to))}")
        _follow(settings, (*path, to))


def chain_of(settings: Mapping[str, PolicySettings], first: str) -> tuple[str, ...]:
    """Return `first` and all it falls back to, in the order in which they are asked."""
    chain: dict[str, Any] = {first: None}
    for to in settings[first].fallback_to:
        chain |= dict.fromkeys(chain_of(settings, to))
    return tuple(chain)
