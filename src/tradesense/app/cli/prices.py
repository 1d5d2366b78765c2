"""`tradesense prices`: what price files hold, before anything is played."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradesense.app.cli.platform import Json

if TYPE_CHECKING:
    from tradesense.market import Description

Files = Annotated[list[Path], typer.Argument(help="Price files, of any layout we read.")]
Layout = Annotated[
    str | None,
    typer.Option(help="LAYOUT or LAYOUT:SYMBOL, where name and content leave it open."),
]


def register(program: typer.Typer) -> None:
    """Add the command of this file to `program`."""
    program.command()(prices)


def prices(files: Files, layout: Layout = None, *, as_json: Json = False) -> None:
    """Say which layout, symbol, clock and defects each file has; refuse what cannot be played."""
    from tradesense.kernel.canonical import canonical  # noqa: PLC0415 -- only this command's
    from tradesense.market import describe, open_files  # noqa: PLC0415 -- ditto

    found = describe(open_files(files, layout=layout))
    typer.echo(canonical(found) if as_json else "\n".join(map(_told, found)))


def _told(one: "Description") -> str:
    return f"""{" + ".join(one.files)}
  {one.symbol}, layout {one.layout}, times in {one.time_zone}
  {one.first:%Y-%m-%d %H:%M:%S} to {one.last:%Y-%m-%d %H:%M:%S} UTC
  {one.rows:,} {one.period} rows, {one.quotes:,} quotes: {one.crossed:,} crossed (judge nothing), \
{one.locked:,} locked, {one.late:,} late, {one.closed:,} out of session, {one.rounded:,} rounded
  {one.gaps:,} silences of more than {one.stale_after_s} s in session, \
the longest {one.longest_gap_s:,} s"""
