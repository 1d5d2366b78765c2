"""
What those who run the firm decide about the running platform: so far, its breakers.

Owns     the table `operations_breakers`.
Promises what an operator decides about a breaker is followed by every process within two seconds
         and after every restart, and stands on the trail with who and why.
Speaks   BreakerForcedOpen, BreakerDisabled, BreakerWatched, BreakerClosed on `breaker:<policy>`.
"""

from tradesense.operations.model import WAKE, Directive, Wanted
from tradesense.operations.service import (
    BadDuration,
    NoBreaker,
    UnknownBreaker,
    WhyMissing,
    direct,
    list_directives,
)
from tradesense.operations.view import show_breakers, show_directive

__all__ = [
    "WAKE",
    "BadDuration",
    "Directive",
    "NoBreaker",
    "UnknownBreaker",
    "Wanted",
    "WhyMissing",
    "direct",
    "list_directives",
    "show_breakers",
    "show_directive",
]
