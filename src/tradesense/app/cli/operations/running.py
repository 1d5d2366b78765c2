"""What commands of operators share: an open runtime, who they are, and how moments are shown."""

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:  # commands import when they run; see the package
    from tradesense.infra.db import Transaction
    from tradesense.infra.runtime import Runtime

T = TypeVar("T")

Token = Annotated[
    Path,
    typer.Option(
        "--token-file", help="A file of your session token; `-` reads it from standard input."
    ),
]
"""Who decides, where two people must: the name of the system's user will not do."""

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
    return with_runtime(lambda runtime: _commit(runtime, verb, operator(), wake))


def write_as(
    token_file: Path,
    verb: "Callable[[Transaction, datetime, str], Awaitable[T]]",
    *,
    wake: str | None = None,
) -> T:
    """
    Return what `verb(tx, now, by)` did, committed, for whose session the token opens.

    Raises as `read_token` and `signed_in`, and as `verb`.
    """
    token = read_token(token_file)

    async def act(runtime: "Runtime") -> T:
        return await _commit(runtime, verb, await signed_in(runtime, token), wake)

    return with_runtime(act)


def read_token(file: Path) -> str:
    """Return the token that `file` holds; `-` is standard input. Raises BadParameter."""
    try:
        return (sys.stdin.read() if str(file) == "-" else file.read_text()).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"cannot read {file}: {error}") from None


async def signed_in(runtime: "Runtime", token: str) -> str:
    """
    Return the operator whose session `token` opens, as HTTP calls them.

    The name of the system's user would not do where two people must agree: one may have two.
    Raises NotSignedIn or NotAnOperator.
    """
    from tradesense.identity.caller import (  # noqa: PLC0415 -- commands import when they run
        NotAnOperator,
        NotSignedIn,
        find_caller_by_token,
    )

    caller = await find_caller_by_token(runtime, token)
    if caller is None:
        raise NotSignedIn("the token opens no session; POST /api/v1/sessions gives one")
    if not caller.is_operator:
        raise NotAnOperator("this is for the firm's operators")
    return f"operator:{caller.user_id}"


async def _commit(
    runtime: "Runtime",
    verb: "Callable[[Transaction, datetime, str], Awaitable[T]]",
    by: str,
    wake: str | None,
) -> T:
    now = runtime.now()
    done = await runtime.db.run(lambda tx: verb(tx, now, by), key=f"operations:{runtime.new_id()}")
    if wake is not None:
        await runtime.redis.publish(wake, b"operator")
    return done


def operator() -> str:
    """Return who acts, as the trail calls them: whoever is logged in on this machine."""
    return f"operator:{getpass.getuser()}"


def shown(moment: datetime) -> str:
    """Return a moment as people read it, with its zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def zoned(moment: datetime | None) -> datetime | None:
    """Return a moment that was asked for with its zone: UTC where none was written."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
