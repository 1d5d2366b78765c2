"""
One process, kept alive.

    waiting --spawn--> running --dies--> waiting --...
                          +----stop()----> stopped

A process that died runs again at once; one that keeps dying young is given longer and longer
rests, but never so long that it is missed for more than two seconds.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tradesense.infra.embedded.command import dies_with_parent
from tradesense.kernel.errors import TimedOut, Unavailable

RESTS_S = (0.0, 0.2, 0.5, 1.0, 1.5)  # the last one repeats: with the start itself, below 2 s
READY_PATIENCE_S = 60.0
_READY_SLICE_S = 1.0  # waiting runs in a thread, which no Ctrl-C can interrupt
YOUNG_S = 10.0  # a process that lived longer than this is forgiven its earlier deaths
LOG_BYTES_MAX = 10_000_000


@dataclass(frozen=True, slots=True)
class Launch:
    """One start of a program: its words, how to spawn it, and the signal that ends it cleanly."""

    argv: tuple[str, ...]
    options: Mapping[str, Any]
    stop_signal: signal.Signals


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run. `prepare` is called before every start; `ready` waits that many seconds."""

    name: str
    launch: Callable[[], Launch]
    prepare: Callable[[], None] = lambda: None
    ready: Callable[[float], Awaitable[None]] | None = None


def python(name: str, module: str, *arguments: str) -> Program:
    """Return the program that runs one of our modules under this interpreter."""

    def launch() -> Launch:
        options = {
            "stdin": asyncio.subprocess.DEVNULL,
            "start_new_session": True,  # Ctrl-C is for the supervisor, which stops us in order
            # Every process of ours may be killed at any instruction: so none outlives us.
            "preexec_fn": dies_with_parent(signal.SIGKILL),
        }
        return Launch((sys.executable, "-m", module, *arguments), options, signal.SIGTERM)

    return Program(name=name, launch=launch)


@dataclass(slots=True)
class Child:
    """A program and the process that runs it now. `changed` is told of every start and death."""

    program: Program
    logs: Path
    changed: Callable[["Child", str], None]
    pid: int | None = None
    restarts: int = 0
    stopping: bool = False
    _process: asyncio.subprocess.Process | None = None
    _stop_signal: signal.Signals = signal.SIGTERM
    _running: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        return self.program.name

    async def keep(self) -> None:
        """Run the program again and again until `stop`."""
        young = 0
        while not self.stopping:
            begun = time.monotonic()
            try:
                code = await self._live()
                why = f"{_ending(code)}{self._last_words()}"
            except (OSError, Unavailable) as error:  # no memory, no room, say: it may pass
                why = f"cannot start: {error}"
            if self.stopping:
                return
            young = young + 1 if time.monotonic() - begun < YOUNG_S else 0
            self.restarts += 1
            self.changed(self, why)
            await asyncio.sleep(RESTS_S[min(young, len(RESTS_S) - 1)])

    async def _live(self) -> int:
        await asyncio.to_thread(self.program.prepare)
        launch = self.program.launch()
        with self._log_path().open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *launch.argv, stdout=log, stderr=log, **launch.options
            )
        self._stop_signal = launch.stop_signal
        if self.stopping:  # it was asked to stop while it started
            self._process.kill()
        self.pid = self._process.pid
        self._running.set()
        self.changed(self, "")
        try:
            return await self._process.wait()
        finally:
            self.pid = None

    async def wait_ready(self) -> None:
        """Return once the process has started and, if it can say so, is ready."""
        await self._running.wait()
        deadline = time.monotonic() + READY_PATIENCE_S
        while self.program.ready is not None:
            try:
                await self.program.ready(_READY_SLICE_S)
            except TimedOut:
                if time.monotonic() > deadline:
                    raise
            else:
                return

    async def stop(self, patience_s: float) -> None:
        """End the process: by its own stop signal, after `patience_s` by SIGKILL."""
        self.stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(self._stop_signal)
        try:
            async with asyncio.timeout(patience_s):
                await process.wait()
        except TimeoutError:
            self.kill()
            await process.wait()

    def kill(self) -> None:
        """End the process now."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    def _log_path(self) -> Path:
        path = self.logs / f"{self.name}.log"
        if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
            path.replace(path.with_suffix(".log.1"))
        return path

    def _last_words(self) -> str:
        """Return the last line the process wrote, for people who ask why it died."""
        with (self.logs / f"{self.name}.log").open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 2000))
            lines = log.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1][:300]}" if lines else ""


def _ending(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
