"""The schedule of kills, and what it means to have carried one out."""

import asyncio
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.app.story.kills import Kill, carry_out, read_pid, schedule
from tradesense.kernel.errors import TimedOut

TARGETS = ("api", "worker", "engine")


@given(st.integers(0, 2**32), st.integers(0, 40), st.integers(1, 60))
def test_the_same_seed_kills_the_same_processes_in_the_same_steps(seed, count, steps):
    once = schedule(seed=seed, count=count, steps=steps, targets=TARGETS)
    assert once == schedule(seed=seed, count=count, steps=steps, targets=TARGETS)
    assert len(once) == count
    assert all(0 <= kill.step < steps for kill in once)


def test_every_target_dies_when_there_are_enough_kills():
    kills = schedule(seed=7, count=20, steps=50, targets=TARGETS)
    assert {kill.target for kill in kills} == set(TARGETS)


async def test_a_kill_that_nobody_answers_is_an_error(tmp_path):
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import time; time.sleep(60)"
    )
    (tmp_path / "api.pid").write_text(f"{victim.pid}\n")
    try:
        with pytest.raises(TimedOut, match="api did not come back"):
            await carry_out(Kill(0, "api", 0), run=tmp_path, back_within_s=0.3)
        assert await victim.wait() == -9
    finally:
        if victim.returncode is None:
            victim.kill()


def test_a_missing_or_half_written_pid_file_names_nobody(tmp_path):
    (tmp_path / "empty.pid").write_text("")
    assert read_pid(tmp_path / "empty.pid") is None
    assert read_pid(tmp_path / "missing.pid") is None
