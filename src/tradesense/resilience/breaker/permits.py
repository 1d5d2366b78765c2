"""
What an admitted call holds until it ends: the place where its result goes.

While the breaker is closed all calls share one permit, the window of the present *era* (the time
since the last transition). A result goes to the permit of its admission; once the era is over
nobody reads that window any more. So results of earlier eras cannot decide anything later.
"""

from abc import ABC, abstractmethod
from typing import Any, Protocol

from tradesense.resilience.breaker.verdicts import Verdict, Verdicts

NEVER_S = float("inf")


class Permit(Protocol):
    """Told once how the admitted call ended; `start` and `now` are monotonic seconds."""

    def settle(self, start: float, now: float, result: Any) -> None:
        """Hear that the call returned `result`."""

    def fail(self, start: float, now: float, error: BaseException) -> None:
        """Hear that the call raised `error`."""


class Judge(Protocol):
    """Who is told when a window has seen enough to be looked at."""

    def review(self, era: "Era", now: float) -> None:
        """Decide whether what `era` counts opens the breaker."""


class Era(ABC):
    """
    Counts the results of one era. Subclasses say which results still count.

    `careful` is set while a result needs more than counting: there are failures or slow calls in
    the window, or results are judged. On the healthy path a call costs two comparisons.
    """

    __slots__ = ("_judge", "_verdicts", "calls", "careful", "failures", "slow", "slow_s", "until")

    def __init__(self, judge: Judge, verdicts: Verdicts, slow_s: float | None) -> None:
        self._judge = judge
        self._verdicts = verdicts
        self.slow_s = NEVER_S if slow_s is None else slow_s
        self.until = NEVER_S  # when something leaves the window
        self.careful = verdicts.asks_results
        # Of the newest bucket, where the window has buckets; of all the window otherwise.
        self.calls = self.failures = self.slow = 0

    def settle(self, start: float, now: float, result: Any) -> None:
        """Count an answer; the path of every healthy call, so it does nothing else."""
        if self.careful or now >= self.until or now - start >= self.slow_s:
            failed = self._verdicts.of_result(result) is Verdict.FAILURE
            self.count(now, failed=failed, slow=now - start >= self.slow_s)
        else:
            self.calls += 1

    def fail(self, start: float, now: float, error: BaseException) -> None:
        """Count an exception as what it says."""
        verdict = self._verdicts.of_error(error)
        if verdict is not Verdict.NOTHING:
            failed = verdict is Verdict.FAILURE
            self.count(now, failed=failed, slow=now - start >= self.slow_s)

    def count(self, now: float, *, failed: bool, slow: bool) -> None:
        """Count one call, and have the window looked at if anything is wrong in it."""
        self.add(now, failed=failed, slow=slow)
        self.careful = self._verdicts.asks_results or self.is_troubled()
        if self.careful:
            self._judge.review(self, now)

    @abstractmethod
    def add(self, now: float, *, failed: bool, slow: bool) -> None:
        """Put one call into the window, and let go of what has left it."""

    @abstractmethod
    def expire(self, now: float) -> None:
        """Let go of what has left the window by `now`."""

    @abstractmethod
    def is_troubled(self) -> bool:
        """Return whether a failure or a slow call is in the window."""

    @abstractmethod
    def totals(self) -> tuple[int, int, int]:
        """Return the calls, failures and slow calls in the window."""

    @abstractmethod
    def is_failing(self) -> str | None:
        """Return why the breaker should open, in words; None if it should not."""


class Free:
    """The permit of a disabled breaker: whatever happens, nobody wants to know."""

    __slots__ = ()

    def settle(self, start: float, now: float, result: Any) -> None:
        """Not counted."""

    def fail(self, start: float, now: float, error: BaseException) -> None:
        """Not counted."""


FREE = Free()
