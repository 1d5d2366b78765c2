"""`tradesense books`: balances, statements, the trial balance, ages; closing a period."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tradesense.app.cli.operations.running import MOMENTS, read, shown, with_runtime, write, zoned
from tradesense.app.cli.platform import Json

if TYPE_CHECKING:  # commands import when they run; see the package
    from tradesense import ledger
    from tradesense.infra.runtime import Runtime

app = typer.Typer(help="The ledger: where money is, and since when.", no_args_is_help=True)

Account = Annotated[str, typer.Argument(help="A book account, as in `books chart`: `bank:USD`.")]
AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=MOMENTS, help="As it stood then; UTC by default."),
]


def register(program: typer.Typer) -> None:
    """Add the commands of this file to `program`."""
    program.add_typer(app, name="books")


@app.command()
def chart(*, as_json: Json = False) -> None:
    """List which book accounts there may be, each once per currency (and party)."""
    from tradesense import operations  # noqa: PLC0415 -- commands import when they run

    kinds = operations.books.show_chart()
    if as_json:
        typer.echo(json.dumps(kinds, indent=2))
        return
    for kind in kinds:
        bound = "  never overdrawn" if kind["bounded"] else ""
        limit = f"  empty within {kind['age_max_s'] // 86_400} days" if kind["age_max_s"] else ""
        typer.echo(f"{kind['name']:<34} {kind['normal']:<6}{bound}{limit}")


@app.command()
def balance(
    account: Account,
    *,
    as_of: AsOf = None,
    known_at: Annotated[
        datetime | None,
        typer.Option(formats=MOMENTS, help="As far as it was recorded then; UTC by default."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a book account holds, positive on its normal side."""
    from tradesense import operations  # noqa: PLC0415 -- commands import when they run

    then, known = zoned(as_of), zoned(known_at)
    held = read(lambda tx: operations.books.get_balance(tx, account, as_of=then, known_at=known))
    if as_json:
        facts = operations.books.show_balance(account, held, as_of=then, known_at=known)
        typer.echo(json.dumps(facts, indent=2))
    else:
        typer.echo(str(held))


@app.command()
def statement(
    account: Account,
    *,
    since: Annotated[
        datetime | None, typer.Option(formats=MOMENTS, help="Effective from then on.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=MOMENTS, help="Effective before then.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500)] = 50,
    after: Annotated[
        int | None, typer.Option(min=1, help="Go on after this line's number.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List what moved through a book account, the newest first, with its balance after it."""
    from tradesense import operations  # noqa: PLC0415 -- commands import when they run

    first, end = zoned(since), zoned(until)
    lines = read(
        lambda tx: operations.books.get_statement(
            tx, account, since=first, until=end, limit=limit, after=after
        )
    )
    if as_json:
        typer.echo(
            json.dumps([operations.books.show_statement_line(line) for line in lines], indent=2)
        )
        return
    for line in lines:
        made = line.transfer
        typer.echo(
            f"{line.version:>6}  {shown(made.effective_at)}  {line.amount!s:>18}"
            f"  {line.balance!s:>20}  {made.reason}"
        )
    if not lines:
        typer.echo("none")


@app.command("trial-balance")
def trial_balance(*, as_of: AsOf = None, as_json: Json = False) -> None:
    """Show every account that ever moved. Exit code 1 if debits and credits differ."""
    from tradesense import ledger, operations  # noqa: PLC0415 -- commands import when they run
    from tradesense.kernel.money import Money  # noqa: PLC0415 -- ditto

    lines = read(lambda tx: ledger.trial_balance(tx, as_of=zoned(as_of)))
    facts = operations.books.show_trial_balance(lines)
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
    else:
        for line in lines:
            typer.echo(
                f"{line.account:<34} {line.debit!s:>20} {line.credit!s:>20} {line.balance!s:>20}"
            )
        for currency, minor in facts["sums_minor"].items():
            typer.echo(f"debits minus credits: {Money(minor, currency)}")
        if not lines:
            typer.echo("nothing has moved yet")
    if not facts["is_balanced"]:
        raise typer.Exit(1)


@app.command()
def ages(*, as_json: Json = False) -> None:
    """Show what stands on accounts that money passes through. Exit code 1 if it is too old."""
    from tradesense import operations  # noqa: PLC0415 -- commands import when they run

    async def look(runtime: "Runtime") -> "tuple[datetime, list[ledger.Age]]":
        async with runtime.db.reading() as tx:
            return runtime.now(), await operations.books.list_passing(tx)

    now, found = with_runtime(look)
    facts = [operations.books.show_age(age, now) for age in found]
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
    else:
        for age, fact in zip(found, facts, strict=True):
            since = "-" if age.oldest_at is None else f"since {shown(age.oldest_at)}"
            late = f"  LATE: at most {fact['age_max_s'] // 86_400} days" if fact["is_late"] else ""
            typer.echo(f"{age.account:<34} {age.balance!s:>20}  {since}{late}")
        if not found:
            typer.echo("none")
    if any(fact["is_late"] for fact in facts):
        raise typer.Exit(1)


@app.command()
def close(
    period: Annotated[str, typer.Argument(help="A month `2026-10`, a day or a year, in UTC.")],
    *,
    why: Annotated[str, typer.Option("--why", help="The reason; it goes on the trail.")],
    as_json: Json = False,
) -> None:
    """Let nothing become effective any more until a period's end. What is closed stays closed."""
    from tradesense import operations  # noqa: PLC0415 -- commands import when they run

    until = write(
        lambda tx, now, by: operations.books.close_books(tx, period=period, why=why, by=by, now=now)
    )
    if as_json:
        typer.echo(json.dumps({"closed_until": until.astimezone(UTC).isoformat()}))
    else:
        typer.echo(f"closed: nothing becomes effective before {shown(until)}")
