"""Faults that really happen: a server of one's own to kill, a network to cut."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tradesense.app.migrations import upgrade
from tradesense.infra.embedded import Postgres
from tradesense.infra.embedded.postgres import APP, OWNER, SEALER, SUPERUSER


class OwnServer:
    """
    A PostgreSQL that one test may kill; as durable as in production.

    Starting blocks the event loop, and must: a server dies with the thread that started it.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._postgres = Postgres(home)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address under the app's role."""
        return self._postgres.url(APP)

    @property
    def owner_url(self) -> str:
        return self._postgres.url(OWNER)

    @property
    def sealer_url(self) -> str:
        return self._postgres.url(SEALER)

    @property
    def superuser_url(self) -> str:
        return self._postgres.url(SUPERUSER)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, settings: Mapping[str, str] | None = None) -> None:
        """Start it, after whatever end, and wait until it takes connections."""
        if settings:
            self._postgres = Postgres(self._home, settings=settings)
        self._postgres.prepare()
        self._process = self._postgres.command().spawn(subprocess.DEVNULL)
        self._postgres.wait_ready_blocking()

    def migrate(self) -> None:
        upgrade(self.owner_url, app_url=self.url, sealer_url=self._postgres.url(SEALER))

    def end(self, name: signal.Signals = signal.SIGINT) -> None:
        """Send it `name` and wait until it has ended."""
        if self._process is not None:
            self._process.send_signal(name)
            self._process.wait(timeout=30)
            self._process = None


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """Lend a fresh, migrated, running server."""
    home = Path(tempfile.mkdtemp(prefix="tradesense-tests-", dir="/var/tmp"))
    home.chmod(0o711)
    server = OwnServer(home)
    try:
        server.start()
        server.migrate()
        yield server
    finally:
        server.end()
        shutil.rmtree(home)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Freeze a process for the length of the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@dataclass(frozen=True)
class Cut:
    """How a connection ends when a client's message meets it; the server may not notice."""

    is_delivered: bool
    is_noticed: bool = True


class Wire:
    """A TCP connection to `target` for each client, cut where a test says."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self.on_sent: Callable[[bytes], Cut | None] = lambda _: None
        self.cuts = 0
        self.url = ""

    async def carry(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """Carry one connection until either end closes it, or it is cut."""
        server, there = await asyncio.open_connection(self._target.hostname, self._target.port)
        answers = asyncio.ensure_future(_copy(server, back))
        try:
            while data := await client.read(65536):
                cut = self.on_sent(data)
                if cut is None:
                    there.write(data)
                    continue
                self.cuts += 1
                answers.cancel()
                await asyncio.wait({answers})
                if cut.is_delivered:
                    there.write(data)
                    await server.read(1)  # it has answered, and nobody hears it
                back.close()
                if not cut.is_noticed:
                    await server.read()  # until the server gives up by itself
                return
        except ConnectionError:
            return
        finally:
            answers.cancel()
            there.close()
            back.close()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            sink.write(data)
    sink.close()


@asynccontextmanager
async def wire(target: str) -> AsyncIterator[Wire]:
    """Lay a wire to the server at `target`; `wire.url` is the address at this end."""
    laid = Wire(target)
    server = await asyncio.start_server(laid.carry, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    parts = urlsplit(target)
    host = f"{parts.username}:{parts.password}@127.0.0.1:{port}"
    laid.url = parts._replace(netloc=host).geturl() + "?sslmode=disable&gssencmode=disable"
    try:
        yield laid
    finally:
        server.close()
