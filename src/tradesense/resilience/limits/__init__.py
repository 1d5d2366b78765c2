"""
How many calls at once, and how many in a time.

Owns: places, queues in order of priority, quotas. Promises: never more than agreed, at once or
in any window; nobody overtakes the line; who matters least is turned away first.
Speaks: `NoRoom`, `Shed`, `OverQuota`, `NoTimeLeft`, snapshots.
"""

from tradesense.resilience.limits.bulkhead import Bulkhead, BulkheadSnapshot
from tradesense.resilience.limits.gradient import GradientSettings
from tradesense.resilience.limits.limiter import Limiter, LimiterSnapshot
from tradesense.resilience.limits.places import BulkheadSettings
from tradesense.resilience.limits.priority import Priority, important
from tradesense.resilience.limits.quotas import LimiterSettings, Quota

__all__ = [
    "Bulkhead",
    "BulkheadSettings",
    "BulkheadSnapshot",
    "GradientSettings",
    "Limiter",
    "LimiterSettings",
    "LimiterSnapshot",
    "Priority",
    "Quota",
    "important",
]
