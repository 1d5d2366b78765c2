"""`tradesense sagas` and `tradesense events`: what stands still, and letting it go on."""

import json
from typing import Annotated
from uuid import UUID

import typer

from tradesense.app.cli.operations.running import read, shown, write
from tradesense.app.cli.platform import Json

sagas = typer.Typer(help="Long stories in steps: which wait for you.", no_args_is_help=True)
events = typer.Typer(help="Facts that could not be delivered.", no_args_is_help=True)

SagaId = Annotated[UUID, typer.Argument(metavar="SAGA", help="The saga's id.")]
Why = Annotated[str, typer.Option("--why", help="The reason; it goes on the trail.")]
Consumer = Annotated[str | None, typer.Option("--consumer", help="Only of this consumer.")]
Stream = Annotated[str | None, typer.Option("--stream", help="Only of this stream.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=500)]


def register(program: typer.Typer) -> None:
    """Add the commands of this file to `program`."""
    program.add_typer(sagas, name="sagas")
    program.add_typer(events, name="events")


@sagas.command()
def parked(*, limit: Limit = 100, as_json: Json = False) -> None:
    """List sagas that wait for a person, the longest first. Exit code 1 if there is one."""
    from tradesense import operations  # noqa: PLC0415 -- commands import when they run
    from tradesense.sagas import list_parked  # noqa: PLC0415 -- ditto

    found = read(lambda tx: list_parked(tx, limit=limit))
    if as_json:
        typer.echo(json.dumps([operations.stuck.show_parked(each) for each in found], indent=2))
    else:
        for each in found:
            saga = each.saga
            typer.echo(f"{shown(each.since)}  {saga.id}  {saga.kind:<12} {saga.trouble}")
        if not found:
            typer.echo("none")
    if found:
        raise typer.Exit(1)


@sagas.command()
def show(saga: SagaId, *, as_json: Json = False) -> None:
    """Show how a saga stands, and all that was told of it, oldest first."""
    from tradesense import operations  # noqa: PLC0415 -- commands import when they run

    found, told = read(lambda tx: operations.stuck.get_saga(tx, saga))
    if as_json:
        typer.echo(json.dumps(operations.stuck.show_saga(found, told), indent=2))
        return
    for name, fact in operations.stuck.show_saga(found).items():
        typer.echo(f"{name.replace('_', ' '):<12} {'-' if fact is None else fact}")
    for entry in told:
        said = {name: entry.data[name] for name in entry.data if name != "saga_id"}
        typer.echo(f"  {shown(entry.at)}  {entry.kind:<16} {entry.by:<20} {json.dumps(said)}")


@sagas.command()
def resume(saga: SagaId, *, why: Why, as_json: Json = False) -> None:
    """Let a parked saga go on where it stopped, with all its tries."""
    from tradesense import operations  # noqa: PLC0415 -- commands import when they run

    after = write(
        lambda tx, now, by: operations.stuck.resume_saga(tx, saga_id=saga, why=why, by=by, now=now)
    )
    if as_json:
        typer.echo(json.dumps(operations.stuck.show_saga(after), indent=2))
    else:
        typer.echo(f"{after.kind} {after.id} is {after.state.value} again")


@events.command()
def dead(
    *,
    consumer: Consumer = None,
    stream: Stream = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List entries that a consumer gave up, the oldest first. Exit code 1 if there is one."""
    from tradesense import bus, operations  # noqa: PLC0415 -- commands import when they run

    found = read(lambda tx: bus.list_dead(tx, limit=limit, consumer=consumer, stream=stream))
    if as_json:
        typer.echo(json.dumps([operations.stuck.show_letter(each) for each in found], indent=2))
    else:
        for one in found:
            again = "  on its way again" if one.replayed_at is not None else ""
            typer.echo(
                f"{shown(one.died_at)}  {one.entry_id:>8}  {one.consumer:<14} {one.kind:<20} "
                f"{one.stream}#{one.version}  {one.trouble}{again}"
            )
        if not found:
            typer.echo("none")
    if found:
        raise typer.Exit(1)


@events.command()
def replay(
    entry: Annotated[int | None, typer.Argument(min=1, help="The entry's id.")] = None,
    *,
    consumer: Consumer = None,
    stream: Stream = None,
    every: Annotated[bool, typer.Option("--all", help="All that are dead.")] = False,
    why: Why,
    as_json: Json = False,
) -> None:
    """Have dead entries delivered again, under their ids: ENTRY --consumer NAME, or many."""
    from tradesense import operations  # noqa: PLC0415 -- commands import when they run

    again = write(
        lambda tx, now, by: operations.stuck.replay_dead(
            tx,
            entry_id=entry,
            consumer=consumer,
            stream=stream,
            every=every,
            why=why,
            by=by,
            now=now,
        )
    )
    if as_json:
        shown_again = [operations.stuck.show_letter(each) for each in again]
        typer.echo(json.dumps({"replayed": len(again), "entries": shown_again}, indent=2))
    else:
        typer.echo(f"{len(again)} will be delivered again")
