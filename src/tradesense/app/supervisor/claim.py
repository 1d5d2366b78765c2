"""What must be ours alone before anything starts: the data folder and the ports."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tradesense.infra.clock import clock_of
from tradesense.infra.settings import BadSetting, Settings
from tradesense.kernel.errors import Conflict, Invalid


class HomeTaken(Conflict):
    """Another supervisor runs on the same data folder."""

    code = "supervisor.home_taken"


class HomeUnusable(Invalid):
    """The data folder cannot be read or written."""

    code = "supervisor.home_unusable"


class PortTaken(Conflict):
    """Another program listens on a port we need."""

    code = "supervisor.port_taken"


@contextmanager
def claimed(home: Path) -> Iterator[None]:
    """
    Make `home` ours until the block, or this process, ends.

    The kernel drops the lock with the process, so a killed supervisor never blocks the next.
    Raises HomeTaken, HomeUnusable.
    """
    try:
        for folder in (home, home / "run", home / "logs"):
            folder.mkdir(mode=_mode(), parents=True, exist_ok=True)
        lock = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise HomeUnusable(
            f"cannot use the data folder {home}: {error.strerror}; "
            "set TRADESENSE_HOME to a folder that you may write"
        ) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 32).decode().strip() or "unknown"
            raise HomeTaken(
                f"another instance (process {holder}) runs on {home}; "
                "stop it, or set TRADESENSE_HOME to another folder"
            ) from None
        os.truncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def _mode() -> int:
    """Root lends PostgreSQL the user `nobody`, who must pass through, and may not look round."""
    return 0o711 if os.geteuid() == 0 else 0o700


def require_clock(settings: Settings) -> None:
    """Raise BadSetting where processes would find no clock, or prices that no clock can play."""
    clock_of(settings)
    if settings.prices and settings.clock != "driven":
        raise BadSetting(
            "TRADESENSE_PRICES holds the past, which the system clock cannot play: leave it out, "
            "or use `tradesense story --prices FILE`"
        )


def require_free(host: str, port: int, variable: str) -> None:
    """
    Raise PortTaken, naming the `variable` to set, if something listens on `port`.

    Raises BadSetting if `host` is not an address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (socket.gaierror, UnicodeError) as error:
            raise BadSetting(
                f"TRADESENSE_HOST={host[:60]!r} is no address of this machine; 127.0.0.1 is"
            ) from error
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise BadSetting(
                    f"TRADESENSE_HOST={host} is no address of this machine; 127.0.0.1 is"
                ) from error
            raise PortTaken(
                f"cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}; "
                f"stop what uses it, or set {variable} to another port"
            ) from error
