"""
What policies say in the logs: one structured line per event, with the policy's name.

    policy.state      before, after, why         a breaker changed its state
    policy.refused    breaker, shed, no_room, …  calls refused since the last line, by guard
    policy.cut_off    limit_s                    a call was given up on its way
    policy.gave_up    tries, why, error          the last try failed
    policy.again      tries, after_s, error      a try failed, another follows
    policy.event      event                      anything else: hedged, fell back, served stale
"""

from collections.abc import Iterable

import structlog

from tradesense.resilience import Policy
from tradesense.resilience.happenings import (
    GaveUp,
    Happening,
    RanOutOfTime,
    StateChanged,
    TriedAgain,
)

log = structlog.get_logger()


def tell(happening: Happening) -> None:
    """Log what happened; a breaker that lets nobody through is a warning."""
    name = happening.source
    match happening:
        case StateChanged(before=before, after=after, why=why):
            say = log.warning if after.endswith("open") and after != "half_open" else log.info
            say("policy.state", policy=name, before=before, after=after, why=why)
        case RanOutOfTime(limit_s=limit_s):
            log.info("policy.cut_off", policy=name, limit_s=round(limit_s, 3))
        case GaveUp(tries=tries, why=why, error=error):
            log.info("policy.gave_up", policy=name, tries=tries, why=why, error=repr(error))
        case TriedAgain(tries=tries, after_s=after_s, error=error):
            log.debug("policy.again", policy=name, tries=tries, after_s=after_s, error=repr(error))
        case _:
            log.info("policy.event", policy=name, event_kind=type(happening).__name__)


class Refusals:
    """Tells of calls that were refused: a burst of them is one line."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._policies = tuple(policies)
        self._told = {policy.name: dict[str, int]() for policy in self._policies}

    def tell(self) -> None:
        """Log what was refused since the last time, if anything was."""
        for policy in self._policies:
            now = policy.snapshot().refusals
            before = self._told[policy.name]
            new = {guard: n - before.get(guard, 0) for guard, n in now.items()}
            if any(new.values()):
                refused = {guard: n for guard, n in new.items() if n}
                log.warning("policy.refused", policy=policy.name, **refused)
            self._told[policy.name] = now
