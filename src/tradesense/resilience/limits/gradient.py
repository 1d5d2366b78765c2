"""
How many calls a dependency can take at once, learnt from how long they take. Pure.

After Netflix's concurrency-limits: while calls are about as quick as they can be, the limit grows
by a small queue; when they take longer, it shrinks in proportion. How quick they can be is the
quickest step remembered, not an average: under lasting overload an average learns that slow is
usual, and the limit would grow into it.
"""

import math
from dataclasses import dataclass

from tradesense.resilience.settings import (
    BadSetting,
    require_count,
    require_factor,
    require_share,
)

SHRINK_MOST = 0.5  # of the limit in one step
NEVER_S = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientSettings:
    """The limit moves between `least` and `most`, one step for every `step_calls` calls."""

    least: int = 1
    most: int = 100
    start: int = 10
    tolerance: float = 2.0  # so many times the quickest duration is still quick
    smoothing: float = 0.2  # how much of a step is taken
    step_calls: int = 10
    memory_steps: int = 600  # how long the quickest is remembered; then slower may be usual

    def __post_init__(self) -> None:
        require_count("least", self.least)
        require_count("most", self.most)
        if self.most < self.least:
            raise BadSetting("most", f"is at least `least`, {self.least}")
        if not self.least <= self.start <= self.most:
            raise BadSetting("start", f"lies between {self.least} and {self.most}")
        require_factor("tolerance", self.tolerance)
        require_share("smoothing", self.smoothing)
        require_count("step_calls", self.step_calls)
        require_count("memory_steps", self.memory_steps)


class Gradient:
    """The limit, step by step."""

    __slots__ = (
        "_before_s", "_calls", "_exact", "_in_use_max", "_quick_s", "_seconds", "_settings",
        "_steps",
    )  # fmt: skip

    def __init__(self, settings: GradientSettings) -> None:
        self._settings = settings
        self._exact = float(settings.start)
        # The quickest step of this half of the memory, and of the half before.
        self._quick_s = self._before_s = NEVER_S
        self._steps = 0
        self._calls = self._in_use_max = 0
        self._seconds = 0.0

    @property
    def limit(self) -> int:
        """How many calls may be underway at once."""
        return int(self._exact)

    def measure(self, seconds: float, in_use: int) -> int:
        """Learn from a call that took `seconds` with `in_use` underway; return the limit."""
        self._calls += 1
        self._seconds += seconds
        self._in_use_max = max(self._in_use_max, in_use)
        if self._calls >= self._settings.step_calls:
            self._step(self._seconds / self._calls)
            self._calls = self._in_use_max = 0
            self._seconds = 0.0
        return self.limit

    def _step(self, now_s: float) -> None:
        quick_s = self._quickest(now_s)
        if self._in_use_max * 2 < self._exact:
            return  # too little was asked for to learn more
        ratio = self._settings.tolerance * quick_s / now_s if now_s > 0 else 1.0
        wanted = self._exact * max(SHRINK_MOST, min(1.0, ratio)) + math.sqrt(self._exact)
        smooth = self._exact + (wanted - self._exact) * self._settings.smoothing
        self._exact = max(float(self._settings.least), min(float(self._settings.most), smooth))

    def _quickest(self, now_s: float) -> float:
        self._steps += 1
        if 2 * self._steps > self._settings.memory_steps:
            self._steps = 1
            self._before_s, self._quick_s = self._quick_s, now_s
        self._quick_s = min(self._quick_s, now_s)
        return min(self._quick_s, self._before_s)
