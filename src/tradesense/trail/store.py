"""Every SQL statement of recording and reading; `sealing` and `audit` have their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.trail import rules
from tradesense.trail.model import Entry


@dataclass(frozen=True, slots=True)
class Line:
    """One row on its way into `trail_entries`."""

    stream: str
    version: int
    kind: str
    canonical: bytes


async def advance(tx: Transaction, counts: Mapping[str, int]) -> dict[str, int]:
    """
    Move each stream's head on by its count, and return where each head stood before.

    Holds the heads until `tx` ends. They are taken in the order of their names, so that two
    calls cannot wait for each other.
    """
    names = sorted(counts)
    cursor = await tx.execute(
        """
        INSERT INTO trail_streams AS head (stream, version)
        SELECT * FROM unnest(%s::text[], %s::bigint[])
        ON CONFLICT (stream) DO UPDATE SET version = head.version + excluded.version
        RETURNING stream, version
        """,
        (names, [counts[name] for name in names]),
    )
    rows = await cursor.fetchall()
    return {row["stream"]: row["version"] - counts[row["stream"]] for row in rows}


async def find_links(tx: Transaction, heads: Mapping[str, int]) -> dict[str, str]:
    """Return `rules.link` of the entry at each (stream, version) of `heads` that exists."""
    cursor = await tx.execute(
        """
        SELECT stream, encode(sha256(canonical), 'hex') AS link
        FROM unnest(%s::text[], %s::bigint[]) AS head (stream, version)
        JOIN trail_entries USING (stream, version)
        """,
        (list(heads), list(heads.values())),
    )
    return {row["stream"]: row["link"] for row in await cursor.fetchall()}


async def append(tx: Transaction, lines: Sequence[Line]) -> None:
    """Insert `lines` in their order, so that ids rise in it."""
    await tx.execute(
        """
        INSERT INTO trail_entries (stream, version, kind, canonical)
        SELECT * FROM unnest(%s::text[], %s::bigint[], %s::text[], %b::bytea[])
        """,
        (
            [line.stream for line in lines],
            [line.version for line in lines],
            [line.kind for line in lines],
            [line.canonical for line in lines],
        ),
    )


async def list_stream(
    tx: Transaction, stream: str, *, after: int, limit: int | None
) -> list[Entry]:
    return await _entries(
        tx,
        """
        SELECT e.id, e.canonical, l.position
        FROM trail_entries e LEFT JOIN trail_leaves l ON l.entry_id = e.id
        WHERE e.stream = %s AND e.version > %s ORDER BY e.version LIMIT %s
        """,
        (stream, after, limit),
    )


async def list_sealed(
    tx: Transaction, *, after: int, limit: int, kinds: Sequence[str] | None
) -> list[Entry]:
    return await _entries(
        tx,
        """
        SELECT e.id, e.canonical, l.position
        FROM trail_leaves l JOIN trail_entries e ON e.id = l.entry_id
        WHERE l.position > %(after)s AND (%(kinds)s::text[] IS NULL OR e.kind = ANY(%(kinds)s))
        ORDER BY l.position LIMIT %(limit)s
        """,
        {"after": after, "limit": limit, "kinds": None if kinds is None else list(kinds)},
    )


async def get_version(tx: Transaction, stream: str) -> int:
    cursor = await tx.execute("SELECT version FROM trail_streams WHERE stream = %s", (stream,))
    row = await cursor.fetchone()
    return int(row["version"]) if row else 0


async def get_size(tx: Transaction) -> int:
    cursor = await tx.execute("SELECT coalesce(max(position), 0) AS size FROM trail_leaves")
    row = await cursor.fetchone()
    return int(row["size"]) if row else 0


async def _entries(
    tx: Transaction, query: LiteralString, arguments: Sequence[object] | Mapping[str, object]
) -> list[Entry]:
    cursor = await tx.execute(query, arguments)
    return [_entry(row) for row in await cursor.fetchall()]


def _entry(row: DictRow) -> Entry:
    return rules.read(row["canonical"], entry_id=row["id"], position=row["position"])
