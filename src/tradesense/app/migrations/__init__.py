"""
The schema, forward only: each file of `versions` is a docstring and `SQL`, in order of number.

`upgrade` makes the roles first: the groups that the revisions grant to (app, sealer,
reader), and the logins named in the addresses of the app and the sealer.
"""

import logging
from urllib.parse import unquote, urlsplit

import psycopg
import sqlalchemy
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.util import CommandError
from psycopg import sql

from tradesense.app.migrations.chain import Chain
from tradesense.kernel.errors import Invalid

__all__ = ["MayNotMigrate", "upgrade"]

log = logging.getLogger(__name__)

GROUPS = ("tradesense_app", "tradesense_sealer", "tradesense_reader")
# Two upgrades at once: the second waits, and finds nothing to do.
_LOCK = 7_236_410_552_118_301


class MayNotMigrate(Invalid):
    """The owner's role lacks a right, or the database is newer than this program."""

    code = "app.may_not_migrate"


def upgrade(owner_url: str, *, app_url: str = "", sealer_url: str = "") -> None:
    """
    Bring the database at `owner_url` to the newest schema, and its roles with it.

    The logins of `app_url` and `sealer_url` are made if they are missing and join their
    groups. Raises MayNotMigrate with what an administrator must do.
    """
    with psycopg.connect(owner_url, autocommit=True) as conn:
        conn.execute("SET lock_timeout = '60s'")
        conn.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        for group in GROUPS:
            _make_role(conn, group, sql.SQL("NOLOGIN"))
        for group, url in (("tradesense_app", app_url), ("tradesense_sealer", sealer_url)):
            _join(conn, group, "tradesense_reader")
            if url:
                _make_login(conn, group, url)
        _run_revisions(owner_url)


def _run_revisions(owner_url: str) -> None:
    chain = Chain()
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(owner_url),
        poolclass=sqlalchemy.NullPool,
    )
    with (
        engine.connect() as connection,
        EnvironmentContext(
            Config(), chain, fn=lambda current, _: chain.steps_from(current)
        ) as environment,
    ):
        environment.configure(
            connection=connection,
            version_table="infra_schema_version",
            transaction_per_migration=True,
        )
        try:
            environment.run_migrations()
        except CommandError as error:
            raise MayNotMigrate(f"{error}: the database is newer than this program") from error
        connection.commit()


def _make_role(conn: psycopg.Connection, role: str, login: sql.Composable) -> None:
    if conn.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).rowcount:
        return
    try:
        conn.execute(sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(role), login))
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        log.info("role %s was made meanwhile, for another database of this server", role)
    except psycopg.errors.InsufficientPrivilege as error:
        raise MayNotMigrate(
            f"role {role} is missing and the owner may not make it; as an administrator: "
            f"CREATE ROLE {role}; or give the owner CREATEROLE"
        ) from error


def _make_login(conn: psycopg.Connection, group: str, url: str) -> None:
    parts = urlsplit(url)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not user:
        raise MayNotMigrate(f"the address for {group} names no user")
    _make_role(conn, user, sql.SQL("LOGIN PASSWORD {}").format(sql.Literal(password)))
    _join(conn, user, group)


def _join(conn: psycopg.Connection, role: str, group: str) -> None:
    if conn.execute("SELECT WHERE pg_has_role(%s, %s, 'member')", (role, group)).rowcount:
        return
    try:
        conn.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), sql.Identifier(role)))
    except psycopg.errors.InsufficientPrivilege as error:
        raise MayNotMigrate(
            f"{role} is not in {group} and the owner may not change it; as an administrator: "
            f"GRANT {group} TO {role}"
        ) from error
