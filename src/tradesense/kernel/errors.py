"""
Every error we raise on purpose. The family says who must act.

* TradeSenseError
  x Rejected            the caller: a rule says no; never retried, never an incident
    + Invalid               the request makes no sense as written      422
    + Unauthenticated       we do not know who is asking               401
    + Forbidden             we know, and the answer is no              403
    + NotFound                                                         404
    + Conflict              true a moment ago, or said twice           409
    + Throttled             too often; carries retry_after_s           429
  x Unavailable         time: it did not happen; safe to retry         503
    + TimedOut, CircuitOpen, Overloaded
  x OutcomeUnknown      time: it may have happened; retry only with    503
                        the same idempotency key
  x InvariantBroken     us: our own records disagree; page someone     500

Modules raise leaves they define next to the code that raises them. The status
column is applied in one place, `tradesense.app.errors`; a leaf for which a protocol
prescribes another one (a missing header is 400) says so itself, as `http_status`.
"""

from typing import ClassVar


class TradeSenseError(Exception):
    """Base of every error we raise on purpose."""

    code: ClassVar[str] = "internal"


class Rejected(TradeSenseError):
    """A rule says no. The caller must change something before asking again."""

    code = "rejected"


class Invalid(Rejected):
    """The request makes no sense as written; the message says which part, and what would."""

    code = "invalid"


class Unauthenticated(Rejected):
    """We do not know who is asking."""

    code = "unauthenticated"


class Forbidden(Rejected):
    """We know who is asking, and the answer is no."""

    code = "forbidden"


class NotFound(Rejected):
    """What was asked for does not exist, or not for this caller."""

    code = "not_found"


class Conflict(Rejected):
    """The request contradicts what has already happened."""

    code = "conflict"


class Throttled(Rejected):
    """Asked too often. Ask again after `retry_after_s`."""

    code = "throttled"

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unavailable(TradeSenseError):
    """It did not happen, and may succeed later. Safe to retry."""

    code = "unavailable"


class TimedOut(Unavailable):
    """It was given up before it happened."""

    code = "timed_out"


class CircuitOpen(Unavailable):
    """A breaker rests; the call was not made."""

    code = "circuit_open"


class Overloaded(Unavailable):
    """There was no room; the call was not made."""

    code = "overloaded"


class OutcomeUnknown(TradeSenseError):
    """It may have happened. Retry only under the same idempotency key."""

    code = "outcome_unknown"


class InvariantBroken(TradeSenseError):
    """Our own records disagree. Stop, keep the evidence, page someone."""

    code = "invariant_broken"
