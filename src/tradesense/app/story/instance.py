"""
A private instance of the whole platform: its own folder, ports, servers and driven clock.

It is the real thing: `tradesense up` in its own process with all of its children. Only time is
ours: it stands still until we move it, and we move it only once everything is quiet.
"""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tradesense.app.instance import is_serving
from tradesense.app.quiet import quiet
from tradesense.infra.clock import DrivenClock
from tradesense.infra.db import Database
from tradesense.infra.embedded import ports
from tradesense.infra.settings import PREFIX, VARIABLES, Settings
from tradesense.kernel.errors import TimedOut, TradeSenseError
from tradesense.kernel.instants import to_us

START_PATIENCE_S = 60.0  # a cold start makes a database cluster
QUIET_PATIENCE_S = 120.0  # a day of ticks is played within seconds
STOP_PATIENCE_S = 30.0
LOOK_EVERY_S = 0.004  # far below what one step takes


@dataclass(frozen=True, slots=True)
class Said:
    """What a command wrote to its standard output, and its exit code."""

    said: str
    code: int


@dataclass(frozen=True, slots=True)
class Instance:
    """A running platform. `address` is its API; `run` the folder of its pid files."""

    settings: Settings
    clock: DrivenClock
    db: Database
    variables: Mapping[str, str]

    @property
    def address(self) -> str:
        return self.settings.own_url

    @property
    def run(self) -> Path:
        return self.settings.home / "run"

    async def command(self, *words: str) -> Said:
        """Run a `tradesense` command against this instance."""
        process = await asyncio.create_subprocess_exec(
            *_command(self.variables, *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
        return Said(said.decode(), process.returncode or 0)

    async def move_to(self, moment: datetime) -> None:
        """Let time pass up to `moment`, and everything that follows from it happen."""
        if moment > self.clock.now():
            self.clock.set(moment)
        await self.settle()

    async def settle(self) -> None:
        """
        Wait until nothing more happens unless somebody acts or time moves.

        Raises TimedOut with what still went on.
        """
        give_up = time.monotonic() + QUIET_PATIENCE_S
        reasons: Sequence[str] = ("no answer yet",)
        while time.monotonic() < give_up:
            try:
                async with self.db.reading() as tx:
                    reasons = await quiet(tx, clock_us=to_us(self.clock.now()))
            except TradeSenseError as error:
                reasons = (str(error),)
            if not reasons:
                return
            await asyncio.sleep(LOOK_EVERY_S)
        raise TimedOut(f"not quiet after {QUIET_PATIENCE_S:.0f} s: {'; '.join(reasons)}")


@asynccontextmanager
async def running(
    home: Path, *, start: datetime, prices: Sequence[Path], layout: str | None, seed: int
) -> AsyncIterator[Instance]:
    """Start an instance in `home` at `start` and stop it at the end. Raises TimedOut."""
    clock = DrivenClock.create(home / "clock", start)
    ours = {
        "HOME": str(home),
        "CLOCK": "driven",
        "PROVIDER_REST_S": "1",  # a killed sandbox is back within two seconds
        "PRICES": ":".join(str(path.absolute()) for path in prices),
        "LAYOUT": layout or "",
        "SEED": str(seed),
        "PORT": str(ports.choose()),
        "SANDBOX_PORT": str(ports.choose()),
        "LOG_LEVEL": "warning",
    }
    log = (home / "story.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        *_command(ours, "up"), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
    )
    try:
        settings = await _wait_ready(process, home, ours)
        async with Database.open(settings.database_url, name="story") as db:
            instance = Instance(settings, clock, db, ours)
            await instance.settle()
            yield instance
    finally:
        await _stop(process)
        log.close()


def _command(ours: Mapping[str, str], *words: str) -> list[str]:
    """Return a command against the instance; no variable of the caller's leaks into it."""
    cleared = [word for name in VARIABLES for word in ("-u", PREFIX + name)]
    given = [f"{PREFIX}{name}={text}" for name, text in ours.items()]
    return ["env", *cleared, *given, sys.executable, "-m", "tradesense.app.cli", *words]


async def _wait_ready(
    process: asyncio.subprocess.Process, home: Path, ours: Mapping[str, str]
) -> Settings:
    give_up = time.monotonic() + START_PATIENCE_S
    named = {PREFIX + name: text for name, text in ours.items()}
    while time.monotonic() < give_up:
        if process.returncode is not None:
            said = (home / "story.log").read_text(errors="replace")[-800:].strip()
            raise TimedOut(f"the private instance ended at once: {said}")
        settings = Settings.read(named)
        if settings.database_url and await is_serving(settings):
            return settings
        await asyncio.sleep(0.05)
    raise TimedOut(
        f"the private instance was not ready within {START_PATIENCE_S:.0f} s; see {home}"
    )


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_PATIENCE_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
