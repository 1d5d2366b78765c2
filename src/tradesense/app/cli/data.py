"""Commands about the database: bring it up to date, ask whether it keeps its promises."""

import asyncio

import typer

from tradesense.app.cli.platform import Json
from tradesense.kernel.errors import Unavailable

db = typer.Typer(help="The database.", no_args_is_help=True)


def register(program: typer.Typer) -> None:
    """Add the commands of this file to `program`."""
    program.add_typer(db, name="db")
    program.command()(invariants)


@db.command()
def migrate() -> None:
    """Bring the tables up to date; does nothing where they are."""
    import psycopg  # noqa: PLC0415 -- only this needs it

    from tradesense.app.instance import instance_settings  # noqa: PLC0415 -- ditto
    from tradesense.app.migrations import upgrade  # noqa: PLC0415 -- holds Alembic

    settings = instance_settings()
    try:
        upgrade(settings.owner_url, app_url=settings.database_url, sealer_url=settings.sealer_url)
    except psycopg.OperationalError as error:
        raise Unavailable(f"cannot reach the database as its owner: {error}") from error


def invariants(*, as_json: Json = False) -> None:
    """Check every promise against the database. Exit code 1 if a row breaks one."""
    from tradesense.app import invariants as checks  # noqa: PLC0415 -- knows every module
    from tradesense.app.instance import instance_settings  # noqa: PLC0415 -- ditto

    broken = asyncio.run(checks.check(instance_settings()))
    typer.echo(checks.as_json(broken) if as_json else checks.as_table(broken))
    if any(broken.values()):
        raise typer.Exit(1)
