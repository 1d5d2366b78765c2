"""`tradesense operators`: who may act for the firm."""

import json
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from tradesense.app.cli.operations.running import write
from tradesense.app.cli.platform import Json

if TYPE_CHECKING:  # commands import when they run; see the package
    from datetime import datetime

    from tradesense.infra.db import Transaction

app = typer.Typer(help="Who may act for the firm.", no_args_is_help=True)


def register(program: typer.Typer) -> None:
    """Add the commands of this file to `program`."""
    program.add_typer(app, name="operators")


@app.callback()
def operators() -> None:
    """Who may act for the firm."""


@app.command()
def appoint(
    email: Annotated[str, typer.Argument(help="The address with which they signed up.")],
    *,
    as_json: Json = False,
) -> None:
    """Let a user act for the firm; it goes on the trail. A second time changes nothing."""
    from tradesense import identity  # noqa: PLC0415 -- commands import when they run

    async def verb(tx: "Transaction", now: "datetime", _: str) -> UUID:
        user = await identity.get_user_by_email(tx, email)
        await identity.appoint_operator(tx, user_id=user.user_id, now=now)
        return user.user_id

    user_id = write(verb)
    if as_json:
        typer.echo(json.dumps({"user_id": str(user_id), "is_operator": True}))
    else:
        typer.echo(f"{email} is an operator")
