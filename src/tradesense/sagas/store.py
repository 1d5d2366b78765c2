"""Every SQL statement of this module."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from psycopg import AsyncCursor
from psycopg.rows import DictRow
from psycopg.types.json import Json, Jsonb

from tradesense import trail
from tradesense.infra.db import Transaction
from tradesense.sagas.model import Data, Parked, Saga, Sort, State
from tradesense.trail.model import Extension, Head

SAGA = """
    id, kind, version, state, position, data, attempt, tries, reason, trouble, parked_from,
    waits_for, due_at, told_version, told_link
"""


class Asked(StrEnum):
    """What becomes of the moment at which the current attempt was first asked."""

    NOW = "now"  # first asked now, unless it was before
    AFRESH = "afresh"  # now, whatever was before
    KEPT = "kept"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """
    An instance that this transaction, or the holder of `token`, may move.

    `asked_s` is how long ago, in seconds of database time, its attempt was first asked.
    """

    saga: Saga
    token: int
    asked_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """An instance as it shall stand, and in how many seconds it is due again (None: not)."""

    saga: Saga
    sort: Sort | None
    wake_in_s: float | None
    asked: Asked = Asked.CLEARED
    claims: int = 0  # 1 if this takes a claim for a call


_INSERT = f"""
    WITH written AS (
      INSERT INTO saga_instances
        (id, kind, version, state, position, data, told_version, told_link,
         sort, wake_at, started_at)
      VALUES (%(id)s, %(kind)s, %(version)s, %(state)s, %(position)s, %(data)s, %(told_version)s,
              %(told_link)s, %(sort)s,
              clock_timestamp() + make_interval(secs => %(wake_in_s)s), %(now)s)
      ON CONFLICT DO NOTHING RETURNING id
    ), told AS ({trail.APPENDING} WHERE EXISTS (TABLE written))
    TABLE written
"""  # noqa: S608 -- constants


async def insert(
    tx: Transaction, begun: Save, told: Extension, *, now: datetime
) -> AsyncCursor[DictRow]:
    """
    Write a new instance, due at once unless it is over, and tell it.

    Its one row says that the id was free; without it nothing is written.
    """
    saga = begun.saga
    return await tx.execute(
        _INSERT,
        {
            "id": saga.id,
            "kind": saga.kind,
            "version": saga.version,
            "state": saga.state.value,
            "position": saga.position,
            "data": Jsonb(saga.data),
            "told_version": saga.told and saga.told.version,
            "told_link": saga.told and saga.told.link,
            "sort": begun.sort and begun.sort.value,
            "wake_in_s": begun.wake_in_s,
            "now": now,
            **trail.told(told),
        },
    )


async def find(tx: Transaction, saga_id: UUID) -> Saga | None:
    return await _find(tx, saga_id, lock="")


async def lock(tx: Transaction, saga_id: UUID) -> Saga | None:
    """Read an instance and hold it until `tx` ends."""
    return await _find(tx, saga_id, lock="FOR UPDATE")


async def _find(tx: Transaction, saga_id: UUID, *, lock: str) -> Saga | None:
    cursor = await tx.execute(
        f"SELECT {SAGA} FROM saga_instances WHERE id = %s {lock}",  # noqa: S608 -- constants
        (saga_id,),
    )
    row = await cursor.fetchone()
    return None if row is None else _saga(row)


async def list_parked(tx: Transaction, *, limit: int) -> list[Parked]:
    """Return parked instances, the longest parked first; being parked, they do not change."""
    cursor = await tx.execute(
        f"""
        SELECT {SAGA}, changed_at FROM saga_instances
        WHERE state = 'parked' ORDER BY changed_at, id LIMIT %s
        """,  # noqa: S608 -- a constant
        (limit,),
    )
    return [Parked(saga=_saga(row), since=row["changed_at"]) for row in await cursor.fetchall()]


async def has_due(tx: Transaction, *, pins: Sequence[str], now: datetime) -> bool:
    """Return whether any instance of `pins` could move now."""
    cursor = await tx.execute(
        """
        SELECT EXISTS (SELECT FROM saga_instances
                       WHERE wake_at <= statement_timestamp()
                         AND kind || ':' || version = ANY(%(p)s))
            OR EXISTS (SELECT FROM saga_instances
                       WHERE due_at <= %(now)s AND wake_at IS NULL
                         AND kind || ':' || version = ANY(%(p)s)) AS is_due
        """,
        {"p": list(pins), "now": now},
    )
    row = await cursor.fetchone()
    return bool(row and row["is_due"])


async def claim(
    tx: Transaction, *, pins: Sequence[str], now: datetime, batch: int, calls: int
) -> list[Claimed]:
    """Hold instances that can move: `batch` local or waiting ones, `calls` remote ones."""
    cursor = await tx.execute(
        f"""
        WITH woken AS (
          SELECT {SAGA}, token, asked_at FROM saga_instances
          WHERE wake_at <= statement_timestamp() AND sort <> 'remote'
            AND kind || ':' || version = ANY(%(pins)s)
          ORDER BY wake_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED
        ), expired AS (
          SELECT {SAGA}, token, asked_at FROM saga_instances
          WHERE due_at <= %(now)s AND wake_at IS NULL
            AND kind || ':' || version = ANY(%(pins)s)
          ORDER BY due_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED
        ), remote AS (
          SELECT {SAGA}, token, asked_at FROM saga_instances
          WHERE wake_at <= statement_timestamp() AND sort = 'remote'
            AND kind || ':' || version = ANY(%(pins)s)
          ORDER BY wake_at LIMIT %(calls)s FOR UPDATE SKIP LOCKED
        )
        SELECT *, extract(epoch FROM clock_timestamp() - asked_at)::float8 AS asked_s
        FROM (TABLE woken UNION ALL TABLE expired UNION ALL TABLE remote) AS due
        ORDER BY id
        """,  # noqa: S608 -- constants
        {"pins": list(pins), "now": now, "batch": batch, "calls": calls},
    )
    return [_claimed(row) for row in await cursor.fetchall()]


async def lock_claimed(tx: Transaction, saga_id: UUID, *, token: int) -> Saga | None:
    """Hold an instance if its claim is still ours; None if somebody else has taken it over."""
    cursor = await tx.execute(
        f"SELECT {SAGA} FROM saga_instances WHERE id = %s AND token = %s FOR UPDATE",  # noqa: S608 -- a constant
        (saga_id, token),
    )
    row = await cursor.fetchone()
    return None if row is None else _saga(row)


async def renew(tx: Transaction, saga_id: UUID, *, token: int, lease_s: float) -> bool:
    """Keep a claim for `lease_s` more; return whether it was still ours."""
    cursor = await tx.execute(
        """
        UPDATE saga_instances SET wake_at = clock_timestamp() + make_interval(secs => %s)
        WHERE id = %s AND token = %s AND wake_at IS NOT NULL
        """,
        (lease_s, saga_id, token),
    )
    return cursor.rowcount == 1


async def save(tx: Transaction, saves: Sequence[Save]) -> None:
    """Write how instances stand; one statement for all, whose rows are one text."""
    await tx.execute(
        """
        UPDATE saga_instances AS i SET
          state = s.state, position = s.position, data = s.data, attempt = s.attempt,
          tries = s.tries, reason = s.reason, trouble = s.trouble,
          parked_from = s.parked_from, waits_for = s.waits_for,
          due_at = s.due_at, sort = s.sort, token = i.token + s.claims,
          told_version = s.told_version, told_link = s.told_link,
          wake_at = clock_timestamp() + make_interval(secs => s.wake_in_s),
          asked_at = CASE s.asked WHEN 'now' THEN coalesce(i.asked_at, clock_timestamp())
                                  WHEN 'afresh' THEN clock_timestamp()
                                  WHEN 'kept' THEN i.asked_at END,
          changed_at = clock_timestamp()
        FROM json_to_recordset(%s) AS s (
          id uuid, state text, position int, data jsonb, attempt int, tries int, reason text,
          trouble text, parked_from text, waits_for text, due_at timestamptz, sort text,
          claims int, told_version bigint, told_link text, wake_in_s float8, asked text)
        WHERE i.id = s.id
        """,
        (Json([_row(saved) for saved in saves]),),
    )


def _row(saved: Save) -> dict[str, object]:
    saga = saved.saga
    return {
        "id": str(saga.id),
        "state": saga.state.value,
        "position": saga.position,
        "data": dict(saga.data),
        "attempt": saga.attempt,
        "tries": saga.tries,
        "reason": saga.reason,
        "trouble": saga.trouble,
        "parked_from": saga.parked_from and saga.parked_from.value,
        "waits_for": saga.waits_for,
        "due_at": saga.due_at and saga.due_at.isoformat(),
        "sort": saved.sort and saved.sort.value,
        "claims": saved.claims,
        "told_version": saga.told and saga.told.version,
        "told_link": saga.told and saga.told.link,
        "wake_in_s": saved.wake_in_s,
        "asked": saved.asked.value,
    }


async def insert_signal(tx: Transaction, saga_id: UUID, *, name: str, data: Data) -> bool:
    """Keep a signal; return whether it is the first of its name."""
    cursor = await tx.execute(
        """
        INSERT INTO saga_signals (saga_id, name, data) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
        """,
        (saga_id, name, Jsonb(data)),
    )
    return cursor.rowcount == 1


async def wake(tx: Transaction, saga_id: UUID) -> None:
    await tx.execute(
        "UPDATE saga_instances SET wake_at = clock_timestamp() WHERE id = %s", (saga_id,)
    )


async def read_signals(tx: Transaction, ids: Sequence[UUID]) -> dict[tuple[UUID, str], Data]:
    cursor = await tx.execute(
        "SELECT saga_id, name, data FROM saga_signals WHERE saga_id = ANY(%s)", (list(ids),)
    )
    return {(row["saga_id"], row["name"]): row["data"] for row in await cursor.fetchall()}


async def pin(tx: Transaction, *, kind: str, version: int, shape: str) -> str:
    """Keep the shape of a definition, and return the one that was kept first."""
    await tx.execute(
        """
        INSERT INTO saga_definitions (kind, version, shape) VALUES (%s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        (kind, version, shape),
    )
    cursor = await tx.execute(
        "SELECT shape FROM saga_definitions WHERE kind = %s AND version = %s", (kind, version)
    )
    row = await cursor.fetchone()
    return str(row["shape"]) if row else shape


def _saga(row: DictRow) -> Saga:
    return Saga(
        id=row["id"],
        kind=row["kind"],
        version=row["version"],
        state=State(row["state"]),
        position=row["position"],
        data=row["data"],
        attempt=row["attempt"],
        tries=row["tries"],
        reason=row["reason"],
        trouble=row["trouble"],
        parked_from=row["parked_from"] and State(row["parked_from"]),
        waits_for=row["waits_for"],
        due_at=row["due_at"],
        told=row["told_version"] and Head(row["told_version"], row["told_link"]),
    )


def _claimed(row: DictRow) -> Claimed:
    return Claimed(saga=_saga(row), token=row["token"], asked_s=row["asked_s"])
