"""`tradesense evidence`: the proof of one account, as a file that a stranger can judge."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

if TYPE_CHECKING:  # commands import when they run; see the package
    from tradesense.infra.settings import Settings


def register(program: typer.Typer) -> None:
    """Add the command of this file to `program`."""
    program.command()(evidence)


def evidence(
    account: Annotated[UUID, typer.Argument(metavar="ACCOUNT", help="The account's id.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="[default: evidence-ACCOUNT.zip]")
    ] = None,
) -> None:
    """
    Write everything a stranger needs to judge an account again into one zip file.

    Then: `tradesense-verify FILE`. The platform has to run: the last prices are sealed first.
    """
    from tradesense.app.instance import instance_settings  # noqa: PLC0415 -- only this command's
    from tradesense.infra.files import write_whole  # noqa: PLC0415 -- ditto

    path = output or Path(f"evidence-{account}.zip")
    if not path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.parent}")
    bundle = asyncio.run(_bundle(instance_settings(), account))
    # Whole or not at all: half a proof looks like a forged one.
    write_whole(path, bundle)
    typer.echo(f"{path}: {len(bundle):,} bytes; judge it with: tradesense-verify {path}")


async def _bundle(settings: "Settings", account: UUID) -> bytes:
    from tradesense import challenges  # noqa: PLC0415 -- holds every module below it
    from tradesense.infra.runtime import Runtime  # noqa: PLC0415 -- ditto

    async with Runtime.open(settings, name="evidence", connections=1) as runtime:
        return await challenges.evidence_of(runtime, account)
