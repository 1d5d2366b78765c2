"""Every SQL statement of this module."""

from collections.abc import Iterable, Mapping, Sequence

from psycopg.rows import DictRow

from tradesense.bus.model import DeadLetter, Wait
from tradesense.infra.db import Transaction

WAIT = """
    stream, entry_id, version, kind, tries, trouble,
    extract(epoch FROM retry_at - clock_timestamp())::float8 AS retry_in_s
"""


async def subscribe(tx: Transaction, consumer: str, kinds: Sequence[str]) -> None:
    """Make a consumer known; a kind that is new to it counts from its present position on."""
    await tx.execute(
        "INSERT INTO bus_consumers (consumer) VALUES (%s) ON CONFLICT DO NOTHING", (consumer,)
    )
    await tx.execute(
        """
        INSERT INTO bus_kinds (consumer, kind, since)
        SELECT consumer, unnest(%s::text[]), position FROM bus_consumers WHERE consumer = %s
        ON CONFLICT DO NOTHING
        """,
        (list(kinds), consumer),
    )


async def lock_position(tx: Transaction, consumer: str) -> int | None:
    """Hold a consumer and return its position; None if another worker holds it."""
    cursor = await tx.execute(
        "SELECT position FROM bus_consumers WHERE consumer = %s FOR UPDATE SKIP LOCKED",
        (consumer,),
    )
    row = await cursor.fetchone()
    return None if row is None else int(row["position"])


async def find_position(tx: Transaction, consumer: str) -> int:
    cursor = await tx.execute("SELECT position FROM bus_consumers WHERE consumer = %s", (consumer,))
    row = await cursor.fetchone()
    return 0 if row is None else int(row["position"])


async def save_position(tx: Transaction, consumer: str, position: int) -> None:
    await tx.execute(
        "UPDATE bus_consumers SET position = %s WHERE consumer = %s", (position, consumer)
    )


async def read_heads(tx: Transaction, consumer: str, streams: Iterable[str]) -> dict[str, int]:
    """Return the last applied version of each stream that has one."""
    cursor = await tx.execute(
        "SELECT stream, version FROM bus_heads WHERE consumer = %s AND stream = ANY(%s)",
        (consumer, sorted(set(streams))),
    )
    return {row["stream"]: row["version"] for row in await cursor.fetchall()}


async def save_heads(tx: Transaction, consumer: str, heads: Mapping[str, int]) -> None:
    await tx.execute(
        """
        INSERT INTO bus_heads AS head (consumer, stream, version)
        SELECT %s, * FROM unnest(%s::text[], %s::bigint[])
        ON CONFLICT (consumer, stream) DO UPDATE SET version = excluded.version
        """,
        (consumer, list(heads), list(heads.values())),
    )


async def has_due_wait(tx: Transaction, consumer: str) -> bool:
    cursor = await tx.execute(
        """
        SELECT EXISTS (
          SELECT FROM bus_waits WHERE consumer = %s AND retry_at <= clock_timestamp()) AS is_due
        """,
        (consumer,),
    )
    row = await cursor.fetchone()
    return bool(row and row["is_due"])


async def list_due_waits(tx: Transaction, consumer: str, *, limit: int) -> list[Wait]:
    cursor = await tx.execute(
        f"""
        SELECT {WAIT} FROM bus_waits
        WHERE consumer = %s AND retry_at <= clock_timestamp() ORDER BY retry_at LIMIT %s
        """,  # noqa: S608 -- a constant
        (consumer, limit),
    )
    return [Wait(**row) for row in await cursor.fetchall()]


async def read_waiting(tx: Transaction, consumer: str, streams: Iterable[str]) -> set[str]:
    """Return those of `streams` that wait."""
    cursor = await tx.execute(
        "SELECT stream FROM bus_waits WHERE consumer = %s AND stream = ANY(%s)",
        (consumer, sorted(set(streams))),
    )
    return {row["stream"] for row in await cursor.fetchall()}


async def save_wait(tx: Transaction, consumer: str, wait: Wait) -> None:
    await tx.execute(
        """
        INSERT INTO bus_waits (consumer, stream, entry_id, version, kind, tries, trouble, retry_at)
        VALUES (%(consumer)s, %(stream)s, %(entry_id)s, %(version)s, %(kind)s, %(tries)s,
                %(trouble)s, clock_timestamp() + make_interval(secs => %(retry_in_s)s))
        ON CONFLICT (consumer, stream) DO UPDATE SET
          entry_id = excluded.entry_id, version = excluded.version, kind = excluded.kind,
          tries = excluded.tries, trouble = excluded.trouble, retry_at = excluded.retry_at
        """,
        {"consumer": consumer, **_columns(wait)},
    )


async def end_wait(tx: Transaction, consumer: str, stream: str) -> None:
    await tx.execute(
        "DELETE FROM bus_waits WHERE consumer = %s AND stream = %s", (consumer, stream)
    )


async def bury(tx: Transaction, consumer: str, wait: Wait) -> None:
    """Keep a dead letter; one that died before dies again under its id."""
    await tx.execute(
        """
        INSERT INTO bus_dead_letters (consumer, entry_id, stream, version, kind, trouble)
        VALUES (%(consumer)s, %(entry_id)s, %(stream)s, %(version)s, %(kind)s, %(trouble)s)
        ON CONFLICT (consumer, entry_id) DO UPDATE SET
          trouble = excluded.trouble, died_at = clock_timestamp()
        """,
        {"consumer": consumer, **_columns(wait)},
    )


async def mark_applied(tx: Transaction, consumer: str, stream: str, version: int) -> None:
    """Note that dead letters of a stream up to `version` have been applied after all."""
    await tx.execute(
        """
        UPDATE bus_dead_letters SET applied_at = clock_timestamp()
        WHERE consumer = %s AND stream = %s AND version <= %s AND applied_at IS NULL
        """,
        (consumer, stream, version),
    )


async def find_dead(tx: Transaction, consumer: str, entry_id: int) -> DeadLetter | None:
    cursor = await tx.execute(
        "SELECT * FROM bus_dead_letters WHERE consumer = %s AND entry_id = %s FOR UPDATE",
        (consumer, entry_id),
    )
    row = await cursor.fetchone()
    return None if row is None else DeadLetter(**row)


async def list_dead(
    tx: Transaction, *, limit: int, consumer: str | None = None, stream: str | None = None
) -> list[DeadLetter]:
    """Return dead letters that have not been applied since, the oldest first."""
    cursor = await tx.execute(
        """
        SELECT * FROM bus_dead_letters WHERE applied_at IS NULL
          AND (%(consumer)s::text IS NULL OR consumer = %(consumer)s)
          AND (%(stream)s::text IS NULL OR stream = %(stream)s)
        ORDER BY died_at, consumer, entry_id LIMIT %(limit)s
        """,
        {"limit": limit, "consumer": consumer, "stream": stream},
    )
    return [DeadLetter(**row) for row in await cursor.fetchall()]


async def revive(tx: Transaction, consumer: str, entry_id: int) -> bool:
    """Make a dead entry due again with all its tries; return whether it was dead."""
    cursor = await tx.execute(
        """
        UPDATE bus_waits SET tries = 0, retry_at = clock_timestamp()
        WHERE consumer = %s AND entry_id = %s AND retry_at IS NULL
        """,
        (consumer, entry_id),
    )
    if cursor.rowcount == 0:
        return False
    await tx.execute(
        """
        UPDATE bus_dead_letters SET replayed_at = clock_timestamp()
        WHERE consumer = %s AND entry_id = %s
        """,
        (consumer, entry_id),
    )
    return True


def _columns(wait: Wait) -> DictRow:
    return {
        "stream": wait.stream,
        "entry_id": wait.entry_id,
        "version": wait.version,
        "kind": wait.kind,
        "tries": wait.tries,
        "trouble": wait.trouble,
        "retry_in_s": wait.retry_in_s,
    }
