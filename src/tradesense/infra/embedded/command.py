"""A server's command line, spawned so that it never outlives whoever spawned it."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# prctl(2): the signal this process gets when its parent dies.
_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec nothing may be imported or allocated at leisure.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run, as whom, and the signal that stops it cleanly."""

    argv: tuple[str, ...]
    stop_signal: signal.Signals
    user: int | None = None
    group: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)

    def options(self) -> dict[str, Any]:
        """
        Return keyword arguments for `subprocess.Popen` or `asyncio.create_subprocess_exec`.

        Spawn from a thread that lives as long as the server should: Linux ties the death
        signal to the thread that forked.
        """
        options: dict[str, Any] = {
            "env": dict(self.env),
            "cwd": "/",
            "stdin": subprocess.DEVNULL,
            "start_new_session": True,  # Ctrl-C is for the supervisor, which stops us in order
            "preexec_fn": dies_with_parent(self.stop_signal),
        }
        if self.user is not None:
            options |= {"user": self.user, "group": self.group, "extra_groups": []}
        return options

    def spawn(self, output: int | None = None) -> subprocess.Popen[bytes]:
        """Start it; `output` is the file descriptor for what it says, by default ours."""
        return subprocess.Popen(  # noqa: S603 -- our own argv, no shell
            self.argv, stdout=output, stderr=output, **self.options()
        )


def dies_with_parent(death_signal: signal.Signals) -> "Any":
    """
    Return a `preexec_fn` after which the child gets `death_signal` when this process dies.

    It runs after the change of user, which would have cleared the setting (prctl(2)).
    """
    parent = os.getpid()

    def tie() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal))
            if os.getppid() != parent:  # it died before we could ask to be told
                os._exit(1)

    return tie
