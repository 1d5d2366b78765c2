"""
Death by schedule: which process dies, during which step, how long into it. Pure but for the kill.

The schedule follows from the seed, so a run can be repeated. A kill is SIGKILL to a process the
instance itself started, found by the pid file that its supervisor wrote.
"""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random  # noqa: TID251 -- chance is this module's subject; it is seeded

from tradesense.kernel.errors import TimedOut

DELAY_MS_MAX = 60  # a step takes about this long, so the kill falls somewhere inside it
BACK_WITHIN_S = 20.0  # PostgreSQL may have to recover first; our own processes need under 2


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill `target` `delay_ms` after step `step` has begun."""

    step: int
    target: str
    delay_ms: int


@dataclass(frozen=True, slots=True)
class Death:
    """A kill that happened: the pid it ended, and how long until another took its place."""

    kill: Kill
    pid: int
    back_after_s: float


def schedule(*, seed: int, count: int, steps: int, targets: Sequence[str]) -> list[Kill]:
    """Return `count` kills over `steps` steps; each target at least once if `count` allows."""
    chance = Random(seed)  # noqa: S311 -- a schedule, not a secret
    victims = list(targets) * (count // len(targets)) + chance.sample(
        list(targets), count % len(targets)
    )
    chance.shuffle(victims)
    when = sorted(chance.sample(range(steps), count) if count <= steps else
                  (chance.randrange(steps) for _ in range(count)))  # fmt: skip
    return [
        Kill(step, target, chance.randrange(DELAY_MS_MAX))
        for step, target in zip(when, victims, strict=True)
    ]


async def carry_out(kill: Kill, *, run: Path, back_within_s: float = BACK_WITHIN_S) -> Death:
    """Kill the target and wait for its successor. Raises TimedOut if none comes."""
    await asyncio.sleep(kill.delay_ms / 1000)
    pid = await _pid(run, kill.target, other_than=None, within_s=back_within_s)
    os.kill(pid, signal.SIGKILL)
    died = time.monotonic()
    await _pid(run, kill.target, other_than=pid, within_s=back_within_s)
    return Death(kill, pid, time.monotonic() - died)


async def _pid(run: Path, target: str, *, other_than: int | None, within_s: float) -> int:
    """Return the pid of the live process of that name, once it is another than `other_than`."""
    give_up = time.monotonic() + within_s
    while time.monotonic() < give_up:
        pid = read_pid(run / f"{target}.pid")
        if pid is not None and pid != other_than and _is_alive(pid):
            return pid
        await asyncio.sleep(0.01)
    raise TimedOut(f"{target} did not come back within {within_s:g} s")


def read_pid(file: Path) -> int | None:
    """Return the pid that `file` holds, or None where there is none (yet)."""
    try:
        return int(file.read_text())
    except (FileNotFoundError, ValueError):
        return None


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}
