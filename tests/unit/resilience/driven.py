"""
Time that a test drives: a clock that stands still until moved, or a loop that never waits.

`Driven` is for state machines and for runners that need no timer. `in_driven_time` runs a whole
test on a loop that jumps to the next timer instead of waiting for it: hours pass in no time, in
the same order as they would.
"""

import asyncio
import functools
import selectors
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tradesense.resilience.surroundings import Surroundings


@dataclass
class Driven:
    """A clock that a test moves, chance it chooses, and sleeps that pass at once."""

    now_s: float = 1000.0
    chance: float = 0.0
    slept: list[float] = field(default_factory=list)

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(lambda: self.now_s, lambda: self.chance, self._sleep)

    def pass_time(self, seconds: float) -> None:
        assert seconds >= 0, "a monotonic clock never goes back"
        self.now_s += seconds

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_time(seconds)


class _NeverWaits(selectors.DefaultSelector):
    """Moves the loop's clock by as long as it should have waited."""

    now_s = 1000.0

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready and timeout:
            self.now_s += timeout
        return ready


class DrivenLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when nothing else can happen."""

    def __init__(self) -> None:
        self._passing = _NeverWaits()
        super().__init__(self._passing)

    def time(self) -> float:
        return self._passing.now_s


def in_driven_time(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test on a driven loop."""

    @functools.wraps(test)
    def run(*args, **kwargs):
        with asyncio.Runner(loop_factory=DrivenLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


def loop_now() -> float:
    return asyncio.get_running_loop().time()


IN_LOOP = Surroundings(loop_now, lambda: 0.0, asyncio.sleep)
