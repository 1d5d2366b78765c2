"""`tradesense story`: the whole platform, three traders and real prices, judged by a stranger."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from tradesense.app.cli.platform import Json

Prices = Annotated[
    list[Path] | None,
    typer.Option(
        "--prices", exists=True, dir_okay=False, readable=True,
        help="A price file; repeat it, or name several after it. None: a simulated market.",
    ),
]  # fmt: skip


def register(program: typer.Typer) -> None:
    """Add the commands of this file to `program`."""
    program.command()(story)


def story(
    more: Annotated[list[Path] | None, typer.Argument(exists=True, dir_okay=False)] = None,
    *,
    prices: Prices = None,
    layout: Annotated[str | None, typer.Option(help="LAYOUT or LAYOUT:SYMBOL.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="All chance follows from it.")] = 1,
    kills: Annotated[
        int, typer.Option(min=0, max=200, help="Kill -9 this many processes on the way.")
    ] = 0,
    home: Annotated[Path | None, typer.Option(help="Keep the instance in this folder.")] = None,
    quiet: Annotated[bool, typer.Option(help="No progress on the error output.")] = False,
    as_json: Json = False,
) -> None:
    """
    Play three traders against a private instance, at full speed, on the prices of the files.

    One breaks the daily loss, one the overall loss, one passes both phases and is funded, as far
    as the days in the files allow.

    Prints the timeline, the verdicts with their arithmetic, the trial balance, the trail and
    the invariants. Exit code 1 if anything is off.
    """
    from tradesense.app.story.report import as_json as in_json  # noqa: PLC0415 -- only here
    from tradesense.app.story.report import as_text  # noqa: PLC0415 -- ditto
    from tradesense.app.story.tell import Request, tell  # noqa: PLC0415 -- ditto

    files = [*(prices or []), *(more or [])]

    def say(line: str) -> None:
        if not quiet:
            sys.stderr.write(f"{line}\n")

    started = time.monotonic()
    request = Request(prices=files, layout=layout, seed=seed, kills=kills, home=home)
    facts = asyncio.run(tell(request, say))
    render = in_json if as_json else as_text
    names = [file.name for file in files]
    typer.echo(render(facts, seed=seed, files=names, took_s=time.monotonic() - started))
    if facts.wrongs():
        raise typer.Exit(1)
