"""The SQL of disputes."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.payments.model import Dispute, DisputeStatus


async def list_disputes(tx: Transaction, payment_id: UUID) -> Sequence[Dispute]:
    cursor = await tx.execute(
        """
        SELECT d.*, p.purchase_id FROM payments_disputes d JOIN payments_payments p
        USING (payment_id) WHERE payment_id = %s ORDER BY d.recorded_at, d.dispute_ref
        """,
        (payment_id,),
    )
    return [_dispute(row) for row in await cursor.fetchall()]


async def list_reversed(tx: Transaction, *, limit: int) -> Sequence[tuple[Dispute, datetime]]:
    """Return what was lost, came back and is still with us whole, and since when; oldest first."""
    cursor = await tx.execute(
        """
        SELECT d.*, p.purchase_id FROM payments_disputes d JOIN payments_payments p
        USING (payment_id) WHERE d.reversal_id IS NOT NULL AND p.status = 'won'
        ORDER BY d.ended_at, d.dispute_ref LIMIT %s
        """,
        (limit,),
    )
    return [(_dispute(row), row["ended_at"]) for row in await cursor.fetchall()]


async def save(tx: Transaction, dispute: Dispute, *, now: datetime) -> None:
    """Write a dispute as it stands."""
    ended_at = None if dispute.status is DisputeStatus.OPEN else now
    await tx.execute(
        """
        INSERT INTO payments_disputes (provider, dispute_ref, provider_ref, payment_id, status,
            amount_minor, currency, reason, held_id, ended_id, reversal_id, opened_at, ended_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (provider, dispute_ref) DO UPDATE SET status = excluded.status,
            held_id = excluded.held_id, ended_id = excluded.ended_id,
            reversal_id = excluded.reversal_id, ended_at = excluded.ended_at
        """,
        (
            dispute.provider,
            dispute.ref,
            dispute.payment_ref,
            dispute.payment_id,
            dispute.status,
            dispute.amount_minor,
            dispute.currency,
            dispute.reason,
            dispute.held_id,
            dispute.ended_id,
            dispute.reversal_id,
            now,
            ended_at,
        ),
    )


def _dispute(row: DictRow) -> Dispute:
    return Dispute(
        provider=row["provider"],
        ref=row["dispute_ref"],
        payment_id=row["payment_id"],
        purchase_id=row["purchase_id"],
        payment_ref=row["provider_ref"],
        status=DisputeStatus(row["status"]),
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        reason=row["reason"],
        held_id=row["held_id"],
        ended_id=row["ended_id"],
        reversal_id=row["reversal_id"],
    )
