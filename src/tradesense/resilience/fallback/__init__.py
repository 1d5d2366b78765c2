"""
What to answer when the first choice cannot.

Owns: alternatives in order, rotation among providers, the last known answer, dead letters.
Promises: what may have happened is never done again by an alternative unless it is said to be
safe; a stale answer says that it is, and how old; a message is published or buried, not lost.
Speaks: `FellBack`, `ServedStale`, `Buried`.
"""

from tradesense.resilience.fallback.chain import Fallback
from tradesense.resilience.fallback.dead_letters import Delivery, OrDeadLetter
from tradesense.resilience.fallback.rotation import Guard, Provider, Rotation, Sourced
from tradesense.resilience.fallback.stale import Aged, StaleIfError, StaleSettings

__all__ = [
    "Aged",
    "Delivery",
    "Fallback",
    "Guard",
    "OrDeadLetter",
    "Provider",
    "Rotation",
    "Sourced",
    "StaleIfError",
    "StaleSettings",
]
