"""The schema: every table belongs to the owner, and each role may do only its part."""

import re
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import errors, sql

from tradesense.app import migrations
from tradesense.app.migrations import MayNotMigrate, upgrade
from tradesense.infra.db import Database, TooPowerful
from tradesense.infra.runtime import Runtime

VERSIONS = sorted((Path(migrations.__file__).parent / "versions").glob("[0-9]*.py"))


@pytest.fixture
def empty(superuser, database):
    """An empty database of the owner, and its address under a role."""
    name = f"{database.name}_empty"
    identifier = sql.Identifier(name)
    superuser.execute(sql.SQL("CREATE DATABASE {} OWNER tradesense_owner").format(identifier))
    yield lambda url: url.replace(database.name, name)
    superuser.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


@pytest.fixture
def weak_owner(superuser, database, empty):
    """An owner who may not make roles: its address."""
    role = f"weak_{database.name}"
    identifier = sql.Identifier(role)
    superuser.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'weak'").format(identifier))
    name = sql.Identifier(f"{database.name}_empty")
    superuser.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, identifier))
    yield re.sub("//[^@]*@", f"//{role}:weak@", empty(database.owner))
    superuser.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
    superuser.execute(sql.SQL("DROP ROLE {}").format(identifier))
    superuser.execute(sql.SQL("CREATE DATABASE {}").format(name))  # for `empty` to drop


def test_numbers_have_no_gap():
    assert [path.stem[:4] for path in VERSIONS] == [
        f"{number:04d}" for number in range(1, len(VERSIONS) + 1)
    ]


def test_upgrading_an_empty_database_gives_the_newest_schema_and_again_changes_nothing(
    empty, database
):
    for _ in range(2):
        upgrade(empty(database.owner), app_url=database.app, sealer_url=database.sealer)
        with psycopg.connect(empty(database.app)) as conn:
            found = conn.execute("SELECT version_num FROM infra_schema_version").fetchall()
        assert found == [(VERSIONS[-1].stem[:4],)]


def test_a_revision_that_fails_leaves_the_one_before(empty, database):
    with psycopg.connect(empty(database.owner)) as conn:
        conn.execute("CREATE TABLE infra_leases (in_the_way int)")
    with pytest.raises(errors.DuplicateTable):
        upgrade(empty(database.owner))
    with psycopg.connect(empty(database.owner)) as conn:
        assert conn.execute("SELECT to_regclass('infra_commits')").fetchone() == (None,)
        conn.execute("DROP TABLE infra_leases")
    upgrade(empty(database.owner))


def test_a_database_newer_than_the_program_is_refused(empty, database):
    upgrade(empty(database.owner))
    with psycopg.connect(empty(database.owner)) as conn:
        conn.execute("UPDATE infra_schema_version SET version_num = '9999'")
    with pytest.raises(MayNotMigrate, match="newer than this program"):
        upgrade(empty(database.owner))


def test_an_owner_without_rights_is_told_what_to_ask_for(weak_owner, database):
    stranger = database.app.replace("tradesense_app_login", f"new_{database.name}")
    with pytest.raises(MayNotMigrate, match="CREATE ROLE new_"):
        upgrade(weak_owner, app_url=stranger)
    with pytest.raises(MayNotMigrate, match="GRANT tradesense_sealer TO tradesense_app_login"):
        upgrade(weak_owner, sealer_url=database.app)


async def test_what_an_administrator_prepared_is_enough(weak_owner, superuser, database):
    login = f"new_{database.name}"
    identifier = sql.Identifier(login)
    superuser.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'new'").format(identifier))
    superuser.execute(sql.SQL("GRANT tradesense_app TO {}").format(identifier))
    app = re.sub("//[^@]*@", f"//{login}:new@", weak_owner)

    async def who(tx):
        return (await (await tx.execute("SELECT current_user AS who")).fetchone())["who"]

    upgrade(weak_owner, app_url=app, sealer_url=database.sealer)
    async with Database.open(app) as db:
        assert await db.run(who, key="one") == login
    superuser.execute(sql.SQL("DROP ROLE {}").format(identifier))


def test_every_table_belongs_to_the_owner_and_the_reader_sees_it(database):
    with psycopg.connect(database.superuser) as conn:
        tables = conn.execute(
            "SELECT c.relname, pg_get_userbyid(c.relowner),"
            " has_table_privilege('tradesense_reader', c.oid, 'SELECT')"
            " FROM pg_class c WHERE c.relkind IN ('r', 'p')"
            " AND c.relnamespace = 'public'::regnamespace"
        ).fetchall()
    assert len(tables) > 20
    assert [row for row in tables if row[1:] != ("tradesense_owner", True)] == []


def test_every_table_is_named_after_its_module(database):
    modules = (
        "infra|trail|ledger|identity|market|trading|challenges|payments|saga|bus|purchases|"
        "payouts|notifications|operations|reliability"
    )
    with psycopg.connect(database.superuser) as conn:
        names = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert [name for (name,) in names if not re.match(rf"({modules})_", name)] == []


@pytest.mark.parametrize("role", ["app", "sealer"])
def test_nobody_but_the_owner_changes_the_schema_or_empties_a_table(database, role):
    with psycopg.connect(getattr(database, role), autocommit=True) as conn:
        assert conn.execute(
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone() == (False,)
        for statement in (
            "CREATE TABLE mine (x int)",
            "DROP TABLE infra_commits",
            "TRUNCATE infra_commits",
            "ALTER TABLE infra_commits DISABLE TRIGGER ALL",
            "UPDATE infra_commits SET key = 'x'",
            "INSERT INTO infra_commits (key, xid) VALUES ('x', '1')",
            "SET ROLE tradesense_owner",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                conn.execute(statement)


@pytest.mark.parametrize("role", ["owner", "superuser"])
async def test_no_process_starts_under_a_role_that_could_rewrite_the_trail(
    database, settings, role
):
    too_powerful = replace(settings, database_url=getattr(database, role))
    with pytest.raises(TooPowerful, match="a login of its own"):
        async with Runtime.open(too_powerful, name="api"):
            pytest.fail("it started")


async def test_a_process_starts_while_its_database_is_away(settings):
    away = replace(settings, database_url="postgresql://nobody@127.0.0.1:1/nothing")
    async with Runtime.open(away, name="api") as runtime:
        assert runtime.now().tzinfo is not None
        assert len(runtime.chance(16)) == 16
        assert runtime.new_id() != runtime.new_id()
