"""
Who is inside, who waits, and who is turned away. Pure: `W` is whatever stands for a waiter.

A call that leaves hands its place to the next in line, so nobody overtakes the line, and while
somebody waits no place is free.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

from tradesense.resilience.limits.gradient import GradientSettings
from tradesense.resilience.limits.line import Line
from tradesense.resilience.limits.priority import Priority
from tradesense.resilience.settings import (
    BadSetting,
    require_count,
    require_seconds,
    require_share,
)

W = TypeVar("W", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkheadSettings:
    """
    Room for `places` calls at once, or for as many as `adaptive` finds good.

    `queue_max` more may wait, up to `wait_max_s` each, in order of priority. A call is shed when
    those inside and waiting are already the share of the places that `shed_at` names for its
    priority; a priority that is not named is only turned away by a full queue.
    """

    places: int = 10
    queue_max: int = 0
    wait_max_s: float = 1.0
    shed_at: Mapping[Priority, float] = field(default_factory=dict)
    adaptive: GradientSettings | None = None

    def __post_init__(self) -> None:
        require_count("places", self.places)
        require_count("queue_max", self.queue_max, least=0)
        require_seconds("wait_max_s", self.wait_max_s)
        for level, share in self.shed_at.items():
            if not isinstance(level, Priority):
                raise BadSetting("shed_at", f"names priorities; {level!r} is none")
            require_share("shed_at", share)
        if self.adaptive is not None and self.adaptive.most > self.places:
            raise BadSetting("adaptive", f"goes up to {self.adaptive.most} of {self.places} places")


class Entry(Enum):
    """What became of somebody who asked for a place."""

    IN = "in"
    WAITS = "waits"
    NO_ROOM = "no room"
    SHED = "shed"


class Places(Generic[W]):
    """The places of one bulkhead. `free` may be negative after the limit shrank."""

    __slots__ = ("_shed_at", "free", "kept_back", "limit", "line")

    def __init__(self, settings: BulkheadSettings) -> None:
        self.limit = settings.adaptive.start if settings.adaptive else settings.places
        self.free = self.limit
        self.line: Line[W] = Line(settings.queue_max)
        self._shed_at = dict(settings.shed_at)
        self.kept_back = self._kept_back()

    @property
    def in_use(self) -> int:
        """How many are inside."""
        return self.limit - self.free

    def ask(self, waiter: W, level: Priority) -> tuple[Entry, W | None]:
        """Let `waiter` in, let it wait or turn it away; and who lost its place in line for it."""
        load = self.in_use + len(self.line)
        if load >= self._shed_at.get(level, float("inf")) * self.limit:
            return Entry.SHED, None
        if self.free > 0:
            self.free -= 1
            return Entry.IN, None
        evicted = self.line.join(waiter, level)
        if evicted == waiter:
            return Entry.NO_ROOM, None
        return Entry.WAITS, evicted

    def leave(self) -> W | None:
        """Give a place back; return who gets it."""
        if self.free >= 0:
            heir = self.line.next()
            if heir is not None:
                return heir
        self.free += 1
        return None

    def resize(self, limit: int) -> list[W]:
        """Have room for `limit` from now on; return who gets a place thereby."""
        self.free += limit - self.limit
        self.limit = limit
        self.kept_back = self._kept_back()
        heirs = []
        while self.free > 0 and (heir := self.line.next()) is not None:
            self.free -= 1
            heirs.append(heir)
        return heirs

    def _kept_back(self) -> int:
        """Return how many places must be free for a call of any priority to walk in."""
        least = min(self._shed_at.values(), default=1.0)
        return self.limit - int(least * self.limit)
