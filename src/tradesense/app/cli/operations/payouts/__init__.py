"""`tradesense payouts`: what waits for operators, and what they decide."""

import json
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from tradesense.app.cli.operations.payouts import resends
from tradesense.app.cli.operations.running import Token, read, shown, write_as
from tradesense.app.cli.platform import Json

if TYPE_CHECKING:  # commands import when they run; see the package
    from tradesense.payouts import Payout

app = typer.Typer(help="Payouts: the queue, approvals, identities.", no_args_is_help=True)
Id = Annotated[UUID, typer.Argument(metavar="PAYOUT", help="The payout's id.")]
Why = Annotated[str, typer.Argument(help="Why; it is kept for good.")]


def register(program: typer.Typer) -> None:
    """Add the commands of this file to `program`."""
    app.add_typer(resends.app, name="resends")
    program.add_typer(app, name="payouts")


@app.command("list")
def list_payouts(
    *,
    status: Annotated[
        str | None,
        typer.Option("--status", help="requested, frozen, sent, paid, returned or refused."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List payouts, the oldest first; those that are frozen wait for operators."""
    from tradesense import payouts  # noqa: PLC0415 -- commands import when they run

    known = ", ".join(payouts.PayoutStatus)
    if status is not None and status not in set(payouts.PayoutStatus):
        raise typer.BadParameter(f"no status {status!r}: {known}")
    wanted = None if status is None else payouts.PayoutStatus(status)
    found = read(lambda tx: payouts.list_payouts(tx, status=wanted))
    if as_json:
        typer.echo(json.dumps([_facts(one) for one in found], indent=2))
        return
    for one in found:
        decided = one.decision or f"needs {one.approvals_needed}"
        typer.echo(
            f"{shown(one.requested_at)}  {one.id}  {one.status:<9} {one.amount!s:>18}  {decided}"
        )
    if not found:
        typer.echo("none")


@app.command()
def approve(payout: Id, *, token_file: Token) -> None:
    """Agree that a payout be sent; it is sent when enough operators agree."""
    from tradesense import payouts  # noqa: PLC0415 -- commands import when they run
    from tradesense.payouts.model import WAKE  # noqa: PLC0415 -- ditto

    done = write_as(
        token_file,
        lambda tx, now, by: payouts.approve(tx, payout_id=payout, by=by, now=now),
        wake=WAKE,
    )
    typer.echo("approved: it is sent" if done.decision else "approved: one more must look")


@app.command()
def reject(payout: Id, why: Why, *, token_file: Token) -> None:
    """Refuse a payout: the money goes back into the account while that is active."""
    from tradesense import payouts  # noqa: PLC0415 -- commands import when they run
    from tradesense.payouts.model import WAKE  # noqa: PLC0415 -- ditto

    write_as(
        token_file,
        lambda tx, now, by: payouts.reject(tx, payout_id=payout, reason=why, by=by, now=now),
        wake=WAKE,
    )


@app.command()
def identity(
    payout: Id,
    why: Why,
    *,
    is_verified: Annotated[bool, typer.Option("--verified/--rejected", help="What was found.")],
    token_file: Token,
) -> None:
    """Say whether the trader of a payout is who they say; it holds for all their payouts."""
    from tradesense import payouts  # noqa: PLC0415 -- commands import when they run
    from tradesense.payouts.model import WAKE  # noqa: PLC0415 -- ditto

    write_as(
        token_file,
        lambda tx, now, by: payouts.decide_identity(
            tx, payout_id=payout, is_verified=is_verified, reason=why, by=by, now=now
        ),
        wake=WAKE,
    )


def _facts(payout: "Payout") -> dict[str, Any]:
    return {
        "id": str(payout.id),
        "user_id": str(payout.user_id),
        "challenge_id": str(payout.challenge_id),
        "status": payout.status,
        "decision": payout.decision,
        "withdrawn_minor": payout.withdrawn_minor,
        "share_minor": payout.share_minor,
        "fee_minor": payout.fee_minor,
        "amount_minor": payout.amount.minor,
        "currency": payout.currency,
        "approvals_needed": payout.approvals_needed,
        "requested_at": payout.requested_at.isoformat(),
        "reason": payout.reason,
        "left_in": payout.left_in,
    }
