"""Clocks: one time for every process, which never goes back."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from tradesense.infra.clock import DrivenClock, SystemClock

NOON = datetime(2014, 5, 2, 12, 0, tzinfo=UTC)

SET_AND_DIE = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from tradesense.infra.clock import DrivenClock
DrivenClock(Path(sys.argv[1])).set(datetime.fromisoformat(sys.argv[2]))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_system_clock_is_aware_and_moves():
    clock = SystemClock()
    assert clock.now().utcoffset() == timedelta(0)
    assert clock.now() <= clock.now()


def test_a_driven_clock_stands_still_until_it_is_set(tmp_path):
    clock = DrivenClock.create(tmp_path / "clock", NOON)
    assert clock.now() == clock.now() == NOON
    clock.set(NOON + timedelta(microseconds=1))
    assert clock.now() == NOON + timedelta(microseconds=1)


def test_a_driven_clock_never_goes_back(tmp_path):
    clock = DrivenClock.create(tmp_path / "clock", NOON)
    clock.set(NOON)
    with pytest.raises(ValueError, match="never goes back"):
        clock.set(NOON - timedelta(microseconds=1))
    assert clock.now() == NOON


def test_what_a_process_sets_all_see_even_if_it_is_killed(tmp_path):
    path = tmp_path / "clock"
    clock = DrivenClock.create(path, NOON)
    later = NOON + timedelta(hours=1)
    setter = subprocess.run(
        [sys.executable, "-c", SET_AND_DIE, str(path), later.isoformat()], check=False
    )
    assert setter.returncode == -9
    assert clock.now() == DrivenClock(path).now() == later
