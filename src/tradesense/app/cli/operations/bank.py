"""`tradesense bank`: statements in, lines and what they may be, approval by another person."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar
from uuid import UUID

import typer

from tradesense.app.cli.operations.running import (
    Token,
    read,
    read_token,
    signed_in,
    with_runtime,
    write,
    write_as,
)
from tradesense.app.cli.platform import Json

if TYPE_CHECKING:  # commands import when they run; see the package
    from tradesense import payments
    from tradesense.infra.db import Transaction
    from tradesense.infra.runtime import Runtime


T = TypeVar("T")

app = typer.Typer(help="The firm's own bank: statements, matches, transfers.", no_args_is_help=True)

Why = Annotated[str, typer.Option("--why", help="The reason; it goes on the trail.")]


def register(program: typer.Typer) -> None:
    """Add the commands of this file to `program`."""
    program.add_typer(app, name="bank")


@app.command()
def accounts(*, as_json: Json = False) -> None:
    """List our own accounts."""
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run

    found = read(payments.bank.list_accounts)
    _show(as_json, found, lambda one: f"{one.currency}  {one.account:<34}  {one.holder}")


@app.command("register")
def register_account(
    account: Annotated[str, typer.Argument(help="The IBAN, or the bare number where none exist.")],
    *,
    currency: Annotated[str, typer.Option("--currency")],
    holder: Annotated[str, typer.Option("--holder", help="The name the account is in.")],
    bic: Annotated[str, typer.Option("--bic")] = "",
) -> None:
    """Let buyers pay into an account of ours, and its statements be imported."""
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run

    own = payments.bank.BankAccount(
        account="".join(account.split()).upper(), currency=currency, holder=holder, bic=bic
    )

    write(lambda tx, now, by: payments.bank.register_account(tx, account=own, by=by, now=now))
    typer.echo(f"{own.currency}: {own.account}")


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="camt.053 (XML), or a table (CSV in UTF-8).")],
    *,
    decimal: Annotated[
        str, typer.Option("--decimal", help="How a table writes parts: point or comma.")
    ] = "point",
    as_json: Json = False,
) -> None:
    """Import a statement file: all of it or nothing. What was imported before is left alone."""
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run

    if decimal not in {"point", "comma"}:
        raise typer.BadParameter("--decimal is point or comma")
    try:
        with file.open("rb") as opened:  # one more byte than allowed is enough to refuse it
            content = opened.read(payments.bank.FILE_MAX + 1)
    except OSError as error:
        raise typer.BadParameter(f"cannot read {file}: {error}") from None
    told = payments.bank.read_statements(content, decimal=payments.bank.Decimal(decimal))

    done = write(lambda tx, now, by: payments.bank.import_statements(tx, told, by=by, now=now))
    _show(as_json, done, _told_import)


@app.command()
def lines(
    *,
    currency: Annotated[str | None, typer.Option("--currency")] = None,
    unmatched: Annotated[bool, typer.Option("--unmatched", help="Only unknown ones.")] = False,
    as_json: Json = False,
) -> None:
    """List what statements said, and what each line turned out to be."""
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run
    from tradesense.kernel.money import Money  # noqa: PLC0415 -- ditto

    found = read(
        lambda tx: payments.bank.list_lines(tx, currency=currency, only_unmatched=unmatched)
    )
    _show(
        as_json,
        found,
        lambda one: (
            f"{one.booked_on}  {Money(one.amount_minor, one.currency)!s:>18}  "
            f"{one.kind or 'unknown':<16}  {one.line_id}  {one.counterparty}: {one.text}"
        ),
    )


@app.command()
def matches(*, as_json: Json = False) -> None:
    """List proposals, the newest first."""
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run

    found = read(payments.bank.list_matches)
    _show(
        as_json,
        found,
        lambda one: f"{one.match_id}  {one.status:<8}  {one.kind:<15}  {one.reason}",
    )


@app.command()
def suggest(*, as_json: Json = False) -> None:
    """List what unknown lines may be; whoever agrees proposes it, another approves."""
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run

    found = read(payments.bank.list_suggestions)
    _show(
        as_json,
        found,
        lambda one: (
            f"{one.strength:<6}  {one.reason}\n        lines {', '.join(map(str, one.line_ids))}"
            f"\n        payments {', '.join(map(str, one.payment_ids))}"
        ),
    )


@app.command()
def propose(
    line: Annotated[list[UUID], typer.Argument(help="Lines that belong together.")],
    *,
    payment: Annotated[list[UUID] | None, typer.Option("--payment", help="What they pay.")] = None,
    party: Annotated[str, typer.Option("--payout-of", help="The provider that sent it.")] = "",
    fee: Annotated[bool, typer.Option("--fee", help="The bank took it for itself.")] = False,
    why: Why,
    token_file: Token,
    as_json: Json = False,
) -> None:
    """Propose what lines are: --payment ID…, --payout-of NAME or --fee. Another must approve."""
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run

    if [bool(payment), bool(party), fee].count(True) != 1:
        raise typer.BadParameter("say one of --payment, --payout-of and --fee")
    kinds = payments.bank.LineKind
    kind = kinds.FEE if fee else kinds.PROVIDER_PAYOUT if party else kinds.PAYMENT

    token = read_token(token_file)

    async def act(runtime: "Runtime") -> payments.bank.Match:
        by, match_id, now = await signed_in(runtime, token), runtime.new_id(), runtime.now()

        async def verb(tx: "Transaction") -> payments.bank.Match:
            return await payments.bank.propose(
                tx,
                match_id=match_id,
                kind=kind,
                line_ids=line,
                payment_ids=payment or [],
                party=party,
                reason=why,
                by=by,
                now=now,
            )

        return await runtime.db.run(verb, key=f"payments:bank:{match_id}")

    _show(as_json, [with_runtime(act)], lambda one: f"proposed {one.match_id}")


@app.command()
def approve(match: UUID, *, token_file: Token, as_json: Json = False) -> None:
    """Approve what another proposed: its payments are settled at once."""
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run

    done = write_as(
        token_file,
        lambda tx, now, by: payments.bank.approve(tx, match_id=match, by=by, now=now),
    )
    _show(as_json, [done], lambda one: f"approved {one.match_id}")


@app.command()
def reject(match: UUID, *, why: Why, token_file: Token, as_json: Json = False) -> None:
    """Refuse a proposal, or take your own back."""
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run

    done = write_as(
        token_file,
        lambda tx, now, by: payments.bank.reject(tx, match_id=match, reason=why, by=by, now=now),
    )
    _show(as_json, [done], lambda one: f"rejected {one.match_id}")


def _told_import(one: "payments.bank.Imported") -> str:
    from tradesense.kernel.money import Money  # noqa: PLC0415 -- commands import when they run

    said = "imported" if one.is_new else "imported before, nothing changed"
    closing = Money(one.closing_minor, one.currency)
    return f"{one.account} {one.bank_id}: {said}; {one.lines} lines, closing balance {closing}"


def _show(as_json: bool, found: Sequence[T], told: Callable[[T], str]) -> None:  # noqa: FBT001 -- as the option is
    from tradesense.kernel.canonical import jsonable  # noqa: PLC0415 -- commands import late

    if as_json:
        typer.echo(json.dumps(jsonable(list(found)), indent=2))
        return
    for one in found:
        typer.echo(told(one))
    if not found:
        typer.echo("none")
