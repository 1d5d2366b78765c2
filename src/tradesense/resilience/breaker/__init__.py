"""
Stops asking a dependency that fails, and finds out when it is well again.

Owns: when calls pass. Promises: the battery of `tests/breaker_battery.py`.
Speaks: happenings (`StateChanged`), snapshots, `BreakerOpen`.
"""

from tradesense.resilience.breaker.guard import Breaker, Breakers
from tradesense.resilience.breaker.machine import BreakerSnapshot, Machine, State
from tradesense.resilience.breaker.settings import (
    BreakerSettings,
    CountWindow,
    Streak,
    TimeWindow,
)

__all__ = [
    "Breaker",
    "BreakerSettings",
    "BreakerSnapshot",
    "Breakers",
    "CountWindow",
    "Machine",
    "State",
    "Streak",
    "TimeWindow",
]
