"""`tradesense reconcile` and `tradesense cases`: do all books agree, and what became of it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from tradesense.app.cli.operations.running import (
    Token,
    operator,
    read,
    shown,
    with_runtime,
    write,
    write_as,
)
from tradesense.app.cli.platform import Json

if TYPE_CHECKING:  # commands import when they run; see the package
    from tradesense import payments
    from tradesense.infra.runtime import Runtime

runs = typer.Typer(help="Compare our books, the providers' and the bank's.")
cases = typer.Typer(help="Differences, and who looks after them.", no_args_is_help=True)

MOMENTS = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"]
BANK = "bank"
Provider = Annotated[
    str | None, typer.Option("--provider", help="Only this provider, or `bank` [default: all].")
]
CaseId = Annotated[UUID, typer.Argument(help="The id that `tradesense cases list` shows.")]


def register(program: typer.Typer) -> None:
    """Add the commands of this file to `program`."""
    program.add_typer(runs, name="reconcile")
    program.add_typer(cases, name="cases")


@runs.callback(invoke_without_command=True)
def reconcile(
    context: typer.Context,
    *,
    provider: Provider = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=MOMENTS, help="Look at what moved from then on; UTC by default."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=MOMENTS, help="As if it were then; UTC by default [default: now]."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare all sides now. Exit code 1 if differences are open."""
    if context.invoked_subcommand is not None:
        return
    done = with_runtime(lambda runtime: _run(runtime, provider, _zoned(since), _zoned(until)))
    reports = [json.loads(run.report or "{}") for run in done]
    if as_json:
        typer.echo(json.dumps([run.facts() for run in done], indent=2))
    else:
        for report in reports:
            typer.echo(_told(report))
    if any(report["open_cases"] for report in reports):
        raise typer.Exit(1)


@runs.command("report")
def show_report(*, provider: str = "stripe", as_json: Json = False) -> None:
    """Print the newest report, and how anybody can check that it is the one that was sealed."""
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run

    run = read(lambda tx: payments.reconciliation.find_last(tx, provider))
    if run is None:
        raise payments.reconciliation.NeverRun(
            f"nothing was reconciled with {provider!r} yet; `tradesense reconcile` does it"
        )
    facts = run.facts()
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    typer.echo(f"{run.report}\n")
    typer.echo(f"SHA-256 of the line above, without its end: {run.sha256}")
    typer.echo("It stands in the trail; prove that, and compare `report_sha256`:")
    typer.echo(f"  tradesense trail prove '{facts['trail_entry']}' -o proof")
    typer.echo("  tradesense trail check-proof proof")


@cases.command("list")
def list_cases(
    *,
    provider: Provider = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    as_json: Json = False,
) -> None:
    """List cases, the longest open first. Exit code 1 if any is open."""
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run

    state = payments.reconciliation.CaseState
    states = tuple(state) if everything else (state.OPEN, state.ASSIGNED)
    found = read(
        lambda tx: payments.reconciliation.list_cases(
            tx, provider=provider, states=states, limit=1_000
        )
    )
    _show_all(found, as_json=as_json)
    if any(case.is_open for case in found):
        raise typer.Exit(1)


@cases.command()
def show(case_id: CaseId, *, as_json: Json = False) -> None:
    """Show one case: what was compared, what usually helps, who looks after it."""
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run

    _show(read(lambda tx: payments.reconciliation.get(tx, case_id)), as_json=as_json)


@cases.command()
def assign(
    case_id: CaseId,
    owner: Annotated[str | None, typer.Argument(help="Who takes it [default: you].")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Give a case to an operator."""
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run

    taker = operator() if owner is None else owner
    case = write(
        lambda tx, now, by: payments.reconciliation.assign(
            tx, case_id=case_id, owner=taker, by=by, now=now
        )
    )
    _show(case, as_json=as_json)


@cases.command()
def resolve(
    case_id: CaseId,
    *,
    why: Annotated[str, typer.Option("--why", help="What it was; it goes on the trail.")],
    accept: Annotated[
        bool, typer.Option("--accept", help="It may stay as it is, while it does not change.")
    ] = False,
    as_json: Json = False,
) -> None:
    """End a case. Found again it opens again, unless it was accepted."""
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run

    case = write(
        lambda tx, now, by: payments.reconciliation.resolve(
            tx, case_id=case_id, resolution=why, is_accepted=accept, by=by, now=now
        )
    )
    _show(case, as_json=as_json)


@cases.command()
def propose(
    case_id: CaseId,
    *,
    debit: Annotated[str, typer.Option("--debit", help="An account of the chart.")],
    credit: Annotated[str, typer.Option("--credit", help="Another of the same currency.")],
    amount_minor: Annotated[int, typer.Option("--amount-minor", help="In minor units.")],
    currency: Annotated[str, typer.Option("--currency", help="As in EUR.")],
    why: Annotated[str, typer.Option("--why", help="What it mends; it goes on the trail.")],
    token_file: Token,
    as_json: Json = False,
) -> None:
    """Propose a transfer that mends the case; somebody else must approve it."""
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run
    from tradesense.kernel.money import MINOR_DIGITS, Money  # noqa: PLC0415 -- ditto

    if currency not in MINOR_DIGITS:
        raise typer.BadParameter(f"unknown currency {currency!r}: {', '.join(MINOR_DIGITS)}")
    amount = Money(amount_minor, currency)
    case = write_as(
        token_file,
        lambda tx, now, by: payments.reconciliation.propose_correction(
            tx,
            case_id=case_id,
            debit=debit,
            credit=credit,
            amount=amount,
            reason=why,
            by=by,
            now=now,
        ),
    )
    _show(case, as_json=as_json)


@cases.command()
def approve(case_id: CaseId, *, token_file: Token, as_json: Json = False) -> None:
    """Agree to what a colleague proposed: the transfer is posted, the case is resolved."""
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run

    case = write_as(
        token_file,
        lambda tx, now, by: payments.reconciliation.approve_correction(
            tx, case_id=case_id, by=by, now=now
        ),
    )
    _show(case, as_json=as_json)


async def _run(
    runtime: "Runtime", provider: str | None, since: datetime | None, until: datetime | None
) -> "Sequence[payments.reconciliation.Run]":
    from tradesense import payments  # noqa: PLC0415 -- commands import when they run
    from tradesense.payments import jobs  # noqa: PLC0415 -- ditto

    asked = payments.reconciliation.Asked(
        cadence=payments.reconciliation.ASKED, now=until or _now(), since=since
    )
    async with jobs.open_providers(runtime) as providers:
        opened = [each for each in providers if not each.tariff.is_manual]
        names = [*(each.name for each in opened), BANK]
        if provider is not None and provider not in names:
            raise typer.BadParameter(f"no provider {provider!r}; known: {', '.join(names)}")
        done = [
            await payments.reconciliation.reconcile(runtime, each, asked)
            for each in opened
            if provider in {None, each.name}
        ]
    if provider in {None, BANK}:
        done.append(await payments.reconciliation.reconcile_bank(runtime, asked))
    return done


def _zoned(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _told(report: dict[str, Any]) -> str:
    mark = "✗" if report["differences"] else "✓"
    counts = {
        "differences": report["differences"],
        "underway": report["pending"],
        "cases open": report["open_cases"],
        "accepted": report["accepted_cases"],
    }
    said = ", ".join(f"{count} {what}" for what, count in counts.items())
    kinds = [f"    {count:>4}  {kind}" for kind, count in sorted(report["by_kind"].items())]
    return "\n".join([f"{mark} {report['provider']}: {said}", *kinds])


def _now() -> datetime:
    from tradesense.infra.clock import SystemClock  # noqa: PLC0415 -- commands import when they run

    return SystemClock().now()


def _show_all(found: "Sequence[payments.reconciliation.Case]", *, as_json: bool) -> None:
    now = _now()
    if as_json:
        typer.echo(json.dumps([case.facts(now) for case in found], indent=2))
        return
    for case in found:
        difference = case.difference
        typer.echo(
            f"{case.case_id}  {shown(case.opened_at)}  {case.state:<13} {difference.provider:<8} "
            f"{difference.kind:<28} {case.owner or '-'}"
        )
    if not found:
        typer.echo("none")


def _show(case: "payments.reconciliation.Case", *, as_json: bool) -> None:
    facts = case.facts(_now())
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    for name, fact in facts.items():
        told = json.dumps(fact) if isinstance(fact, dict) else fact
        typer.echo(f"{name.replace('_', ' '):<14} {'-' if told is None else told}")
