"""
Where `now` comes from: the system, or a file that a story or a test drives.

A driven clock is one 8-byte integer, microseconds since 1970, in a file that every process
of the instance maps. It survives kill -9 of any of them, and all of them see one time.
"""

import mmap
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from tradesense.infra.settings import BadSetting, Settings
from tradesense.kernel.instants import from_us, to_us

_WIRE = struct.Struct("<q")


class Clock(Protocol):
    """Tells the time; the only source of `now` in a process."""

    def now(self) -> datetime:
        """Return the current moment, UTC."""


class SystemClock:
    """The wall clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 -- the one place that reads the wall clock


class DrivenClock:
    """A clock that stands still until somebody sets it."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _WIRE.size)

    @classmethod
    def create(cls, path: Path, moment: datetime) -> "DrivenClock":
        """Make the file, set to `moment`, and return its clock."""
        path.write_bytes(_WIRE.pack(to_us(moment)))
        return cls(path)

    def now(self) -> datetime:
        return from_us(_WIRE.unpack_from(self._map)[0])

    def set(self, moment: datetime) -> None:
        """Move to `moment`. Raises ValueError for a moment in the past."""
        if moment < self.now():
            raise ValueError(f"a clock never goes back: {moment} is before {self.now()}")
        _WIRE.pack_into(self._map, 0, to_us(moment))


def clock_of(settings: Settings) -> Clock:
    """Return the clock that the settings name. Raises BadSetting if nobody has made it."""
    if settings.clock != "driven":
        return SystemClock()
    path = settings.home / "clock"
    try:
        return DrivenClock(path)
    except (OSError, ValueError) as error:
        raise BadSetting(
            f"TRADESENSE_CLOCK=driven needs a clock that somebody drives, and {path} is none: "
            "leave it out, or use `tradesense story`"
        ) from error
