"""Who may do what to the trail: refused by privilege, and where there is one, by trigger."""

import psycopg
import pytest
from psycopg import errors, sql

from integration.trail.facts import noted, seal_now
from tradesense.trail import record

SEALED = ["trail_entries", "trail_leaves", "trail_nodes", "trail_checkpoints", "trail_epochs"]
CHANGES = {
    "update": "UPDATE {table} SET {column} = {column}",
    "delete": "DELETE FROM {table}",
    "truncate": "TRUNCATE {table} CASCADE",
}
COLUMN = {
    "trail_entries": "canonical",
    "trail_leaves": "hash",
    "trail_nodes": "hash",
    "trail_checkpoints": "note",
    "trail_epochs": "origin",
}


@pytest.fixture
async def sealed(database, db, sealer_db, tmp_path):
    await db.run(lambda tx: record(tx, *[noted(str(n)) for n in range(300)]), key="1")
    await seal_now(sealer_db, tmp_path)
    return database


def attempt(url, statement, **names):
    with psycopg.connect(url) as conn:
        conn.execute(sql.SQL(statement).format(**{k: sql.Identifier(v) for k, v in names.items()}))


def contents(url):
    with psycopg.connect(url) as conn:
        return [
            conn.execute(
                sql.SQL("SELECT * FROM {} ORDER BY 1").format(sql.Identifier(t))
            ).fetchall()
            for t in SEALED
        ]


@pytest.mark.parametrize("table", SEALED)
@pytest.mark.parametrize("change", CHANGES)
def test_no_role_may_change_what_is_sealed(sealed, table, change):
    before = contents(sealed.superuser)

    for url in (sealed.app, sealed.sealer):
        with pytest.raises(errors.InsufficientPrivilege):
            attempt(url, CHANGES[change], table=table, column=COLUMN[table])
    for url in (sealed.owner, sealed.superuser):
        with pytest.raises(errors.RestrictViolation, match=f"{table} is append-only"):
            attempt(url, CHANGES[change], table=table, column=COLUMN[table])

    assert contents(sealed.superuser) == before


@pytest.mark.parametrize("table", SEALED)
def test_a_replication_session_does_not_pass_the_triggers_either(sealed, table):
    with psycopg.connect(sealed.superuser) as conn:
        conn.execute("SET session_replication_role = replica")
        with pytest.raises(errors.RestrictViolation):
            conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))


@pytest.mark.parametrize("table", ["trail_leaves", "trail_nodes", "trail_checkpoints"])
def test_the_app_can_seal_nothing(sealed, table):
    with pytest.raises(errors.InsufficientPrivilege):
        attempt(sealed.app, "INSERT INTO {table} SELECT * FROM {table}", table=table)


def test_the_sealer_can_record_nothing(sealed):
    with pytest.raises(errors.InsufficientPrivilege):
        attempt(sealed.sealer, "INSERT INTO trail_entries DEFAULT VALUES")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", "1"),
        ("epoch", "7"),
        ("xid", "'3'"),
    ],
)
def test_the_app_chooses_neither_id_nor_transaction_nor_epoch(sealed, column, value):
    given = "INSERT INTO trail_entries (stream, version, kind, canonical, {column}) "
    with pytest.raises(errors.InsufficientPrivilege):
        attempt(
            sealed.app,
            given + f"OVERRIDING SYSTEM VALUE VALUES ('account:9', 1, 'Noted', '\\x7b7d', {value})",
            column=column,
        )


def test_the_app_cannot_lock_sealed_rows(sealed):
    with pytest.raises(errors.InsufficientPrivilege):
        attempt(sealed.app, "SELECT FROM trail_entries FOR KEY SHARE")


def test_the_app_cannot_disable_a_trigger(sealed):
    with pytest.raises(errors.InsufficientPrivilege):
        attempt(sealed.app, "ALTER TABLE trail_entries DISABLE TRIGGER append_only")
    with pytest.raises(errors.InsufficientPrivilege):
        attempt(sealed.app, "SET session_replication_role = replica")


def test_a_version_is_taken_once(sealed):
    with pytest.raises(errors.UniqueViolation):
        attempt(
            sealed.app,
            "INSERT INTO trail_entries (stream, version, kind, canonical) "
            "VALUES ('account:1', 300, 'Noted', '\\x7b7d')",
        )
