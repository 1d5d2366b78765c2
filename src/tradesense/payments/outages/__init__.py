"""
Outages of payment providers: noticed, contained, told, recovered from.

Every call to a provider is counted by who makes it (`watched`); every process reports what it saw,
and one of them judges the sum: a success rate below 99.9 %, or breakers that are open, contain
the provider. New payments then go elsewhere or wait; it is asked now and then how it is, and
once it answers well it is used again.
"""

from tradesense.payments.outages.model import Condition, Outage, ProviderContained, ProviderRestored
from tradesense.payments.outages.store import list_conditions, list_contained
from tradesense.payments.outages.tally import Tally, watched
from tradesense.payments.outages.watch import Watch

__all__ = [
    "Condition",
    "Outage",
    "ProviderContained",
    "ProviderRestored",
    "Tally",
    "Watch",
    "list_conditions",
    "list_contained",
    "watched",
]
