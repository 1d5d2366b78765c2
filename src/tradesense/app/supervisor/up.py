"""Starts the platform in order, keeps it alive, and stops it in the opposite order."""

import asyncio
import signal
import sys
from collections.abc import Callable

from tradesense.app.instance import is_serving
from tradesense.app.supervisor import plan, status
from tradesense.app.supervisor.child import Child, Program
from tradesense.app.supervisor.claim import claimed, require_clock, require_free
from tradesense.infra.embedded import Secrets
from tradesense.infra.settings import Settings
from tradesense.kernel.errors import InvariantBroken, TradeSenseError

# Long enough for a request in flight, short enough for a person who pressed Ctrl-C.
STOP_PATIENCE_S = 5.0
SERVER_STOP_PATIENCE_S = 10.0  # PostgreSQL writes a last checkpoint
FIRST_PAGE_PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.05

Say = Callable[[str], None]


class MigrationFailed(InvariantBroken):
    """The tables could not be brought up to date; nothing else was started."""

    code = "supervisor.migration_failed"


async def up(settings: Settings, say: Say) -> None:
    """
    Run the platform until SIGINT or SIGTERM; a second one stops it at once.

    Raises HomeTaken, HomeUnusable, PortTaken, BadSetting, MigrationFailed.
    """
    require_clock(settings)
    with claimed(settings.home):
        require_free(settings.host, settings.port, "TRADESENSE_PORT")
        if plan.uses_sandbox(settings):
            require_free("127.0.0.1", settings.sandbox_port, "TRADESENSE_SANDBOX_PORT")
        await _Platform(settings, say).run()


class _Platform:
    def __init__(self, settings: Settings, say: Say) -> None:
        self._settings = settings
        self._say = say
        self._servers: list[Child] = []
        self._processes: list[Child] = []
        self._stop = asyncio.Event()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, self._asked_to_stop)
        try:
            async with asyncio.TaskGroup() as keepers:
                starting = keepers.create_task(self._start(keepers))
                await self._stop.wait()
                starting.cancel()
                await self._stop_all()
        except* TradeSenseError as failed:
            await self._stop_all()
            raise failed.exceptions[0] from None
        finally:
            for child in (*self._processes, *self._servers):
                child.kill()  # only after an error of our own is anything left to end
            status.clear(self._settings.home)

    async def _start(self, keepers: asyncio.TaskGroup) -> None:
        Secrets.make(self._settings.home)  # real servers have no part that would do it
        self._servers = self._keep(plan.servers(self._settings), keepers)
        for server in self._servers:
            await server.wait_ready()
        await self._migrate()
        self._processes = self._keep(plan.processes(self._settings), keepers)
        await self._wait_for_first_page()
        self._say(f"\nTradeSense runs at {self._settings.public_url}   (Ctrl-C stops it)")
        if self._settings.demo:
            from tradesense.app.logins import DEMO  # noqa: PLC0415 -- only the demo needs it

            self._say(f"Sign in as {DEMO.email} with the password {DEMO.password}\n")

    def _keep(self, programs: list[Program], keepers: asyncio.TaskGroup) -> list[Child]:
        logs = self._settings.home / "logs"
        children = [Child(program, logs, self._changed) for program in programs]
        for child in children:
            keepers.create_task(child.keep())
        return children

    def _changed(self, child: Child, why: str) -> None:
        status.write(self._settings.home, (*self._servers, *self._processes))
        if why:
            self._say(f"{child.name:<10} ended ({why}); starting it again")
        else:
            self._say(f"{child.name:<10} runs as process {child.pid}")

    async def _migrate(self) -> None:
        """Bring the tables up to date, in a process of its own that takes its memory with it."""
        migration = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tradesense.app.cli", "db", "migrate",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            said, _ = await migration.communicate()
        finally:
            if migration.returncode is None:
                migration.kill()
        if migration.returncode != 0:
            raise MigrationFailed(f"the tables are not up to date: {said.decode().strip()}")

    async def _wait_for_first_page(self) -> None:
        try:
            async with asyncio.timeout(FIRST_PAGE_PATIENCE_S):
                while not await is_serving(self._settings):  # noqa: ASYNC110 -- another process
                    await asyncio.sleep(_LOOK_EVERY_S)
        except TimeoutError:
            log = self._settings.home / "logs" / "api.log"
            self._say(f"no page yet after {FIRST_PAGE_PATIENCE_S:g} s; see {log}")

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            self._say("stopping at once")
            for child in (*self._processes, *self._servers):
                child.kill()
        else:
            self._say("\nstopping; press Ctrl-C again to stop at once")
            self._stop.set()

    async def _stop_all(self) -> None:
        await asyncio.gather(*(child.stop(STOP_PATIENCE_S) for child in self._processes))
        await asyncio.gather(*(child.stop(SERVER_STOP_PATIENCE_S) for child in self._servers))
