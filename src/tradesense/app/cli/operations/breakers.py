"""`tradesense breakers`: how our calls to others are guarded, and deciding about it by hand."""

import json
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradesense.app.cli.operations.running import with_runtime, write
from tradesense.app.cli.platform import Json

if TYPE_CHECKING:  # commands import when they run; see the package
    from tradesense.infra.runtime import Runtime

app = typer.Typer(
    help="Who guards our calls to others, and whether they pass.", no_args_is_help=True
)

UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def names() -> list[str]:
    """Return the names a shell completes."""
    from tradesense.infra.policies import BREAKERS  # noqa: PLC0415 -- commands import late

    return list(BREAKERS)


Name = Annotated[str, typer.Argument(help="Whose breaker, as in `list`.", autocompletion=names)]
Why = Annotated[str, typer.Option("--why", help="The reason; it goes on the trail.")]
For = Annotated[
    str | None,
    typer.Option("--for", help="For so long: 90s, 30m, 2h, 1d [default: until decided anew]."),
]


def register(program: typer.Typer) -> None:
    """Add the commands of this file to `program`."""
    program.add_typer(app, name="breakers")


@app.command("list")
def list_breakers(*, as_json: Json = False) -> None:
    """List the breakers: what was decided, and the state in each process of this machine."""
    found = _breakers()
    if as_json:
        typer.echo(json.dumps({"breakers": found}, indent=2))
        return
    for breaker in found:
        states = {f"{each['process']} {each['state']}" for each in breaker["processes"]}
        directive = breaker["directive"]
        said = f"  {directive['state']} by {directive['by']}" if directive else ""
        typer.echo(f"{breaker['name']:<12}{', '.join(sorted(states)) or 'nobody runs'}{said}")


@app.command()
def show(name: Name, *, as_json: Json = False) -> None:
    """Show one breaker. Exit code 2 if there is none of this name."""
    from tradesense.operations import UnknownBreaker  # noqa: PLC0415 -- commands import late

    found = [breaker for breaker in _breakers() if breaker["name"] == name]
    if not found:
        raise UnknownBreaker(f"there is no breaker {name!r}: {', '.join(names())}")
    if as_json:
        typer.echo(json.dumps(found[0], indent=2))
        return
    directive = found[0]["directive"]
    typer.echo(f"{name}: {_told(directive) if directive else 'decides for itself'}")
    for each in found[0]["processes"]:
        typer.echo(
            f"  {each['process']:<10} {each['state']:<12} {each['why']}; {each['calls']} calls, "
            f"{each['refusals']} refused, rests {each['rest_left_s']:g} s more"
        )


@app.command("force-open")
def force_open(name: Name, *, why: Why, lasts: For = None, as_json: Json = False) -> None:
    """Let no call through."""
    _direct(name, "force-open", why, lasts, as_json=as_json)


@app.command()
def disable(name: Name, *, why: Why, lasts: For = None, as_json: Json = False) -> None:
    """Let every call through and count none."""
    _direct(name, "disable", why, lasts, as_json=as_json)


@app.command("watch-only")
def watch_only(name: Name, *, why: Why, lasts: For = None, as_json: Json = False) -> None:
    """Let every call through and count them, but never open."""
    _direct(name, "watch-only", why, lasts, as_json=as_json)


@app.command()
def close(name: Name, *, why: Why, as_json: Json = False) -> None:
    """Give the breaker back to itself, closed and with nothing counted."""
    _direct(name, "close", why, None, as_json=as_json)


def _direct(name: str, state: str, why: str, lasts: str | None, *, as_json: bool) -> None:
    from tradesense import operations  # noqa: PLC0415 -- commands import late

    for_s = None if lasts is None else _seconds(lasts)
    directive = write(
        lambda tx, now, by: operations.direct(
            tx, policy=name, state=operations.Wanted(state), why=why, by=by, for_s=for_s, now=now
        ),
        wake=operations.WAKE,
    )
    decided = operations.show_directive(directive)
    typer.echo(json.dumps(decided, indent=2) if as_json else f"{name}: {_told(decided)}")


def _told(directive: dict[str, Any]) -> str:
    left = "" if directive["left_s"] is None else f", for {directive['left_s']} s more"
    return f"{directive['state']} by {directive['by']}{left}: {directive['why']}"


def _seconds(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if found is None:
        raise typer.BadParameter(f"--for {text!r}: write 90s, 30m, 2h or 1d")
    return int(found[1]) * UNITS_S[found[2]]


def _breakers() -> list[dict[str, Any]]:
    from tradesense import operations  # noqa: PLC0415 -- commands import late
    from tradesense.infra import policies  # noqa: PLC0415 -- ditto

    async def look(runtime: "Runtime") -> list[dict[str, Any]]:
        async with runtime.db.reading() as tx:
            directives = await operations.list_directives(tx)
        return operations.show_breakers(directives, policies.read(runtime.settings.home))

    return with_runtime(look)
