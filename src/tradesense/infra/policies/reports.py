"""
What the policies of each process count, in a file per process that the others of its machine read.

Files and not the database: they must be readable while the database is what is in trouble.
"""

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tradesense.infra.policies.telling import Refusals
from tradesense.resilience import Policy

log = logging.getLogger(__name__)

EVERY_S = 0.5
FORGOTTEN_S = 10.0  # a process that has said nothing for so long has ended, or hangs
_SUFFIX = ".policies.json"


@dataclass(frozen=True, slots=True)
class Report:
    """What one process last said: `policies` are PolicySnapshots as plain values."""

    process: str
    pid: int
    age_s: float
    policies: list[dict[str, Any]]


def report(process: str, policies: Iterable[Policy]) -> Report:
    """Return what this process, called `process`, has to say now."""
    told = [asdict(policy.snapshot()) for policy in policies]
    return Report(process, os.getpid(), 0.0, told)


def write(home: Path, told: Report) -> None:
    """Leave `told` for others of this machine, in place of what the process said before."""
    folder = home / "run"
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{told.process}.{told.pid}{_SUFFIX}"
    draft.write_text(json.dumps(asdict(told)))
    draft.replace(folder / f"{told.process}{_SUFFIX}")


def read(home: Path) -> list[Report]:
    """Return what each process of this machine said last, unless that is long ago; by name."""
    found = []
    now = time.time()  # noqa: TID251 -- compared with the times of files
    for path in sorted((home / "run").glob(f"*{_SUFFIX}")):
        try:
            age_s = max(0.0, now - path.stat().st_mtime)
            if not path.name.startswith(".") and age_s < FORGOTTEN_S:
                said = json.loads(path.read_text())
                found.append(Report(said["process"], said["pid"], age_s, said["policies"]))
        except FileNotFoundError:
            continue  # it has ended since
    return found


@asynccontextmanager
async def watching(home: Path, process: str, policies: Iterable[Policy]) -> AsyncIterator[None]:
    """Tell logs and other processes of `policies` for the length of the block."""
    watched = tuple(policies)
    own = home / "run" / f"{process}{_SUFFIX}"
    try:
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(_go_on(home, process, watched))
            try:
                yield
            finally:
                telling.cancel()
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None  # the block's own
    finally:
        own.unlink(missing_ok=True)


async def _go_on(home: Path, process: str, watched: tuple[Policy, ...]) -> None:
    refusals, could_write = Refusals(watched), True
    while True:
        refusals.tell()
        try:
            write(home, report(process, watched))
            could_write = True
        except OSError as error:
            if could_write:
                log.warning("nobody can see our policies: %s", error)
            could_write = False
        await asyncio.sleep(EVERY_S)
