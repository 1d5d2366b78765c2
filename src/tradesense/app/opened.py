"""Opens what a process works with: the database, the clock, the source of ids."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4  # noqa: TID251 -- the one source of ids that follow from nothing

from tradesense.infra.clock import Clock, DrivenClock, SystemClock
from tradesense.infra.db import Database
from tradesense.infra.runtime import Runtime
from tradesense.infra.settings import Settings


@asynccontextmanager
async def opened(settings: Settings, *, name: str, connections: int) -> AsyncIterator[Runtime]:
    """
    Open the runtime of process `name` with at most `connections` to the database.

    Opens while the database is away: who asks it then, waits. Raises FileNotFoundError if the
    clock is driven and nobody made it.
    """
    async with Database.open(
        settings.database_url, min_size=1, max_size=connections, name=name
    ) as db:
        clock = clock_of(settings)
        yield Runtime(
            settings=settings,
            db=db,
            now=clock.now,
            new_id=uuid4,
        )


def clock_of(settings: Settings) -> Clock:
    """Return the clock that the settings name."""
    if settings.clock == "driven":
        return DrivenClock(settings.home / "clock")
    return SystemClock()
