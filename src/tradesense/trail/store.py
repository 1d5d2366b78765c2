"""Every SQL statement of recording and reading; `sealing` and `audit` have their own."""

from collections.abc import Iterable, Mapping, Sequence
from typing import LiteralString

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.trail.model import Entry, Line, Status


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
        (_names(names), _counts(counts[name] for name in names)),
    )
    rows = await cursor.fetchall()
    return {row["stream"]: row["version"] - counts[row["stream"]] for row in rows}


def _names(names: Iterable[str]) -> str:
    """Return an array literal; streams and kinds hold no quote. Lists would cost ten times it."""
    joined = ",".join(f'"{name}"' for name in names)
    return f"{{{joined}}}"


def _counts(counts: Iterable[int]) -> str:
    return f"{{{','.join(map(str, counts))}}}"


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


# What inserts `told(lines)`, in their order, so that ids rise in it. A condition may follow.
APPENDING: LiteralString = """
    INSERT INTO trail_entries (stream, version, kind, canonical)
    SELECT * FROM unnest(%(told_streams)s::text[], %(told_versions)s::bigint[],
      %(told_kinds)s::text[], %(told_canonicals)b::bytea[])
"""


def told(lines: Sequence[Line]) -> dict[str, object]:
    """Return the parameters of `APPENDING`."""
    return {
        "told_streams": _names(line.stream for line in lines),
        "told_versions": _counts(line.version for line in lines),
        "told_kinds": _names(line.kind for line in lines),
        "told_canonicals": [line.canonical for line in lines],
    }


async def append(tx: Transaction, lines: Sequence[Line]) -> None:
    await tx.execute(APPENDING, told(lines))


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
    cursor = await tx.execute(
        """
        SELECT version FROM trail_entries WHERE stream = %s ORDER BY version DESC LIMIT 1
        """,
        (stream,),
    )
    row = await cursor.fetchone()
    return int(row["version"]) if row else 0


async def get_size(tx: Transaction) -> int:
    cursor = await tx.execute("SELECT coalesce(max(position), 0) AS size FROM trail_leaves")
    row = await cursor.fetchone()
    return int(row["size"]) if row else 0


async def get_status(tx: Transaction) -> Status:
    # In the middle of a backlog its slices that are done still count as waiting.
    cursor = await tx.execute(
        """
        WITH seen AS (
            SELECT epoch, snapshot FROM trail_sealer
            UNION ALL SELECT 1, '3:3:' WHERE NOT EXISTS (SELECT FROM trail_sealer)
        )
        SELECT (SELECT coalesce(max(position), 0) FROM trail_leaves) AS size,
            (SELECT count(*) FROM trail_checkpoints) AS checkpoints,
            (SELECT sealed_at FROM trail_checkpoints ORDER BY size DESC LIMIT 1) AS sealed_at,
            (SELECT count(*) FROM (
                SELECT FROM trail_entries e
                WHERE e.epoch = seen.epoch AND e.xid >= pg_snapshot_xmax(seen.snapshot)
                ORDER BY e.epoch DESC, e.xid DESC LIMIT 1000
            ) AS began_since) + (SELECT count(*) FROM (
                SELECT FROM pg_snapshot_xip(seen.snapshot) AS open (xid)
                JOIN trail_entries e ON e.epoch = seen.epoch AND e.xid = open.xid LIMIT 1000
            ) AS were_open) AS waiting
        FROM seen
        """
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 -- `seen` has one row
    return Status(**row)


async def find_newest_note(tx: Transaction) -> str | None:
    cursor = await tx.execute("SELECT note FROM trail_checkpoints ORDER BY size DESC LIMIT 1")
    row = await cursor.fetchone()
    return row["note"] if row else None


async def list_positions(tx: Transaction, positions: Sequence[int]) -> dict[int, bytes]:
    """Return the canonical bytes of the entries at `positions`, by position."""
    cursor = await tx.execute(
        """
        SELECT l.position, e.canonical FROM trail_leaves l
        JOIN trail_entries e ON e.id = l.entry_id WHERE l.position = ANY(%s)
        """,
        (list(positions),),
    )
    return {row["position"]: row["canonical"] for row in await cursor.fetchall()}


async def read_leaf_tiles(tx: Transaction, indices: Sequence[int]) -> dict[int, bytes]:
    """Return the leaf hashes of the tiles at `indices`, concatenated, by index."""
    return await _tiles(
        tx,
        """
        SELECT wanted.index, string_agg(l.hash, ''::bytea ORDER BY l.position) AS hashes
        FROM unnest(%(indices)s::bigint[]) AS wanted (index) JOIN trail_leaves l
        ON l.position > wanted.index * 256 AND l.position <= wanted.index * 256 + 256
        GROUP BY 1
        """,
        {"indices": list(indices)},
    )


async def read_node_tiles(
    tx: Transaction, indices: Sequence[int], *, height: int
) -> dict[int, bytes]:
    """Do the same for the roots of perfect subtrees of one height."""
    return await _tiles(
        tx,
        """
        SELECT wanted.index, string_agg(n.hash, ''::bytea ORDER BY n.index) AS hashes
        FROM unnest(%(indices)s::bigint[]) AS wanted (index) JOIN trail_nodes n
        ON n.height = %(height)s
        AND n.index >= wanted.index * 256 AND n.index < wanted.index * 256 + 256
        GROUP BY 1
        """,
        {"indices": list(indices), "height": height},
    )


async def _tiles(
    tx: Transaction, query: LiteralString, arguments: Mapping[str, object]
) -> dict[int, bytes]:
    cursor = await tx.execute(query, arguments)
    return {row["index"]: row["hashes"] for row in await cursor.fetchall()}


async def _entries(
    tx: Transaction, query: LiteralString, arguments: Sequence[object] | Mapping[str, object]
) -> list[Entry]:
    cursor = await tx.execute(query, arguments)
    return [_entry(row) for row in await cursor.fetchall()]


def _entry(row: DictRow) -> Entry:
    return Entry.read(row["canonical"], entry_id=row["id"], position=row["position"])
