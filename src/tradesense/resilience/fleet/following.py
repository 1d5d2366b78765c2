"""
What a member makes of the fleet's view. Pure.

The member's own breaker stays the authority: the fleet can make it rest, and rest on from beat to
beat, no more. When beats stop getting through, the rest simply ends, and the breaker goes on alone.
"""

from dataclasses import dataclass, replace

from tradesense.resilience.breaker.machine import BreakerSnapshot, State
from tradesense.resilience.fleet.decisions import Beat, View
from tradesense.resilience.fleet.record import Phase


@dataclass(frozen=True, slots=True)
class Following:
    """What a member remembers between beats."""

    era: int = 0  # of the last view
    led: bool = False  # the breaker rests because the fleet does
    loan: str | None = None  # the probe it was lent
    opened: int = 0  # how often the breaker had opened when it was lent
    refusals: int = 0  # of the breaker at the last beat: more of them mean that somebody calls


@dataclass(frozen=True, slots=True)
class Rest:
    """Rest for at least so long from now."""

    at_least_s: float
    why: str


@dataclass(frozen=True, slots=True)
class ProbeNow:
    """End the rest: the next call is the fleet's probe."""


@dataclass(frozen=True, slots=True)
class Close:
    """The fleet is well again."""

    why: str


@dataclass(frozen=True, slots=True)
class GoOn:
    """Leave the breaker to itself."""


Order = Rest | ProbeNow | Close | GoOn

OPERATORS = {State.FORCED_OPEN, State.DISABLED, State.METRICS_ONLY}


def beat_of(member: str, local: BreakerSnapshot, following: Following) -> Beat:
    """Return what to tell the fleet."""
    is_wanted = local.refusals > following.refusals
    decided = following.loan is not None and (
        local.state is State.CLOSED or local.times_opened > following.opened
    )
    return Beat(
        member=member,
        era=following.era,
        calls=local.calls,
        failures=max(local.failures, local.slow),
        wants_probe=following.led and is_wanted,
        probed=following.loan if decided else None,
        probed_well=decided and local.state is State.CLOSED,
    )


def follow(
    before: Following, view: View | None, local: BreakerSnapshot, beat_s: float
) -> tuple[Following, Order]:
    """
    Return what the member remembers and does after a beat; `view` is None if none got through.

    An operator's state is never touched, and what the breaker decided for itself stands.
    """
    if view is None:
        return Following(era=before.era, refusals=local.refusals), GoOn()
    after = Following(era=view.era, refusals=local.refusals)
    if local.state in OPERATORS:
        return after, GoOn()
    if view.phase is Phase.CLOSED:
        # A smaller number is a new record: the store lost the old one, and nobody is well for it.
        is_news = before.led and local.state is not State.CLOSED and view.era > before.era
        return after, Close("the fleet is well again") if is_news else GoOn()
    after = replace(after, led=True)
    if view.loan is None:
        # Two beats: one may be late, and then the next one prolongs the rest in time.
        return after, Rest(max(view.rest_left_s, 2 * beat_s), "the fleet rests")
    if view.loan == before.loan:
        return replace(after, loan=view.loan, opened=before.opened), GoOn()  # it is underway
    return replace(after, loan=view.loan, opened=local.times_opened), ProbeNow()
