"""Each promise of each module, broken on purpose: its query reports it, and no other does."""

from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from conftest import Lend
from invariant_breaks import BREAKS, Break, Row
from tradesense.app.invariants import statements

# These break theirs in worlds that the product's own verbs made; the tests there name each promise.
ELSEWHERE = ("trading", "payouts", "payments.bank", "payments.reconciliation")
PROMISES = statements()
# Dropped, as if all writers and tables had failed; some queries group by the primary keys.
KEPT_BY_TABLES = """
    SELECT conrelid::regclass::text, conname FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
      AND contype IN ('c', 'x', 'f', 'u')
"""
UNIQUE = """
    SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class c ON c.oid = indrelid
    WHERE indisunique AND NOT indisprimary AND c.relnamespace = 'public'::regnamespace
"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
COLUMNS = """
    SELECT table_name, column_name, udt_name FROM information_schema.columns
    WHERE table_schema = 'public' AND is_nullable = 'NO' AND column_default IS NULL
      AND is_identity = 'NO'
"""
FILLERS = {
    "bool": False,
    "bytea": b"x",
    "date": "2014-05-02",
    "jsonb": "{}",
    "numeric": 0,
    "pg_snapshot": "1:1:",
    "timestamptz": "2014-05-02T12:00Z",
    "uuid": UUID(int=1_000),
    "_bytea": "{}",
}
"""What a column holds that the row does not name; texts are `x`, numbers 1."""


class Bare:
    """A database of which nothing but its types guards the rows."""

    def __init__(self, conn: psycopg.Connection) -> None:
        self.conn = conn
        self._required: dict[str, dict[str, object]] = defaultdict(dict)
        for table, column, kind in conn.execute(COLUMNS):
            filler = FILLERS.get(kind, 1 if kind.startswith("int") else "x")
            self._required[table][column] = filler

    def plant(self, row: Row) -> None:
        columns = self._required[row.table] | row.columns
        self.conn.execute(
            sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(
                sql.Identifier(row.table),
                sql.SQL(", ").join(map(sql.Identifier, columns)),
                sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
            ),
            list(columns.values()),
        )

    def damage(self, damage: str | Row) -> None:
        if isinstance(damage, Row):
            self.plant(damage)
            return
        for statement in damage.split(";"):
            assert self.conn.execute(statement).rowcount > 0, f"damages nothing: {statement}"

    def broken(self) -> set[str]:
        return {told for told, query in PROMISES.items() if self.conn.execute(query).fetchone()}


@pytest.fixture(scope="module")
def bare_database(lend_database: Lend) -> Iterator[str]:
    with lend_database() as lent:
        with psycopg.connect(lent.superuser) as conn:
            for table, name in conn.execute(KEPT_BY_TABLES).fetchall():
                conn.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}" CASCADE')
            for (name,) in conn.execute(UNIQUE).fetchall():
                conn.execute(f"DROP INDEX {name}")
            for (name,) in conn.execute(TABLES).fetchall():
                # Those of append-only tables fire for a replica, too.
                conn.execute(f"ALTER TABLE {name} DISABLE TRIGGER ALL")
            conn.execute("DELETE FROM market_position")  # a world with prices brings its own
        yield lent.superuser


@pytest.fixture
def bare(bare_database: str) -> Iterator[Bare]:
    with psycopg.connect(bare_database) as conn:
        yield Bare(conn)
        conn.rollback()


def named(beginning: str) -> str:
    """Return the one promise that begins so."""
    (found,) = [promise for promise in PROMISES if promise.startswith(beginning)]
    return found


@pytest.mark.parametrize("broken", BREAKS, ids=lambda each: each.promise)
def test_a_broken_promise_is_reported_and_no_other(bare, broken: Break):
    for row in broken.world:
        bare.plant(row)
    assert bare.broken() == set(), "the world was broken before the damage"

    bare.damage(broken.damage)

    assert bare.broken() == {named(each) for each in (broken.promise, *broken.also)}


def test_every_promise_is_broken_by_somebody():
    elsewhere = {
        promise
        for module in ELSEWHERE
        for promise in import_module(f"tradesense.{module}.invariants").INVARIANTS
    }
    unbroken = PROMISES.keys() - elsewhere - {named(each.promise) for each in BREAKS}
    assert not unbroken, f"nobody breaks: {sorted(unbroken)}"
