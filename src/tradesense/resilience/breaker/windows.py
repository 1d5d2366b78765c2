"""Which results still count: a streak, the last so many calls, or the last so many seconds."""

from collections import deque
from typing import Any

from tradesense.resilience.breaker.permits import Era, Judge
from tradesense.resilience.breaker.settings import CountWindow, Streak, TimeWindow, Window
from tradesense.resilience.breaker.verdicts import Verdicts

_FAILED, _SLOW = 1, 2  # the two bits of one call in a count window


def open_era(window: Window, judge: Judge, verdicts: Verdicts, now: float) -> Era:
    """Return an empty window as the settings describe it."""
    match window:
        case Streak():
            return StreakEra(window, judge, verdicts)
        case CountWindow():
            return CountEra(window, judge, verdicts)
        case TimeWindow():
            return TimeEra(window, judge, verdicts, now)


class StreakEra(Era):
    """Failures since the last answer. `failures` is the streak."""

    __slots__ = ("_most",)

    def __init__(self, window: Streak, judge: Judge, verdicts: Verdicts) -> None:
        super().__init__(judge, verdicts, None)
        self._most = window.failures

    def add(self, now: float, *, failed: bool, slow: bool) -> None:  # noqa: ARG002 -- no rates
        self.calls += 1
        self.failures = self.failures + 1 if failed else 0

    def expire(self, now: float) -> None:
        """Keep all: only calls move this window."""

    def is_troubled(self) -> bool:
        return self.failures > 0

    def totals(self) -> tuple[int, int, int]:
        # What came since the last answer; with none of it, that answer.
        return self.failures or min(self.calls, 1), self.failures, 0

    def is_failing(self) -> str | None:
        return f"{self.failures} failures in a row" if self.failures >= self._most else None


class RatedEra(Era):
    """A window in which rates decide, once there were enough calls."""

    __slots__ = ("_rates",)

    def __init__(self, window: CountWindow | TimeWindow, judge: Judge, verdicts: Verdicts) -> None:
        super().__init__(judge, verdicts, window.slow_call_s)
        self._rates = window

    def is_failing(self) -> str | None:
        calls, failures, slow = self.totals()
        if calls < self._rates.calls_min:
            return None
        if failures >= self._rates.failure_rate * calls:
            return f"{failures} of {calls} calls failed"
        if slow >= self._rates.slow_rate * calls:
            return f"{slow} of {calls} calls were slow"
        return None


class CountEra(RatedEra):
    """The last so many calls, in a ring."""

    __slots__ = ("_next", "_ring", "_seen")

    def __init__(self, window: CountWindow, judge: Judge, verdicts: Verdicts) -> None:
        super().__init__(window, judge, verdicts)
        self._ring = bytearray(window.calls)
        self._next = 0

    def settle(self, start: float, now: float, result: Any) -> None:
        # Before the first trouble the ring holds zeroes, and zeroes would be written over zeroes.
        if self.careful or now - start >= self.slow_s:
            super().settle(start, now, result)
        else:
            self.calls += 1

    def add(self, now: float, *, failed: bool, slow: bool) -> None:  # noqa: ARG002 -- no times
        ring, at = self._ring, self._next
        before = ring[at]
        ring[at] = failed * _FAILED | slow * _SLOW
        self._next = at + 1 if at + 1 < len(ring) else 0
        self.calls += 1
        self.failures += failed - (before & _FAILED)
        self.slow += slow - (before >> 1)

    def expire(self, now: float) -> None:
        """Keep all: only calls move this window."""

    def is_troubled(self) -> bool:
        return self.failures > 0 or self.slow > 0

    def totals(self) -> tuple[int, int, int]:
        return min(self.calls, len(self._ring)), self.failures, self.slow


class TimeEra(RatedEra):
    """The last so many seconds, in buckets: `calls`, `failures` and `slow` are the newest one's."""

    __slots__ = ("_at", "_buckets", "_past", "_past_sums", "_span_s")

    def __init__(self, window: TimeWindow, judge: Judge, verdicts: Verdicts, now: float) -> None:
        super().__init__(window, judge, verdicts)
        self._buckets = window.buckets
        self._span_s = window.window_s / window.buckets
        # Older buckets: (number, calls, failures, slow).
        self._past: deque[tuple[int, int, int, int]] = deque()
        self._past_sums = (0, 0, 0)
        self._begin(now)

    def add(self, now: float, *, failed: bool, slow: bool) -> None:
        self.expire(now)
        self.calls += 1
        self.failures += failed
        self.slow += slow

    def expire(self, now: float) -> None:
        if now >= self.until:
            self._turn(now)

    def is_troubled(self) -> bool:
        _, failures, slow = self.totals()
        return failures > 0 or slow > 0

    def totals(self) -> tuple[int, int, int]:
        calls, failures, slow = self._past_sums
        return calls + self.calls, failures + self.failures, slow + self.slow

    def _turn(self, now: float) -> None:
        """Begin a new bucket, and forget those that will be too old before it ends."""
        past = self._past
        past.append((self._at, self.calls, self.failures, self.slow))
        self._begin(now)
        while past and past[0][0] <= self._at - self._buckets:
            past.popleft()
        self._past_sums = (
            sum(b[1] for b in past),
            sum(b[2] for b in past),
            sum(b[3] for b in past),
        )
        self.calls = self.failures = self.slow = 0

    def _begin(self, now: float) -> None:
        self._at = int(now // self._span_s)
        self.until = (self._at + 1) * self._span_s
