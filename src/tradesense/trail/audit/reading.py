"""Every SQL statement of verification, over one plain connection."""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from tradesense.kernel.errors import Unavailable
from tradesense.trail.proof.tree import HASH_BYTES

Reading = Connection[TupleRow]

NO_ENTRY, NO_HASH = 0, b"\xff" * HASH_BYTES  # neither occurs

_HEADER_BYTES = 19  # of binary COPY: signature, flags, no extension
_ID = slice(6, 14)  # of a row of (id, canonical): after field count and length
_CANONICAL = 18
_GAP_MAX = 1024  # ids this far apart are still read in one range

# Columns are what readers query by, but only `canonical` is sealed: a row passes if the sealed
# text ends with exactly what its columns say (`rules.tail`, but for the value of `prev`).
_ROWS = """
    COPY (
        SELECT id, canonical FROM trail_entries, LATERAL (SELECT
            convert_to('","stream":"' || stream || '","v":1,"version":' || version || '}}', 'UTF8')
                AS ending,
            convert_to('"kind":"' || kind || '","prev":"', 'UTF8') AS middle OFFSET 0) AS told
        WHERE id BETWEEN {first} AND {last}
        AND substr(canonical, length(canonical) - length(ending) + 1) = ending
        AND substr(
            canonical,
            length(canonical) - length(ending) - length(middle)
                - CASE version WHEN 1 THEN 0 ELSE 64 END + 1,
            length(middle)) = middle
    ) TO STDOUT (FORMAT binary)
"""


@dataclass(frozen=True, slots=True)
class Leaves:
    """The leaves of some successive positions: whose they are, and their hashes, concatenated."""

    entry_ids: tuple[int, ...]
    hashes: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """How far the database says it is sealed."""

    checkpoints: int
    newest_note: str | None
    leaves: int
    last_position: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is, in one snapshot; `waiting` are entries that no seal has seen yet."""

    entries: int
    leaves: int
    waiting: int

    @property
    def add_up(self) -> bool:
        """Tell whether every entry is sealed or waits for it, as far as counting can."""
        return self.entries == self.leaves + self.waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """All that is stored about one position, each part maybe gone."""

    position: int
    entry_id: int | None
    hash: bytes | None
    stream: str | None
    version: int | None
    kind: str | None
    canonical: bytes | None


@contextmanager
def connect(url: str) -> Iterator[Reading]:
    """Open a connection for an audit. Raises Unavailable if there is none, or no more."""
    try:
        with psycopg.connect(url, autocommit=True, application_name="trail audit") as conn:
            yield conn
    except psycopg.OperationalError as error:
        raise Unavailable(f"the database cannot be read: {error}") from error


def get_head(conn: Reading) -> Head:
    rows = conn.execute(
        """
        SELECT (SELECT count(*) FROM trail_checkpoints),
            (SELECT note FROM trail_checkpoints ORDER BY size DESC LIMIT 1),
            (SELECT count(*) FROM trail_leaves),
            (SELECT coalesce(max(position), 0) FROM trail_leaves)
        """
    ).fetchall()
    return Head(*rows[0])


# An entry waits if its transaction was open at the last seal, or began after it.
_WAITING = """
    SELECT e.id FROM trail_sealer s JOIN trail_entries e ON e.epoch = s.epoch
        AND e.xid >= pg_snapshot_xmin(s.snapshot) AND NOT pg_visible_in_snapshot(e.xid, s.snapshot)
    WHERE NOT EXISTS (SELECT FROM trail_leaves l WHERE l.entry_id = e.id)
    UNION ALL
    SELECT e.id FROM trail_entries e WHERE NOT EXISTS (SELECT FROM trail_sealer)
"""
_COUNTS = f"""
    SELECT (SELECT count(*) FROM trail_entries), (SELECT count(*) FROM trail_leaves),
        (SELECT count(*) FROM ({_WAITING}) AS waiting)
"""  # noqa: S608 -- constants only


def get_counts(conn: Reading) -> Counts:
    return Counts(*conn.execute(_COUNTS).fetchall()[0])


_HIDDEN = f"""
    SELECT e.id, e.stream, e.version,
        1 + coalesce((SELECT max(l.position) FROM trail_leaves l WHERE l.entry_id < e.id), 0)
    FROM trail_entries e WHERE NOT EXISTS (SELECT FROM trail_leaves l WHERE l.entry_id = e.id)
    AND e.id NOT IN ({_WAITING}) ORDER BY e.id LIMIT %s
"""  # noqa: S608 -- constants only


def list_hidden(conn: Reading, limit: int) -> list[tuple[int, str, int, int]]:
    """Return (id, stream, version, position it hides before) of old entries without a leaf."""
    return conn.execute(_HIDDEN, (limit,)).fetchall()


def read_leaves(conn: Reading, *, after: int, until: int) -> Leaves:
    """Return the leaves beyond `after` up to `until`; NO_ENTRY and NO_HASH for those gone."""
    ids, hashes = conn.execute(
        """
        SELECT coalesce(string_agg(int8send(entry_id), ''::bytea ORDER BY position), ''::bytea),
            coalesce(string_agg(hash, ''::bytea ORDER BY position), ''::bytea)
        FROM trail_leaves WHERE position > %s AND position <= %s
        """,
        (after, until),
        binary=True,
    ).fetchall()[0]
    if len(hashes) == (until - after) * HASH_BYTES:
        return Leaves(struct.unpack(f">{len(ids) // 8}q", ids), hashes)
    rows = list_rows(conn, range(after + 1, until + 1))
    return Leaves(
        tuple(row.entry_id or NO_ENTRY for row in rows),
        b"".join(row.hash or NO_HASH for row in rows),
    )


def hash_entries(conn: Reading, entry_ids: Sequence[int]) -> bytes:
    """
    Return the leaf hash of each entry as it is now, concatenated.

    Zeros for one that is gone, or whose columns do not say what its sealed text says.
    """
    place = {entry_id: n for n, entry_id in enumerate(entry_ids)}
    place.pop(NO_ENTRY, None)
    made = [bytes(HASH_BYTES)] * len(entry_ids)
    for first, last in _ranges(list(place)):
        for row in _copy(conn, _ROWS.format(first=first, last=last)):
            at = place.get(int.from_bytes(row[_ID]))
            if at is not None:
                made[at] = sha256(b"\0" + row[_CANONICAL:]).digest()
    return b"".join(made)


def list_notes(conn: Reading, *, after: int, until: int) -> list[tuple[int, str]]:
    """Return (size, note) of the checkpoints beyond `after` up to `until`."""
    return conn.execute(
        "SELECT size, note FROM trail_checkpoints WHERE size > %s AND size <= %s ORDER BY size",
        (after, until),
    ).fetchall()


def read_nodes(conn: Reading, height: int, *, first: int, count: int) -> dict[int, bytes]:
    """Return the stored roots of perfect subtrees of one height, by their index."""
    rows = conn.execute(
        "SELECT index, hash FROM trail_nodes WHERE height = %s AND index >= %s AND index < %s",
        (height, first, first + count),
    ).fetchall()
    return dict(rows)


def list_rows(conn: Reading, positions: Sequence[int]) -> list[Row]:
    """Return what is stored about each of `positions`."""
    rows = conn.execute(
        """
        SELECT wanted.position, l.entry_id, l.hash, e.stream, e.version, e.kind, e.canonical
        FROM unnest(%s::bigint[]) AS wanted (position)
        LEFT JOIN trail_leaves l USING (position) LEFT JOIN trail_entries e ON e.id = l.entry_id
        ORDER BY 1
        """,
        (list(positions),),
    ).fetchall()
    names = ("position", "entry_id", "hash", "stream", "version", "kind", "canonical")
    return [Row(**dict(zip(names, row, strict=True))) for row in rows]


def list_unlinked(conn: Reading, limit: int) -> list[tuple[int, str, int]]:
    """
    Return (position, stream, version) of entries that do not follow the one before.

    By version without a gap, and by its hash in `prev`. Hashed by the server: the tree has
    vouched for the contents, this is about what was recorded.
    """
    return conn.execute(
        """
        SELECT coalesce(l.position, 0), stream, version FROM (
            SELECT id, stream, version, canonical,
                coalesce(lag(version) OVER earlier, 0) AS version_before,
                coalesce(encode(lag(sha256(canonical)) OVER earlier, 'hex'), '') AS link
            FROM trail_entries WINDOW earlier AS (PARTITION BY stream ORDER BY version)
        ) AS walked LEFT JOIN trail_leaves l ON l.entry_id = walked.id
        WHERE version <> version_before + 1
            OR position(convert_to('"prev":"' || link || '","stream":"', 'UTF8') in canonical) = 0
        ORDER BY 1 LIMIT %s
        """,
        (limit,),
    ).fetchall()


def _ranges(entry_ids: Sequence[int]) -> list[tuple[int, int]]:
    """Return few ranges that cover the ids and little else; a straggler gets its own."""
    ordered = sorted(entry_ids)
    breaks = [n for n, (one, other) in enumerate(pairwise(ordered), 1) if other - one > _GAP_MAX]
    starts, ends = [0, *breaks], [*breaks, len(ordered)]
    return [(ordered[a], ordered[b - 1]) for a, b in zip(starts, ends, strict=True) if a < b]


def _copy(conn: Reading, query: str) -> Iterator[memoryview]:
    """
    Yield the rows of a binary COPY.

    By libpq itself: `cursor.copy` costs as much per row as hashing it.
    """
    server = conn.pgconn
    server.send_query(query.encode())
    begun = server.get_result()
    if begun is None or begun.status != psycopg.pq.ExecStatus.COPY_OUT:
        raise Unavailable(f"the database cannot be read: {server.get_error_message()}")
    size, row = server.get_copy_data(0)
    row = row[_HEADER_BYTES:]
    while size > 0:
        if len(row) > _CANONICAL:
            yield row
        size, row = server.get_copy_data(0)
    while (ended := server.get_result()) is not None:
        if ended.status != psycopg.pq.ExecStatus.COMMAND_OK:
            raise Unavailable(f"the database cannot be read: {server.get_error_message()}")
