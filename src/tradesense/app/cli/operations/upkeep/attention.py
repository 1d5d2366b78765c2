"""`tradesense attention`: what waits for a person, on one page."""

import json
from typing import Annotated

import typer

from tradesense.app.cli.operations.running import shown, with_runtime
from tradesense.app.cli.platform import Json


def register(program: typer.Typer) -> None:
    """Add the command of this file to `program`."""
    program.command()(attention)


def attention(
    *,
    promises: Annotated[
        bool, typer.Option("--promises/--no-promises", help="Check every promise too.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Show what waits for a person, and the command that shows more. Exit code 1 if anything."""
    from tradesense.app.attention.gather import (  # noqa: PLC0415 -- commands import when they run
        gather,
        show,
    )

    found = with_runtime(lambda runtime: gather(runtime, checks_promises=promises))
    if as_json:
        typer.echo(json.dumps(show(found), indent=2))
    else:
        for one in found:
            since = "since unknown" if one.since is None else shown(one.since)
            typer.echo(f"{one.kind:<20} {since:<24} {one.subject}: {one.says}")
            typer.echo(f"{'':<20} {one.command}")
        if not found:
            typer.echo("nothing waits for a person")
    if found:
        raise typer.Exit(1)
