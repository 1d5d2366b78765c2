"""Every SQL statement of reservations."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from tradesense.infra.db import Transaction
from tradesense.ledger.model import Outcome, Reservation, Running, Transfer, Written
from tradesense.ledger.store import transfer_of


async def read_known(
    tx: Transaction, ids: Sequence[UUID]
) -> tuple[dict[UUID, bytes], datetime | None]:
    """Return the payload hashes of those of `ids` that exist, and until when books are closed."""
    cursor = await tx.execute(
        """
        SELECT r.id, r.payload_sha256, p.closed_until
        FROM (SELECT max(closed_until) AS closed_until FROM ledger_periods) AS p
        LEFT JOIN ledger_reservations r ON r.id = ANY(%s)
        """,
        (list(ids),),
    )
    rows = await cursor.fetchall()
    known = {row["id"]: bytes(row["payload_sha256"]) for row in rows if row["id"] is not None}
    return known, rows[0]["closed_until"]


async def insert(tx: Transaction, fresh: Sequence[Written], expires_in_s: float | None) -> int:
    """Write reservations and their locks; return how many were not there before."""
    written = sorted(fresh, key=lambda each: each.id)
    ordered = [each.transfer for each in written]
    cursor = await tx.execute(
        """
        WITH made AS (
          INSERT INTO ledger_reservations
            (id, debit, credit, amount_minor, currency, reason, effective_at, expires_at,
             payload_sha256)
          SELECT w.id, w.debit, w.credit, w.amount, w.currency, w.reason, w.effective_at,
            clock_timestamp() + make_interval(secs => %(expires_in_s)s), w.payload
          FROM unnest(
            %(ids)s::uuid[], %(debits)s::text[], %(credits)s::text[], %(amounts)s::bigint[],
            %(currencies)s::text[], %(reasons)s::text[], %(effective)s::timestamptz[],
            %(hashes)s::bytea[])
            AS w (id, debit, credit, amount, currency, reason, effective_at, payload)
          ON CONFLICT DO NOTHING RETURNING id, expires_at
        )
        INSERT INTO ledger_open (reservation_id, expires_at) SELECT id, expires_at FROM made
        """,
        {
            "expires_in_s": None if expires_in_s is None else float(expires_in_s),
            "ids": [transfer.id for transfer in ordered],
            "debits": [transfer.debit for transfer in ordered],
            "credits": [transfer.credit for transfer in ordered],
            "amounts": [transfer.amount.minor for transfer in ordered],
            "currencies": [transfer.amount.currency for transfer in ordered],
            "reasons": [transfer.reason for transfer in ordered],
            "effective": [transfer.effective_at for transfer in ordered],
            "hashes": [each.payload_sha256 for each in written],
        },
    )
    return cursor.rowcount


async def keep_reserved(tx: Transaction, running: Collection[Running]) -> None:
    """Write how much of locked bounded accounts is reserved."""
    await tx.execute(
        """
        UPDATE ledger_balances b SET reserved_minor = s.reserved_minor
        FROM unnest(%s::text[], %s::bigint[]) AS s (account, reserved_minor)
        WHERE b.account = s.account
        """,
        ([stand.account for stand in running], [stand.reserved_minor for stand in running]),
    )


async def lock_open(tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, bool]:
    """Hold those of `ids` that are open until `tx` ends, and say of each if its time is up."""
    cursor = await tx.execute(
        """
        SELECT reservation_id, coalesce(expires_at <= clock_timestamp(), false) AS is_late
        FROM ledger_open WHERE reservation_id = ANY(%s) ORDER BY reservation_id FOR UPDATE
        """,
        (list(ids),),
    )
    return {row["reservation_id"]: row["is_late"] for row in await cursor.fetchall()}


async def list_late(tx: Transaction, *, limit: int) -> dict[UUID, Transfer]:
    """Return open reservations whose time is up by the database's clock, without a lock."""
    cursor = await tx.execute(
        """
        SELECT r.*, NULL::uuid AS reverses
        FROM (SELECT reservation_id FROM ledger_open WHERE expires_at <= clock_timestamp()
              ORDER BY expires_at LIMIT %s) AS late
        JOIN ledger_reservations r ON r.id = late.reservation_id
        """,
        (limit,),
    )
    return {row["id"]: transfer_of(row) for row in await cursor.fetchall()}


async def resolve(
    tx: Transaction, ids: Sequence[UUID], outcome: Outcome, transfer_id: UUID | None
) -> None:
    """Write how reservations ended; they are open no more."""
    await tx.execute(
        """
        WITH closed AS (
          DELETE FROM ledger_open WHERE reservation_id = ANY(%s) RETURNING reservation_id
        )
        INSERT INTO ledger_resolutions (reservation_id, outcome, transfer_id)
        SELECT reservation_id, %s, %s::uuid FROM closed
        """,
        (list(ids), outcome.value, transfer_id),
    )


async def find(tx: Transaction, reservation_id: UUID) -> Reservation | None:
    cursor = await tx.execute(
        """
        SELECT r.*, NULL::uuid AS reverses, e.outcome, e.transfer_id
        FROM ledger_reservations r
        LEFT JOIN ledger_resolutions e ON e.reservation_id = r.id WHERE r.id = %s
        """,
        (reservation_id,),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    return Reservation(
        transfer=transfer_of(row),
        expires_at=row["expires_at"],
        outcome=row["outcome"] and Outcome(row["outcome"]),
        transfer_id=row["transfer_id"],
    )
