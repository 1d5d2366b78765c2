"""What every table of a database holds, as digests: a refused request leaves all as they were."""

from collections.abc import Collection, Mapping

import psycopg
from psycopg import sql

# The only tables that a refused request may write to by itself: the keys under which transactions
# committed, and the answers kept under an Idempotency-Key, refusals among them.
BOOKKEEPING = frozenset({"infra_commits", "infra_idempotency"})
# Where a refusal goes that has to be on the record, as that of a forged webhook.
TRAIL = frozenset({
    "trail_entries", "trail_leaves", "trail_nodes", "trail_checkpoints", "trail_sealer",
    "trail_streams", "bus_consumers",
})  # fmt: skip

Digests = Mapping[str, str]


def digests(url: str, *, besides: Collection[str] = BOOKKEEPING) -> Digests:
    """Return a digest of each table's content, of every schema of ours; `besides` are left out."""
    with psycopg.connect(url) as conn:
        names = conn.execute("""
            SELECT schemaname, tablename FROM pg_tables
            WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
        """).fetchall()
        each = sql.SQL(" UNION ALL ").join(
            sql.SQL(
                "SELECT {}, md5(coalesce(string_agg(t::text, ';' ORDER BY t::text), '')) FROM {} t"
            ).format(name, sql.Identifier(schema, name))
            for schema, name in names
            if name not in besides
        )
        return dict(conn.execute(each).fetchall())


def differing(before: Digests, after: Digests) -> set[str]:
    """Return the tables whose content differs, or that are only in one of both."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
