"""A fleet of real processes, the dependency they call, and the Valkey between them."""

import asyncio
import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import redis

from fleet_node import Plan, command
from tradesense.infra.embedded import Valkey
from tradesense.infra.embedded.command import dies_with_parent
from tradesense.resilience.fleet import load

PATIENCE_S = 30.0  # the machine may be busy; nothing here is measured by it
WELL, ILL = b"well\n", b"ill\n"


class Dependency:
    """Answers each caller as the test says; `held` callers wait until they are let go."""

    def __init__(self) -> None:
        self.ill_for: set[str] = set()  # names of callers
        self.holds = False
        self.arrivals: list[str] = []
        self._let_go = asyncio.Event()
        self._waiting: set[asyncio.Task] = set()

    async def open(self) -> asyncio.Server:
        self.server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self.server

    def hold(self) -> None:
        """From now on nobody gets an answer; count who comes."""
        self.holds = True
        self._let_go.clear()
        self.arrivals.clear()

    def let_go(self) -> None:
        self.holds = False
        self._let_go.set()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            name = (await reader.readline()).decode().strip()
            self.arrivals.append(name)
            if self.holds:
                await self._let_go.wait()
            writer.write(ILL if name in self.ill_for else WELL)
            await writer.drain()
        except ConnectionError:
            return  # the caller was killed
        finally:
            writer.close()


class Process:
    """One process of the fleet, and the last thing it said."""

    def __init__(self, name: str, running: asyncio.subprocess.Process) -> None:
        self.name = name
        self.said: dict = {}
        self.states: list[str] = []  # each once in a row
        self.running = running

    async def listen(self) -> None:
        assert self.running.stdout is not None
        async for line in self.running.stdout:
            self.said = json.loads(line)
            if self.states[-1:] != [self.said["state"]]:
                self.states.append(self.said["state"])

    async def kill(self) -> None:
        if self.running.returncode is None:
            self.running.send_signal(signal.SIGKILL)
            await self.running.wait()


class FleetWorld:
    """`processes` by name, the `dependency`, and a Valkey that a test may kill."""

    def __init__(self, home: Path, dependency: Dependency, group: asyncio.TaskGroup) -> None:
        self.dependency = dependency
        self.processes: dict[str, Process] = {}
        self._group = group
        self._valkey = Valkey(home)
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def redis_url(self) -> str:
        return self._valkey.url()

    @property
    def valkey_pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    def start_valkey(self) -> None:
        # Blocks the loop, and must: a server dies with the thread that started it.
        self._valkey.prepare()
        self._server = self._valkey.command().spawn(subprocess.DEVNULL)
        self._valkey.wait_ready_blocking()

    def kill_valkey(self) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGKILL)
            self._server.wait(timeout=5)
            self._server = None

    async def start(self, *names: str, **changes: object) -> None:
        """Start a process for each name, under a plan with `changes`, and wait until all beat."""
        plan = Plan("", self.redis_url, self.dependency.port)
        for name in names:
            running = await asyncio.create_subprocess_exec(
                *command(plan, name=name, **changes),
                stdout=asyncio.subprocess.PIPE,
                env={"PYTHONPATH": str(Path(__file__).parent)},
                preexec_fn=dies_with_parent(signal.SIGKILL),
            )
            self.processes[name] = Process(name, running)
            self._group.create_task(self.processes[name].listen())
        await self.until(lambda: all(self.said(name, "heard") for name in names))

    def said(self, name: str, what: str):
        return self.processes[name].said.get(what, 0)

    @property
    def states(self) -> dict[str, str]:
        return {name: str(process.said["state"]) for name, process in self.processes.items()}

    def all_are(self, state: str) -> bool:
        return set(self.states.values()) == {state}

    @property
    def alone(self) -> list[bool]:
        return [process.said["alone"] for process in self.processes.values()]

    def counts(self, what: str) -> Counter:
        return Counter({name: process.said[what] for name, process in self.processes.items()})

    def report_ages_s(self) -> dict[str, float]:
        """How long ago each process was heard, by the clock of Valkey."""
        with redis.Redis.from_url(self.redis_url) as server:
            (key,) = server.keys("tradesense:fleet:*")
            seconds, microseconds = server.time()
            reports = load(server.get(key)).reports
        now_s = seconds + microseconds / 1e6
        return {name: now_s - report.at_s for name, report in reports.items()}

    async def until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < deadline, {n: p.said for n, p in self.processes.items()}
            await asyncio.sleep(0.02)

    async def beats(self, count: int) -> None:
        """Wait until each process has heard from the fleet so many more times."""
        goals = {name: heard + count for name, heard in self.counts("heard").items()}
        await self.until(lambda: all(self.said(n, "heard") >= goal for n, goal in goals.items()))

    async def calls(self, count: int, what: str = "well") -> None:
        """Wait until each process has made so many more calls that came back well."""
        goals = {name: done + count for name, done in self.counts(what).items()}
        await self.until(lambda: all(self.said(n, what) >= goal for n, goal in goals.items()))

    async def trip_together(self) -> None:
        """Let the dependency be ill for all until all rest."""
        self.dependency.ill_for = set(self.processes)
        await self.until(lambda: self.all_are("open"))

    async def close(self) -> None:
        self.dependency.let_go()
        for process in self.processes.values():
            await process.kill()
        self.kill_valkey()


@asynccontextmanager
async def fleet_world(home: Path) -> AsyncIterator[FleetWorld]:
    """Lend a running Valkey and a dependency that is well; the test starts the processes."""
    dependency = Dependency()
    async with await dependency.open(), asyncio.TaskGroup() as group:
        world = FleetWorld(home, dependency, group)
        try:
            world.start_valkey()
            yield world
        finally:
            await world.close()
