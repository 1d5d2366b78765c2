"""The SQL of what we send, and of the provider's own books."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.payments.bank.model import Outgoing, OutgoingKind, OutgoingStatus

OUTGOING_SHOWN_MAX = 1_000


async def add_outgoing(tx: Transaction, order: Outgoing, *, now: datetime) -> bool:
    """Insert an order; False if its id is there already."""
    cursor = await tx.execute(
        """
        INSERT INTO payments_bank_outgoing
            (outgoing_id, kind, refers_to, end_to_end_id, account, amount_minor, currency,
             creditor, creditor_account, text, debit_account, status, requested_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (outgoing_id) DO NOTHING
        """,
        (
            order.outgoing_id,
            order.kind,
            order.refers_to,
            order.end_to_end_id,
            order.account,
            order.amount_minor,
            order.currency,
            order.creditor,
            order.creditor_account,
            order.text,
            order.debit_account,
            order.status,
            now,
        ),
    )
    return cursor.rowcount == 1


async def find_outgoing(tx: Transaction, outgoing_id: UUID) -> Outgoing | None:
    cursor = await tx.execute(
        "SELECT * FROM payments_bank_outgoing WHERE outgoing_id = %s", (outgoing_id,)
    )
    row = await cursor.fetchone()
    return None if row is None else _to_outgoing(row)


async def lock_by_end_to_end(tx: Transaction, end_to_end_ids: Sequence[str]) -> dict[str, Outgoing]:
    """Read the orders of these ids, by id, and hold them until `tx` ends."""
    cursor = await tx.execute(
        """
        SELECT * FROM payments_bank_outgoing WHERE end_to_end_id = ANY(%s)
        ORDER BY outgoing_id FOR UPDATE
        """,
        (list(end_to_end_ids),),
    )
    return {row["end_to_end_id"]: _to_outgoing(row) for row in await cursor.fetchall()}


async def list_outgoing(
    tx: Transaction,
    *,
    status: OutgoingStatus | None = None,
    refers_to: str | None = None,
    message_id: str | None = None,
    limit: int = OUTGOING_SHOWN_MAX,
) -> Sequence[Outgoing]:
    """Return orders, the oldest first."""
    cursor = await tx.execute(
        """
        SELECT * FROM payments_bank_outgoing
        WHERE (%(status)s::text IS NULL OR status = %(status)s)
          AND (%(refers_to)s::text IS NULL OR refers_to = %(refers_to)s)
          AND (%(message_id)s::text IS NULL OR message_id = %(message_id)s)
        ORDER BY recorded_at, outgoing_id LIMIT %(limit)s
        """,
        {"status": status, "refers_to": refers_to, "message_id": message_id, "limit": limit},
    )
    return [_to_outgoing(row) for row in await cursor.fetchall()]


async def take_to_send(
    tx: Transaction, account: str, message_id: str, *, limit: int
) -> Sequence[Outgoing]:
    """Mark the orders of an account that wait as exported with `message_id`, and return them."""
    cursor = await tx.execute(
        """
        UPDATE payments_bank_outgoing AS o SET status = 'exported', message_id = %s
        FROM (SELECT outgoing_id FROM payments_bank_outgoing
              WHERE status = 'requested' AND account = %s
              ORDER BY recorded_at, outgoing_id LIMIT %s FOR UPDATE) AS due
        WHERE o.outgoing_id = due.outgoing_id RETURNING o.*
        """,
        (message_id, account, limit),
    )
    found = [_to_outgoing(row) for row in await cursor.fetchall()]
    return sorted(found, key=lambda order: order.outgoing_id)


async def mark_paid(tx: Transaction, outgoing_id: UUID, line_id: UUID) -> None:
    await tx.execute(
        """
        UPDATE payments_bank_outgoing SET status = 'paid', line_id = %s WHERE outgoing_id = %s
        """,
        (line_id, outgoing_id),
    )


async def mark_returned(tx: Transaction, outgoing_id: UUID, line_id: UUID) -> None:
    await tx.execute(
        """
        UPDATE payments_bank_outgoing SET status = 'returned', return_line_id = %s
        WHERE outgoing_id = %s
        """,
        (line_id, outgoing_id),
    )


async def list_received(tx: Transaction, *, since: datetime, until: datetime) -> Sequence[DictRow]:
    """Return what payments received in [since, until): ref, amount, currency, when, bank's ref."""
    cursor = await tx.execute(
        """
        SELECT p.provider_ref, p.payment_id, p.received_minor AS amount_minor, m.decided_at AS at,
               min(l.currency) AS currency, min(l.bank_ref) AS bank_ref
        FROM payments_bank_match_payments p
        JOIN payments_bank_matches m USING (match_id)
        JOIN payments_bank_match_lines ml USING (match_id)
        JOIN payments_bank_lines l USING (line_id)
        WHERE m.status = 'approved' AND m.kind = 'payment'
          AND m.decided_at >= %s AND m.decided_at < %s
        GROUP BY p.match_id, p.payment_id, p.provider_ref, p.received_minor, m.decided_at
        ORDER BY m.decided_at, p.provider_ref
        """,
        (since, until),
    )
    return await cursor.fetchall()


async def list_refunded(tx: Transaction, *, since: datetime, until: datetime) -> Sequence[DictRow]:
    """Return the refunds that left in [since, until), in the words of `list_received`."""
    cursor = await tx.execute(
        """
        SELECT o.refers_to AS provider_ref, o.outgoing_id, o.end_to_end_id, o.amount_minor,
               o.currency, a.applied_at AS at, l.bank_ref
        FROM payments_bank_outgoing o
        JOIN payments_bank_applied a USING (line_id)
        JOIN payments_bank_lines l USING (line_id)
        WHERE o.kind = 'refund' AND a.applied_at >= %s AND a.applied_at < %s
        ORDER BY a.applied_at, o.outgoing_id
        """,
        (since, until),
    )
    return await cursor.fetchall()


def _to_outgoing(row: DictRow) -> Outgoing:
    return Outgoing(
        outgoing_id=row["outgoing_id"],
        kind=OutgoingKind(row["kind"]),
        refers_to=row["refers_to"],
        end_to_end_id=row["end_to_end_id"],
        account=row["account"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        creditor=row["creditor"],
        creditor_account=row["creditor_account"],
        text=row["text"],
        debit_account=row["debit_account"],
        status=OutgoingStatus(row["status"]),
    )
