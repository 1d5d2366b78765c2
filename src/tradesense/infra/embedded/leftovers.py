"""What a dead supervisor or postmaster left running in a data folder, and how to end it."""

import os
import signal
import time
from pathlib import Path

from tradesense.kernel.errors import Unavailable

# A living postmaster shuts down fast (it writes a checkpoint), then at once. Processes without
# a postmaster end by themselves unless they are frozen; what they were doing is not committed.
_FAST_S, _AT_ONCE_S, _ORPHANS_S, _KILLED_S = 15.0, 5.0, 1.0, 5.0
_LOOK_EVERY_S = 0.02


class StillRunning(Unavailable):
    """Processes in the data folder outlive kill -9; the kernel is holding them."""

    code = "infra.still_running"


def end_leftovers(data: Path) -> None:
    """
    End every process that works in `data`, and remove the lock file of a dead one.

    We go by the working folder of each process, which PostgreSQL sets to its data folder: the
    pid in the lock file may since have been given to a stranger. Raises StillRunning.
    """
    postmaster = _locked_by(data)
    if postmaster in working_in(data):
        for name, patience_s in ((signal.SIGINT, _FAST_S), (signal.SIGQUIT, _AT_ONCE_S)):
            _tell(postmaster, name)
            if _is_quiet(data, patience_s):
                break
    elif not _is_quiet(data, _ORPHANS_S):
        for pid in working_in(data):
            _tell(pid, signal.SIGQUIT)
    if not _is_quiet(data, _LOOK_EVERY_S):
        for pid in working_in(data):
            _tell(pid, signal.SIGKILL)
        if not _is_quiet(data, _KILLED_S):
            raise StillRunning(f"processes {working_in(data)} still work in {data}")
    (data / "postmaster.pid").unlink(missing_ok=True)


def working_in(folder: Path) -> list[int]:
    """Return the pids whose working folder is `folder`."""
    wanted = os.path.realpath(folder)
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(entry / "cwd") == wanted:  # noqa: PTH115 -- ten times faster, no object
                found.append(int(entry.name))
        except OSError:
            continue  # it has ended since, or is not ours to look at
    return found


def _locked_by(data: Path) -> int:
    try:
        return int((data / "postmaster.pid").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0  # no lock, or half a one


def _is_quiet(data: Path, patience_s: float) -> bool:
    """Say whether nothing works in `data`, or will have stopped within `patience_s`."""
    deadline = time.monotonic() + patience_s
    while working_in(data):
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True


def _tell(pid: int, name: signal.Signals) -> None:
    try:
        os.kill(pid, name)
    except ProcessLookupError:
        return  # ended by itself
