"""
Every SQL statement of sealing.

An entry is new if its transaction was not visible in the sealer's last snapshot: it began after
it (`xid >= xmax`) or was open in it (`xid` among its xip). Both are index ranges on
(epoch, xid, id), however long some other transaction stays open.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.trail.proof.tree import Frontier, Node

_NEW = """
    SELECT e.id FROM trail_entries e
    WHERE e.epoch = %(epoch)s AND e.xid >= pg_snapshot_xmax(%(snapshot)s::pg_snapshot)
    UNION ALL
    SELECT e.id FROM pg_snapshot_xip(%(snapshot)s::pg_snapshot) AS open (xid)
    JOIN trail_entries e ON e.epoch = %(epoch)s AND e.xid = open.xid
"""

_LEAVES = """
    INSERT INTO trail_leaves (position, entry_id, hash)
    SELECT %(size)s + row_number() OVER (ORDER BY id), id, sha256('\\x00'::bytea || canonical)
    FROM trail_entries
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """
    How far the sealer came.

    Everything visible in `snapshot` is sealed. While a backlog is cut into slices, `target` is
    the snapshot it works towards; ids up to `after_id` are done, `until_id` is the last.
    """

    epoch: int
    frontier: Frontier
    snapshot: str
    target: str | None = None
    after_id: int = 0
    until_id: int = 0


async def get_system_identifier(tx: Transaction) -> int:
    """Return the identity of the database cluster we are talking to."""
    cursor = await tx.execute("SELECT system_identifier FROM pg_control_system()")
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 -- a control file has one row
    return int(row["system_identifier"])


async def find_progress(tx: Transaction) -> Progress | None:
    """Return how far the sealer came, or None before its first start."""
    cursor = await tx.execute(
        "SELECT epoch, size, snapshot::text, target::text, after_id, until_id, frontier "
        "FROM trail_sealer"
    )
    row = await cursor.fetchone()
    return None if row is None else _progress(row)


async def lock_progress(tx: Transaction) -> tuple[Progress, str]:
    """
    Begin a step: return how far the sealer came, held until `tx` ends, and the snapshot of `tx`.

    Settles also how `tx` plans and commits. Without statistics the planner takes "after this
    transaction id" for a third of the table. And what the witness is told of must not be lost
    by the server, whatever its default. Raises LookupError before the log has begun.
    """
    cursor = await tx.execute(
        """
        SELECT epoch, size, snapshot::text, target::text, after_id, until_id, frontier,
            pg_current_snapshot()::text AS now,
            set_config('enable_seqscan', 'off', true),
            set_config('synchronous_commit', 'on', true)
        FROM trail_sealer FOR UPDATE
        """
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError("the log has not begun")
    return _progress(row), row["now"]


def _progress(row: DictRow) -> Progress:
    return Progress(
        epoch=row["epoch"],
        frontier=Frontier(row["size"], tuple(row["frontier"])),
        snapshot=row["snapshot"],
        target=row["target"],
        after_id=row["after_id"],
        until_id=row["until_id"],
    )


_SAVE = """
    INSERT INTO trail_sealer (epoch, size, snapshot, target, after_id, until_id, frontier)
    VALUES (%(epoch)s, %(size)s, %(snapshot)s::pg_snapshot, %(target)s::pg_snapshot,
        %(after_id)s, %(until_id)s, %(frontier)b::bytea[])
    ON CONFLICT (one) DO UPDATE SET
        epoch = excluded.epoch, size = excluded.size, snapshot = excluded.snapshot,
        target = excluded.target, after_id = excluded.after_id,
        until_id = excluded.until_id, frontier = excluded.frontier
"""
_SIGN = f"""
    WITH saved AS ({_SAVE} RETURNING size), signed AS (
        INSERT INTO trail_checkpoints (size, epoch, note)
        VALUES (%(size)s, %(epoch)s, %(note)s) RETURNING size
    )
    SELECT pg_notify('trail_sealed', signed.size::text) FROM saved, signed
"""  # noqa: S608 -- constants only


async def save_progress(tx: Transaction, progress: Progress, *, note: str | None = None) -> None:
    """Keep how far we came; with a checkpoint keep that too, and wake who listens to it."""
    arguments = {
        "epoch": progress.epoch,
        "size": progress.frontier.size,
        "snapshot": progress.snapshot,
        "target": progress.target,
        "after_id": progress.after_id,
        "until_id": progress.until_id,
        "frontier": list(progress.frontier.peaks),
    }
    if note is None:
        await tx.execute(_SAVE, arguments)
    else:
        await tx.execute(_SIGN, arguments | {"note": note})


async def has_new(tx: Transaction, progress: Progress) -> bool:
    """Tell whether there is anything to seal; cheap enough to ask fifty times a second."""
    cursor = await tx.execute(
        """
        SELECT (
            SELECT xid >= pg_snapshot_xmax(%(snapshot)s::pg_snapshot) FROM trail_entries
            WHERE epoch = %(epoch)s ORDER BY xid DESC LIMIT 1
        ) IS TRUE OR EXISTS (
            SELECT FROM pg_snapshot_xip(%(snapshot)s::pg_snapshot) AS open (xid), LATERAL (
                SELECT FROM trail_entries e
                WHERE e.epoch = %(epoch)s AND e.xid = open.xid ORDER BY e.id LIMIT 1
            ) AS ended
        ) AS new
        """,
        _range(progress),
    )
    row = await cursor.fetchone()
    return bool(row and row["new"])


async def list_new(tx: Transaction, progress: Progress, *, limit: int) -> list[int]:
    """Return the ids of what is new, in no order; `limit` of them if there are more."""
    cursor = await tx.execute(f"{_NEW} LIMIT %(limit)s", _range(progress) | {"limit": limit})
    return [row["id"] for row in await cursor.fetchall()]


async def span_new(tx: Transaction, progress: Progress) -> tuple[int, int]:
    """Return the first and the last id of what is new. There must be something."""
    cursor = await tx.execute(
        f"SELECT min(id) AS first, max(id) AS last FROM ({_NEW}) AS new",  # noqa: S608 -- constant
        _range(progress),
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 -- a query of aggregates has one row
    return row["first"], row["last"]


async def add_leaves(tx: Transaction, progress: Progress, entry_ids: list[int]) -> list[bytes]:
    """
    Give these entries their positions, in the order of ids; return the leaf hashes.

    The ids are told, not asked for again in here: a planner that takes them for many would
    read the table from its beginning.
    """
    cursor = await tx.execute(
        f"{_LEAVES} WHERE id = ANY(%(ids)s) ORDER BY id RETURNING position, hash",
        {"ids": entry_ids, "size": progress.frontier.size},
    )
    return _in_order([(row["position"], row["hash"]) for row in await cursor.fetchall()])


async def add_slice(tx: Transaction, progress: Progress, *, until_id: int) -> list[bytes]:
    """Do the same for the entries of a backlog up to `until_id`, found by their ids."""
    cursor = await tx.execute(
        f"""{_LEAVES}
        WHERE id > %(after_id)s AND id <= %(until_id)s AND epoch + 0 = %(epoch)s
        AND NOT pg_visible_in_snapshot(xid, %(snapshot)s::pg_snapshot)
        AND pg_visible_in_snapshot(xid, %(target)s::pg_snapshot)
        ORDER BY id RETURNING position, hash
        """,
        _range(progress)
        | {
            "size": progress.frontier.size,
            "after_id": progress.after_id,
            "until_id": until_id,
            "target": progress.target,
        },
    )
    return _in_order([(row["position"], row["hash"]) for row in await cursor.fetchall()])


async def add_nodes(tx: Transaction, nodes: Sequence[tuple[Node, bytes]]) -> None:
    await tx.execute(
        """
        INSERT INTO trail_nodes (height, index, hash)
        SELECT * FROM unnest(%s::smallint[], %s::bigint[], %b::bytea[])
        """,
        (
            [height for (height, _), _ in nodes],
            [index for (_, index), _ in nodes],
            [made for _, made in nodes],
        ),
    )


async def add_epoch(tx: Transaction, *, epoch: int, system_identifier: int, origin: str) -> None:
    await tx.execute(
        "INSERT INTO trail_epochs (epoch, system_identifier, origin) VALUES (%s, %s, %s)",
        (epoch, system_identifier, origin),
    )


async def find_epoch(tx: Transaction, epoch: int) -> tuple[int, str] | None:
    """Return the (system identifier, origin) that may seal `epoch`."""
    cursor = await tx.execute(
        "SELECT system_identifier, origin FROM trail_epochs WHERE epoch = %s", (epoch,)
    )
    row = await cursor.fetchone()
    return (row["system_identifier"], row["origin"]) if row else None


async def find_note(tx: Transaction, size: int) -> str | None:
    """Return the checkpoint over exactly `size` entries."""
    cursor = await tx.execute("SELECT note FROM trail_checkpoints WHERE size = %s", (size,))
    row = await cursor.fetchone()
    return row["note"] if row else None


async def find_note_until(tx: Transaction, size_max: int) -> str | None:
    """Return the newest checkpoint over at most `size_max` entries."""
    cursor = await tx.execute(
        "SELECT note FROM trail_checkpoints WHERE size <= %s ORDER BY size DESC LIMIT 1",
        (size_max,),
    )
    row = await cursor.fetchone()
    return row["note"] if row else None


async def read_leaves(tx: Transaction, *, after: int, until: int) -> bytes:
    """Return the leaf hashes of the positions after `after` up to `until`, concatenated."""
    cursor = await tx.execute(
        """
        SELECT coalesce(string_agg(hash, ''::bytea ORDER BY position), ''::bytea) AS hashes
        FROM trail_leaves WHERE position > %s AND position <= %s
        """,
        (after, until),
    )
    row = await cursor.fetchone()
    return bytes(row["hashes"]) if row else b""


def _range(progress: Progress) -> dict[str, object]:
    return {"epoch": progress.epoch, "snapshot": progress.snapshot}


def _in_order(numbered: list[tuple[int, bytes]]) -> list[bytes]:
    return [made for _, made in sorted(numbered)]
