"""
What the kit raises of its own, each a leaf of the platform's error tree.

* Unavailable
  x Refused             we did not make the call; never counted against the dependency, and
                        never retried by a retry around it
    + BreakerOpen           the dependency rests            (also a CircuitOpen)
    + NoRoom                no place, queue full or slow    (also an Overloaded)
    + Shed                  room is kept for what matters more      (also an Overloaded)
    + OverQuota             no quota left, or not in time   (also an Overloaded)
    + NoTimeLeft            the deadline passed before the call     (also a TimedOut)
    + AllResting            every provider's breaker is open        (also a CircuitOpen)
* OutcomeUnknown
  x CutOff              the call was under way when its time ran out

The two numbers ride in `args`: an exception without an `__init__` of its own is made in C.
"""

from tradesense.kernel.errors import CircuitOpen, OutcomeUnknown, Overloaded, TimedOut, Unavailable


class Refused(Unavailable):
    """We did not make the call. Raised with the name of who refused, and seconds to wait."""

    code = "refused"
    why = "refused the call"

    @property
    def name(self) -> str:
        """Who refused."""
        return str(self.args[0])

    @property
    def retry_after_s(self) -> float:
        """Seconds after which asking again makes sense; 0 where nobody can tell."""
        return float(self.args[1])

    def __str__(self) -> str:
        return f"{self.name} {self.why}; ask again in {self.retry_after_s:.3g} s"


class BreakerOpen(CircuitOpen, Refused):
    """The breaker rests, or all its probes are out."""

    code = "circuit_open"
    why = "rests after failures"


class AllResting(CircuitOpen, Refused):
    """The breaker of every provider rests."""

    code = "circuit_open"
    why = "has no provider that is well"


class NoRoom(Overloaded, Refused):
    """Every place is taken, and the queue is full or did not move in time."""

    code = "overloaded"
    why = "has no room"


class Shed(Overloaded, Refused):
    """What room is left is kept for calls that matter more."""

    code = "overloaded"
    why = "keeps its last places for what matters more"


class OverQuota(Overloaded, Refused):
    """The quota is used up, and waiting for it would take too long."""

    code = "overloaded"
    why = "has used up its quota"


class NoTimeLeft(TimedOut, Refused):
    """The deadline passed before the call was made."""

    code = "timed_out"
    why = "was asked after the deadline"


class CutOff(OutcomeUnknown):
    """The call was under way when its time ran out. Raised with a name and the limit in seconds."""

    code = "outcome_unknown"

    @property
    def name(self) -> str:
        """Who cut it off."""
        return str(self.args[0])

    @property
    def limit_s(self) -> float:
        """How long the call was given."""
        return float(self.args[1])

    def __str__(self) -> str:
        return f"{self.name} did not answer within {self.limit_s:.3g} s"
