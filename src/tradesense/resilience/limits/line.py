"""Who waits, and in which order: by priority, then by arrival. Pure."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from tradesense.resilience.limits.priority import Priority

W = TypeVar("W", bound=Hashable)


class Line(Generic[W]):
    """At most `most` waiters. Joining a full line costs the last of the least important a place."""

    __slots__ = ("_by_priority", "count", "most")

    def __init__(self, most: int) -> None:
        self.most = most
        self._by_priority: dict[Priority, OrderedDict[W, None]] = {
            level: OrderedDict() for level in Priority
        }
        self.count = 0

    def __len__(self) -> int:
        return self.count

    def join(self, waiter: W, level: Priority) -> W | None:
        """Let `waiter` in; return who has to go: nobody, somebody less important, or itself."""
        if self.count < self.most:
            evicted = None
        else:
            evicted = self._last_below(level)
            if evicted is None:
                return waiter
            self.leave(evicted)
        self._by_priority[level][waiter] = None
        self.count += 1
        return evicted

    def next(self) -> W | None:
        """Take out who has waited longest of the most important; None if nobody waits."""
        for waiting in self._by_priority.values():
            if waiting:
                self.count -= 1
                return waiting.popitem(last=False)[0]
        return None

    def leave(self, waiter: W) -> bool:
        """Take `waiter` out, wherever it stands; False if it does not wait."""
        for waiting in self._by_priority.values():
            if waiter in waiting:
                del waiting[waiter]
                self.count -= 1
                return True
        return False

    def ahead_of(self, level: Priority) -> int:
        """Return how many would be served before somebody of `level` who joined now."""
        return sum(len(waiting) for other, waiting in self._by_priority.items() if other <= level)

    def _last_below(self, level: Priority) -> W | None:
        for other in reversed(Priority):
            if other <= level:
                return None
            if self._by_priority[other]:
                return next(reversed(self._by_priority[other]))
        return None
