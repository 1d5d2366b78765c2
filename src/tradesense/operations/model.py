"""The nouns of operations, and the facts it publishes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tradesense.kernel.events import Event

WAKE = "breakers"  # the channel on which processes are told that something was decided


class Wanted(StrEnum):
    """What an operator may want of a breaker; CLOSE gives it back to itself."""

    FORCE_OPEN = "force-open"
    DISABLE = "disable"
    WATCH_ONLY = "watch-only"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """
    What was decided last about the breaker of `policy`; `version` counts from 1.

    `left_s` is how many seconds it still holds, by the database's clock; None for without end.
    """

    policy: str
    version: int
    state: Wanted
    why: str
    by: str
    at: datetime
    left_s: float | None

    @property
    def is_standing(self) -> bool:
        """Whether it still keeps the breaker from deciding for itself."""
        return self.state is not Wanted.CLOSE and (self.left_s is None or self.left_s > 0)


@dataclass(frozen=True, slots=True)
class BreakerForcedOpen(Event):
    """Nothing passes any more; for so many seconds, or until somebody closes it."""

    policy: str
    why: str
    for_s: int | None


@dataclass(frozen=True, slots=True)
class BreakerDisabled(Event):
    """Everything passes and nothing is counted."""

    policy: str
    why: str
    for_s: int | None


@dataclass(frozen=True, slots=True)
class BreakerWatched(Event):
    """Everything passes and is counted; it does not open."""

    policy: str
    why: str
    for_s: int | None


@dataclass(frozen=True, slots=True)
class BreakerClosed(Event):
    """The breaker decides for itself again, beginning with nothing counted."""

    policy: str
    why: str
