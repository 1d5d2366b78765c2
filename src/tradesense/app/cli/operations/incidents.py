"""`tradesense incidents`: what went wrong, its timeline, and what was learnt from it."""

import json
from typing import Annotated
from uuid import UUID

import typer

from tradesense.app.cli.operations.running import read, shown, write
from tradesense.app.cli.platform import Json

app = typer.Typer(help="Incidents: timeline, notes, review.", no_args_is_help=True)
Id = Annotated[UUID, typer.Argument(metavar="INCIDENT", help="The incident's id.")]


def register(program: typer.Typer) -> None:
    """Add the commands of this file to `program`."""
    program.add_typer(app, name="incidents")


@app.command("list")
def list_incidents(
    *,
    state: Annotated[
        str | None, typer.Option("--state", help="open, resolved or reviewed.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List incidents, the newest first. Exit code 1 if one is open."""
    from tradesense import reliability  # noqa: PLC0415 -- commands import when they run

    if state is not None and state not in set(reliability.IncidentState):
        raise typer.BadParameter(f"no state {state!r}: open, resolved or reviewed")
    wanted = None if state is None else reliability.IncidentState(state)
    found = read(lambda tx: reliability.list_incidents(tx, state=wanted))
    if as_json:
        typer.echo(json.dumps([one.facts() for one in found], indent=2))
    else:
        for one in found:
            state_now = f"{one.state.value:<9} {one.severity.value:<9}"
            typer.echo(f"{shown(one.opened_at)}  {one.incident_id}  {state_now} {one.summary}")
        if not found:
            typer.echo("none")
    if any(one.state is reliability.IncidentState.OPEN for one in found):
        raise typer.Exit(1)


@app.command()
def show(incident: Id, *, as_json: Json = False) -> None:
    """Show an incident with its timeline, oldest first."""
    from tradesense import reliability  # noqa: PLC0415 -- commands import when they run

    found, moments = read(lambda tx: reliability.get_timeline(tx, incident))
    if as_json:
        timeline = [moment.facts() for moment in moments]
        typer.echo(json.dumps({**found.facts(), "timeline": timeline}, indent=2))
        return
    typer.echo(f"{found.summary} ({found.severity.value}, {found.state.value})")
    for moment in moments:
        said = ", ".join(
            f"{name}: {value}" for name, value in moment.data.items() if not name.endswith("_id")
        )
        typer.echo(f"  {shown(moment.at)}  {moment.kind:<18} {moment.by:<20} {said}")


@app.command()
def note(incident: Id, text: Annotated[str, typer.Argument(help="What you saw or did.")]) -> None:
    """Add to the timeline what you saw or did."""
    from tradesense import reliability  # noqa: PLC0415 -- commands import when they run

    write(lambda tx, now, by: reliability.note(tx, incident_id=incident, text=text, by=by, now=now))


@app.command()
def resolve(incident: Id, how: Annotated[str, typer.Argument(help="How it ended.")]) -> None:
    """Say that an incident is over, and how."""
    from tradesense import reliability  # noqa: PLC0415 -- commands import when they run

    write(
        lambda tx, now, by: reliability.resolve(tx, incident_id=incident, how=how, by=by, now=now)
    )


@app.command()
def review(
    incident: Id,
    *,
    cause: Annotated[str, typer.Option("--cause", help="Where it came from.")],
    prevention: Annotated[str, typer.Option("--prevention", help="What keeps it from recurring.")],
) -> None:
    """Write down what a resolved incident came from, and what keeps it from coming again."""
    from tradesense import reliability  # noqa: PLC0415 -- commands import when they run

    write(
        lambda tx, now, by: reliability.review(
            tx, incident_id=incident, cause=cause, prevention=prevention, by=by, now=now
        )
    )
