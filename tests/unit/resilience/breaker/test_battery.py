"""Our breaker passes the whole battery, in each of its windows."""

import pytest

from breaker_battery import CASES
from breaker_world import Asked, Guard
from tradesense.resilience.breaker import Breaker, BreakerSettings, CountWindow, Streak, TimeWindow
from tradesense.resilience.deadline import Timeout
from tradesense.resilience.happenings import Happening
from tradesense.resilience.refusals import Refused
from tradesense.resilience.retry import Retry, RetrySettings, Steps
from unit.resilience.driven import Driven

RATES = {"failure_rate": 0.75, "slow_call_s": 60.0}
WINDOWS = {
    "streak": lambda failures: Streak(failures=failures),
    "count": lambda failures: CountWindow(calls_min=failures, **RATES),
    "time": lambda failures: TimeWindow(calls_min=failures, **RATES),
}


class Ours:
    """`breaker_world.Subject`."""

    name = "tradesense.resilience"
    package = "tradesense"
    rejections = (Refused,)
    timeout = staticmethod(Timeout("dependency", 5.0))
    retry = staticmethod(
        Retry("dependency", RetrySettings(tries_max=3, backoff=Steps((0, 0)), on=(Exception,)))
    )

    def __init__(self, window: str) -> None:
        self._window = WINDOWS[window]
        self._driven = Driven()

    def breaker(self, asked: Asked) -> Guard:
        return Breaker(
            "dependency",
            BreakerSettings(
                window=self._window(asked.failures),
                rest_s=asked.rest_s,
                rest_growth=1.0,
                probe_lease_s=asked.lease_s,
                failures=asked.recorded,
                ignored=(*asked.ignored, Refused),
            ),
            surroundings=self._driven.surroundings,
            listeners=[break_down] if asked.broken_listener else [],
        )

    async def wait(self, seconds: float) -> None:
        self._driven.pass_time(seconds)


def break_down(happening: Happening) -> None:
    raise RuntimeError(f"a listener that cannot hear {happening}")


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("case", CASES)
async def test_our_breaker_passes(case, window):
    await CASES[case](Ours(window))
