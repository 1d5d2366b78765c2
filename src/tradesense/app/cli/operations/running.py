"""What commands of operators share: an open runtime, who they are, and how moments are shown."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:  # commands import when they run; see the package
    from tradesense.infra.db import Transaction
    from tradesense.infra.runtime import Runtime

T = TypeVar("T")

# How a moment may be written; without a zone it is UTC.
MOMENTS = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"]


def with_runtime(act: "Callable[[Runtime], Awaitable[T]]") -> T:
    """Return what `act` does with this instance's runtime. Raises NoInstance, and as `act`."""
    from tradesense.app.instance import instance_settings  # noqa: PLC0415 -- commands import late
    from tradesense.infra.runtime import Runtime  # noqa: PLC0415 -- ditto

    async def run() -> T:
        async with Runtime.open(instance_settings(), name="operations", connections=1) as runtime:
            return await act(runtime)

    return asyncio.run(run())


def read(verb: "Callable[[Transaction], Awaitable[T]]") -> T:
    """Return what `verb` reads."""

    async def act(runtime: "Runtime") -> T:
        async with runtime.db.reading() as tx:
            return await verb(tx)

    return with_runtime(act)


def write(
    verb: "Callable[[Transaction, datetime, str], Awaitable[T]]", *, wake: str | None = None
) -> T:
    """Return what `verb(tx, now, by)` did, committed; `wake` is the channel to tell of it."""

    async def act(runtime: "Runtime") -> T:
        now = runtime.now()
        done = await runtime.db.run(
            lambda tx: verb(tx, now, operator()), key=f"operations:{runtime.new_id()}"
        )
        if wake is not None:
            await runtime.redis.publish(wake, b"operator")
        return done

    return with_runtime(act)


def operator() -> str:
    """Return who acts, as the trail calls them: whoever is logged in on this machine."""
    return f"operator:{getpass.getuser()}"


def shown(moment: datetime) -> str:
    """Return a moment as people read it, with its zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def zoned(moment: datetime | None) -> datetime | None:
    """Return a moment that was asked for with its zone: UTC where none was written."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
