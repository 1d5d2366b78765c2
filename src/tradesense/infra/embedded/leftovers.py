"""What a dead supervisor or postmaster left running in a data folder, and how to end it."""

import os
import signal
import time
from pathlib import Path

from tradesense.kernel.errors import Unavailable

# Fast shutdown writes a checkpoint; immediate does not wait for it; kill asks nobody.
_PATIENCE_S = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
_LOOK_EVERY_S = 0.02


class StillRunning(Unavailable):
    """Processes in the data folder outlive kill -9; the kernel is holding them."""

    code = "infra.still_running"


def end_leftovers(data: Path) -> None:
    """
    End every process that works in `data` and remove the lock file of a dead one.

    A postmaster killed -9 leaves backends that finish their statement before they notice,
    and its pid may since have been given to a stranger: so we go by the working folder of
    each process, which PostgreSQL sets to its data folder, never by the pid in the file.
    """
    for name, patience_s in _PATIENCE_S:
        deadline = time.monotonic() + patience_s
        told: set[int] = set()
        while left := set(working_in(data)):
            for pid in left - told:
                _tell(pid, name)
            told |= left
            if time.monotonic() > deadline:
                break
            time.sleep(_LOOK_EVERY_S)
        if not left:
            (data / "postmaster.pid").unlink(missing_ok=True)
            return
    raise StillRunning(f"processes {sorted(left)} still work in {data}")


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


def _tell(pid: int, name: signal.Signals) -> None:
    try:
        os.kill(pid, name)
    except ProcessLookupError:
        return  # ended by itself
