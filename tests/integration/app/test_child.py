"""One kept process: it runs again after any death, and never outlives whoever keeps it."""

import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tradesense.app.supervisor.child import Child, Launch, Program

SLEEPS = "import time; print('hello', flush=True); time.sleep(600)"
IGNORES = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); "


def program(code: str) -> Program:
    return Program(
        name="sleeper",
        launch=lambda: Launch((sys.executable, "-c", code), {}, signal.SIGTERM),
    )


class Kept:
    """A child whose starts and deaths are noted."""

    def __init__(self, code: str, logs: Path) -> None:
        self.notes: list[str] = []
        self.pids: list[int] = []
        self.child = Child(program(code), logs, self._changed)

    def _changed(self, child: Child, why: str) -> None:
        self.notes.append(why)
        if child.pid is not None:
            self.pids.append(child.pid)

    async def starts(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.pids) < count:
                await asyncio.sleep(0.005)

    async def says(self, word: str) -> None:
        """Wait until the process has come far enough to say `word`."""
        log = self.child.logs / "sleeper.log"
        async with asyncio.timeout(10):
            while word not in (log.read_text() if log.exists() else ""):
                await asyncio.sleep(0.005)


@pytest.mark.parametrize("name", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
async def test_a_dead_process_runs_again_within_two_seconds(tmp_path, name):
    kept = Kept(SLEEPS, tmp_path)
    async with asyncio.TaskGroup() as group:
        group.create_task(kept.child.keep())
        await kept.starts(1)
        died = time.monotonic()
        os.kill(kept.pids[0], name)
        await kept.starts(2)
        assert time.monotonic() - died < 2
        assert kept.pids[0] != kept.pids[1]
        assert name.name in "".join(kept.notes)
        await kept.child.stop(5)
    assert kept.child.restarts == 1


async def test_one_that_keeps_dying_is_started_again_and_again_and_says_why(tmp_path):
    kept = Kept("raise SystemExit('no such table')", tmp_path)
    async with asyncio.TaskGroup() as group:
        group.create_task(kept.child.keep())
        await kept.starts(4)
        await kept.child.stop(5)
    assert "exit code 1: no such table" in "".join(kept.notes)


async def test_a_program_that_cannot_start_is_tried_again(tmp_path):
    missing = Program(
        name="sleeper", launch=lambda: Launch(("/nowhere/at/all",), {}, signal.SIGTERM)
    )
    notes = []
    child = Child(missing, tmp_path, lambda _, why: notes.append(why))
    async with asyncio.TaskGroup() as group:
        group.create_task(child.keep())
        async with asyncio.timeout(10):
            while len(notes) < 2:
                await asyncio.sleep(0.005)
        await child.stop(5)
    assert "cannot start" in notes[0]


async def test_stop_ends_a_process_that_ignores_the_signal(tmp_path):
    kept = Kept(IGNORES + "time.sleep(600)", tmp_path)
    async with asyncio.TaskGroup() as group:
        group.create_task(kept.child.keep())
        await kept.says("1")
        begun = time.monotonic()
        await kept.child.stop(0.2)
        assert time.monotonic() - begun < 5
    with pytest.raises(ProcessLookupError):
        os.kill(kept.pids[0], 0)


KEEPER = """
import asyncio, sys
from pathlib import Path
from tradesense.app.supervisor.child import Child, python
child = Child(python("sleeper", "timeit", "-n", "1", "__import__('time').sleep(600)"),
              Path(sys.argv[1]), lambda c, why: print(c.pid, flush=True))
asyncio.run(child.keep())
"""


def test_a_process_dies_with_a_keeper_that_was_killed(tmp_path):
    keeper = subprocess.Popen(
        [sys.executable, "-c", KEEPER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with keeper:
        pid = int(keeper.stdout.readline())
        kept = os.pidfd_open(pid)
        keeper.kill()
    assert has_ended(kept, within_s=5)
    os.close(kept)


def has_ended(pidfd: int, *, within_s: float) -> bool:
    return bool(select.select([pidfd], [], [], within_s)[0])
