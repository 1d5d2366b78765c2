"""`tradesense payouts resends`: owed money, sent again once two operators agree."""

import json
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from tradesense.app.cli.operations.running import Token, read, shown, write_as
from tradesense.app.cli.platform import Json
from tradesense.kernel.ids import derive
from tradesense.kernel.instants import rfc3339

if TYPE_CHECKING:  # commands import when they run; see the package
    from tradesense.payouts import Resend

app = typer.Typer(help="Owed money, sent again: propose, approve, reject.", no_args_is_help=True)
Id = Annotated[UUID, typer.Argument(metavar="RESEND", help="The resend's id.")]
Why = Annotated[str, typer.Argument(help="Why; it is kept for good.")]


@app.command("list")
def list_resends(
    *,
    status: Annotated[
        str | None,
        typer.Option("--status", help="proposed, rejected, sent, paid or returned."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List resends, the oldest first; those that are proposed wait for another operator."""
    from tradesense import payouts  # noqa: PLC0415 -- commands import when they run

    known = ", ".join(payouts.ResendStatus)
    if status is not None and status not in set(payouts.ResendStatus):
        raise typer.BadParameter(f"no status {status!r}: {known}")
    wanted = None if status is None else payouts.ResendStatus(status)
    found = read(lambda tx: payouts.list_resends(tx, status=wanted, limit=500))
    if as_json:
        typer.echo(json.dumps([_facts(one) for one in found], indent=2))
        return
    for one in found:
        typer.echo(
            f"{shown(one.proposed_at)}  {one.id}  {one.status:<9} of payout {one.payout_id}"
            f"  to {one.payee.name}, {one.payee.account}"
        )
    if not found:
        typer.echo("none")


@app.command()
def propose(
    payout: Annotated[UUID, typer.Argument(metavar="PAYOUT", help="The payout's id.")],
    why: Why,
    *,
    payee_name: Annotated[
        str | None, typer.Option(help="To whom, if not to whom it was sent before.")
    ] = None,
    payee_account: Annotated[str | None, typer.Option(help="Their account.")] = None,
    token_file: Token,
    as_json: Json = False,
) -> None:
    """Propose to send what a payout left owed; another operator has to agree."""
    from tradesense import payouts  # noqa: PLC0415 -- commands import when they run

    payee = payouts.payee_of(payee_name, payee_account)
    done = write_as(
        token_file,
        lambda tx, now, by: payouts.propose_resend(
            tx,
            resend_id=derive(payout, "resend", by, rfc3339(now)),
            payout_id=payout,
            payee=payee,
            reason=why,
            by=by,
            now=now,
        ),
    )
    _tell(done, as_json=as_json, says=f"proposed: {done.id}")


@app.command()
def approve(resend: Id, *, token_file: Token, as_json: Json = False) -> None:
    """Agree to what a colleague proposed: the transfer is ordered at our bank."""
    from tradesense import payouts  # noqa: PLC0415 -- commands import when they run

    done = write_as(
        token_file,
        lambda tx, now, by: payouts.approve_resend(tx, resend_id=resend, by=by, now=now),
    )
    _tell(done, as_json=as_json, says="approved: it is sent")


@app.command()
def reject(resend: Id, why: Why, *, token_file: Token, as_json: Json = False) -> None:
    """Decide against a proposal: the money stays owed, and may be proposed anew."""
    from tradesense import payouts  # noqa: PLC0415 -- commands import when they run

    done = write_as(
        token_file,
        lambda tx, now, by: payouts.reject_resend(tx, resend_id=resend, reason=why, by=by, now=now),
    )
    _tell(done, as_json=as_json, says="rejected")


def _tell(resend: "Resend", *, as_json: bool, says: str) -> None:
    typer.echo(json.dumps(_facts(resend), indent=2) if as_json else says)


def _facts(resend: "Resend") -> dict[str, Any]:
    return {
        "id": str(resend.id),
        "payout_id": str(resend.payout_id),
        "status": resend.status,
        "payee_name": resend.payee.name,
        "payee_account": resend.payee.account,
        "reason": resend.reason,
        "proposed_by": resend.proposed_by,
        "proposed_at": resend.proposed_at.isoformat(),
        "decided_by": resend.decided_by,
    }
