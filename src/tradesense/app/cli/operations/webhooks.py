"""`tradesense webhooks`: what providers told us unasked, and having it looked into again."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tradesense.app.cli.operations.running import read, shown, write
from tradesense.app.cli.platform import Json

if TYPE_CHECKING:  # commands import when they run; see the package
    from tradesense.payments import WebhookSelection

app = typer.Typer(help="What payment providers told us unasked.", no_args_is_help=True)

MOMENTS = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"]
KNOWN = {"provider", "event_id"}  # what a webhook was asked for by
Provider = Annotated[str | None, typer.Option("--provider", help="Only of this provider.")]
Kinds = Annotated[
    list[str] | None, typer.Option("--kind", help="An event type, or a prefix and a star.")
]
Since = Annotated[
    datetime | None, typer.Option("--since", formats=MOMENTS, help="From then on; UTC by default.")
]
Until = Annotated[
    datetime | None, typer.Option("--until", formats=MOMENTS, help="Before then; UTC by default.")
]
Waiting = Annotated[
    bool | None, typer.Option("--waiting/--done", help="Only those without an outcome, or with.")
]


def register(program: typer.Typer) -> None:
    """Add the commands of this file to `program`."""
    program.add_typer(app, name="webhooks")


@app.command("list")
def list_webhooks(
    *,
    provider: Provider = None,
    kind: Kinds = None,
    since: Since = None,
    until: Until = None,
    waiting: Waiting = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500)] = 50,
    after: Annotated[str | None, typer.Option(help="Go on after this event id.")] = None,
    as_json: Json = False,
) -> None:
    """List webhooks, the newest first: when they came, and what came of them."""
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run

    which = _selection(provider, (), kind, (since, until), waiting)

    kept = read(lambda tx: payments.list_webhooks(tx, which=which, limit=limit, after=after))
    if as_json:
        typer.echo(json.dumps([one.facts() for one in kept], indent=2))
        return
    for one in kept:
        outcome = one.outcome or f"waiting, tried {one.tries} times"
        what = f"{one.provider:<8} {one.event_id:<32} {one.type:<32}"
        typer.echo(f"{shown(one.received_at)}  {what} {outcome}")
    if not kept:
        typer.echo("none")


@app.command()
def show(
    event_id: Annotated[str, typer.Argument(help="The provider's id of the event.")],
    *,
    provider: Annotated[str, typer.Option("--provider")] = "stripe",
    as_json: Json = False,
) -> None:
    """Show one webhook and every attempt to deliver it or to look into it."""
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run

    kept, attempts = read(
        lambda tx: payments.show_webhook(tx, provider=provider, event_id=event_id)
    )
    facts = {**kept.facts(), "attempts": [one.facts() for one in attempts]}
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    for name, fact in kept.facts().items():
        typer.echo(f"{name.replace('_', ' '):<12} {'-' if fact is None else fact}")
    for one in attempts:
        said = {name: one.data[name] for name in one.data if name not in KNOWN}
        typer.echo(f"  {shown(one.at)}  {one.kind:<16} {one.by:<24} {json.dumps(said)}")


@app.command()
def replay(
    event_ids: Annotated[list[str] | None, typer.Argument(help="Ids of events.")] = None,
    *,
    why: Annotated[str, typer.Option("--why", help="The reason; it goes on the trail.")],
    provider: Provider = None,
    kind: Kinds = None,
    since: Since = None,
    until: Until = None,
    waiting: Waiting = None,
    as_json: Json = False,
) -> None:
    """
    Have webhooks looked into again: those that meet everything said.

    Nothing is received twice: the provider is asked how things stand, and what is settled stays.
    """
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run

    which = _selection(provider, tuple(event_ids or ()), kind, (since, until), waiting)
    again = write(
        lambda tx, now, by: payments.replay_webhooks(tx, which=which, why=why, by=by, now=now),
        wake="payments",
    )
    if as_json:
        typer.echo(json.dumps({"replayed": len(again), "event_ids": list(again)}, indent=2))
    else:
        typer.echo(f"{len(again)} will be looked into again")


def _selection(
    provider: str | None,
    event_ids: tuple[str, ...],
    kinds: list[str] | None,
    moments: tuple[datetime | None, datetime | None],
    waiting: bool | None,  # noqa: FBT001 -- as the option is
) -> "WebhookSelection":
    from tradesense.payments import WebhookSelection  # noqa: PLC0415 -- commands import when run

    since, until = (
        moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
        for moment in moments
    )
    return WebhookSelection(
        provider=provider,
        event_ids=event_ids,
        kinds=tuple(kinds or ()),
        since=since,
        until=until,
        is_waiting=waiting,
    )
