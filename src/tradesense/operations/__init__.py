"""
What those who run the firm see and decide: breakers, the books, what stands still.

Owns     the table `operations_breakers`.
Promises what an operator decides about a breaker is followed by every process within two seconds
         and after every restart; whatever they decide stands on the trail with who and why.
Speaks   BreakerForcedOpen, BreakerDisabled, BreakerWatched, BreakerClosed on `breaker:<policy>`.

`books` are the ledger's as operators see them, `stuck` is what waits for them: parked sagas and
dead letters. What these decide is told on the streams of those modules.
"""

from tradesense.operations import books, stuck
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
    "books",
    "direct",
    "list_directives",
    "show_breakers",
    "show_directive",
    "stuck",
]
