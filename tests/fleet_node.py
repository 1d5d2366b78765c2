"""
One process of a fleet, for tests: `python tests/fleet_node.py '{"name": "a", ...}'`.

It calls a dependency again and again under a breaker that is in the fleet, and says on each line
of its output what it counts. `Plan` holds what a test may choose.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, replace

from tradesense.infra.fleet import joined
from tradesense.infra.redis import Redis
from tradesense.resilience import Breaker, BreakerSettings, TimeWindow
from tradesense.resilience.fleet import FleetSettings
from tradesense.resilience.refusals import BreakerOpen

PAUSE_S = 0.05
SAYS_EVERY_S = 0.05


@dataclass(frozen=True)
class Plan:
    """What one process of the fleet is to do."""

    name: str
    redis_url: str
    port: int  # of the dependency
    beat_s: float = 0.1
    window_s: float = 20.0
    rest_s: float = 60.0  # alone
    fleet_rest_s: float = 1.0
    fleet_probes: int = 1
    probe_lease_s: float = 1.5
    calls_min: int = 1000  # alone: by default the fleet alone opens
    callers: int = 4
    wall_ahead_s: float = 0.0


class Ill(Exception):
    """The dependency said that it cannot."""


class Counted:
    """What this process has done since it began."""

    def __init__(self) -> None:
        self.made = self.well = self.refused = 0

    async def call_on(self, breaker: Breaker, plan: Plan) -> None:
        """Call the dependency for ever."""
        while True:
            try:
                await breaker.call(self._ask, plan)
                self.well += 1
            except BreakerOpen:
                self.refused += 1
            except (Ill, OSError):
                pass  # the breaker has counted it
            await asyncio.sleep(PAUSE_S)

    async def _ask(self, plan: Plan) -> None:
        self.made += 1
        reader, writer = await asyncio.open_connection("127.0.0.1", plan.port)
        try:
            writer.write(f"{plan.name}\n".encode())
            if await reader.readline() != b"well\n":
                raise Ill
        finally:
            writer.close()


def judged(plan: Plan) -> FleetSettings:
    return FleetSettings(
        calls_min=10, hearing_s=0.5, report_life_s=3.0, rest_s=plan.fleet_rest_s, rest_growth=1.0,
        rest_max_s=plan.fleet_rest_s, probes=plan.fleet_probes, probe_lease_s=plan.probe_lease_s,
    )  # fmt: skip


async def main(plan: Plan) -> None:
    settings = BreakerSettings(
        window=TimeWindow(window_s=plan.window_s, calls_min=plan.calls_min), rest_s=plan.rest_s,
        rest_jitter=0.0, rest_growth=1.0, probe_lease_s=plan.probe_lease_s,
    )  # fmt: skip
    breaker, counted = Breaker("dependency", settings), Counted()
    async with (
        Redis.open(plan.redis_url) as redis,
        joined(
            redis, [breaker], node=plan.name, beat_s=plan.beat_s, judge=lambda _: judged(plan)
        ) as node,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(plan.callers):
            group.create_task(counted.call_on(breaker, plan))
        while True:
            say(breaker, counted, node.members.get("dependency"))
            await asyncio.sleep(SAYS_EVERY_S)


def say(breaker, counted, member):
    line = {
        "state": breaker.state, "why": breaker.snapshot().why, "wall_s": wall_clock(),
        "made": counted.made, "well": counted.well, "refused": counted.refused,
        "heard": member.beats_heard if member else 0, "alone": bool(member and member.is_alone),
    }  # fmt: skip
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def wall_clock() -> float:
    return time.time()  # noqa: TID251 -- shows that the fault happened


def set_wall_clock_ahead(by_s: float) -> None:
    """Make this process believe that it is later: in its own process, nobody else's."""
    real, real_ns = time.time, time.time_ns  # noqa: TID251 -- the fault is in this very clock
    time.time = lambda: real() + by_s  # noqa: TID251 -- the same
    time.time_ns = lambda: real_ns() + int(by_s * 1e9)


def command(plan: Plan, **changes: object) -> list[str]:
    """Return the command line of a process that follows `plan`."""
    return [sys.executable, __file__, json.dumps(asdict(replace(plan, **changes)))]


if __name__ == "__main__":
    given = Plan(**json.loads(sys.argv[1]))
    set_wall_clock_ahead(given.wall_ahead_s)
    asyncio.run(main(given))
