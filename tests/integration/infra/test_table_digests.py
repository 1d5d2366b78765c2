"""What shows that nothing changed must see it when something does."""

import psycopg
import pytest

from table_digests import differing, digests


@pytest.mark.breaks_invariants
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("INSERT INTO infra_commits (key) VALUES ('a commit')", set()),
        ("CREATE TABLE new_ones (id int)", {"new_ones"}),
        ("CREATE SCHEMA hidden; CREATE TABLE hidden.away (id int)", {"away"}),
        ("DROP TABLE notifications_messages CASCADE", {"notifications_messages"}),
        ("UPDATE trail_sealer SET size = size", set()),
        ("INSERT INTO infra_leases (name, token) VALUES ('x', 1)", {"infra_leases"}),
    ],
)
def test_whatever_changes_is_told(database, tables, change, told):
    before = tables()
    with psycopg.connect(database.superuser, autocommit=True) as conn:
        conn.execute(change)

    assert differing(before, tables()) == told


def test_every_table_of_ours_is_looked_at(database, tables):
    """None is left out but the two whose content says nothing of what was asked."""
    seen = tables()
    with psycopg.connect(database.superuser) as conn:
        every = {name for (name,) in conn.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}  # fmt: skip

    assert every - seen.keys() == {"infra_commits", "infra_idempotency"}
    assert len(digests(database.superuser, besides=())) == len(every)
