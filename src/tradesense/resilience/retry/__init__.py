"""
Extra tries: again after a failure, or beside a call that is slow.

Owns: the decision to try again, its pauses and its budget.
Promises: only what is safe to repeat is repeated; a refusal never is; extra tries stay a share of
the traffic. Speaks: `TriedAgain`, `GaveUp`, `Hedged`.
"""

from tradesense.resilience.retry.backoff import Decorrelated, Steps
from tradesense.resilience.retry.budget import Budget, BudgetSettings
from tradesense.resilience.retry.decisions import RetrySettings
from tradesense.resilience.retry.hedge import Hedge, HedgeSettings
from tradesense.resilience.retry.tries import Retry

__all__ = [
    "Budget",
    "BudgetSettings",
    "Decorrelated",
    "Hedge",
    "HedgeSettings",
    "Retry",
    "RetrySettings",
    "Steps",
]
