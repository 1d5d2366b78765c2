"""Commands that run the platform, or one process of it."""

import asyncio
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from tradesense.app.processes import NAMES

PANEL = "One process of the platform; `up` starts them all"
Json = Annotated[bool, typer.Option("--json", help="Facts for a machine instead of a table.")]


def register(program: typer.Typer) -> None:
    """Add the commands of this file to `program`."""
    program.command()(up)
    program.command()(ps)
    program.command("settings")(show_settings)
    for name in NAMES:
        program.command(name, help=f"Run only the process `{name}`.", rich_help_panel=PANEL)(
            _runner(name)
        )


def up() -> None:
    """Start the whole platform and keep it alive; Ctrl-C stops all of it."""
    from tradesense.app.supervisor import up as supervise  # noqa: PLC0415 -- only this needs it
    from tradesense.infra.settings import Settings  # noqa: PLC0415 -- ditto

    def say(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    asyncio.run(supervise(Settings.from_environment(), say))


def ps(*, as_json: Json = False) -> None:
    """Show each running process: its id, age, restarts and memory. Exit code 1 if none runs."""
    from tradesense.app.supervisor import status  # noqa: PLC0415 -- only this needs it
    from tradesense.infra.settings import Settings  # noqa: PLC0415 -- ditto

    home = Settings.from_environment().home
    rows = status.find_rows(home)
    if as_json:
        typer.echo(status.as_json(rows))
    elif rows:
        typer.echo(status.as_table(rows))
    if not rows:
        typer.echo(f"nothing runs on {home}; `tradesense up` starts it", err=True)
        raise typer.Exit(1)


def show_settings() -> None:
    """List every TRADESENSE_* variable and what it means."""
    from tradesense.infra.settings import PREFIX, VARIABLES  # noqa: PLC0415 -- only this needs it

    width = max(len(name) for name in VARIABLES) + len(PREFIX)
    for name, meaning in VARIABLES.items():
        typer.echo(f"{PREFIX + name:<{width}}  {meaning}")


def _runner(name: str) -> Callable[[], None]:
    def run() -> None:
        from tradesense.app.run import run_process  # noqa: PLC0415 -- holds the event loop

        run_process(name)

    return run
