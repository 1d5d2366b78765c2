"""The SQL of refunds."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.payments.model import Refund, RefundStatus

_REFUNDS = """
    SELECT r.*, p.purchase_id
    FROM payments_refunds r JOIN payments_payments p USING (payment_id)
"""


async def add_refund(tx: Transaction, refund: Refund, *, now: datetime) -> None:
    await tx.execute(
        """
        INSERT INTO payments_refunds (refund_id, payment_id, provider, provider_ref, amount_minor,
                                      currency, reason, debit_account, status, is_ours,
                                      asked_by, refund_ref, requested_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            refund.refund_id,
            refund.payment_id,
            refund.provider,
            refund.provider_ref,
            refund.amount_minor,
            refund.currency,
            refund.reason,
            refund.debit_account,
            refund.status,
            refund.is_ours,
            refund.asked_by,
            refund.refund_ref,
            now,
        ),
    )


async def find_refund(tx: Transaction, refund_id: UUID) -> Refund | None:
    cursor = await tx.execute(f"{_REFUNDS} WHERE r.refund_id = %s", (refund_id,))
    return _refund(await cursor.fetchone())


async def lock_refund(tx: Transaction, refund_id: UUID) -> Refund | None:
    """Read a refund and hold it until `tx` ends."""
    cursor = await tx.execute(f"{_REFUNDS} WHERE r.refund_id = %s FOR UPDATE OF r", (refund_id,))
    return _refund(await cursor.fetchone())


async def list_refunds(tx: Transaction, payment_id: UUID) -> Sequence[Refund]:
    cursor = await tx.execute(
        f"{_REFUNDS} WHERE r.payment_id = %s ORDER BY r.recorded_at, r.refund_id", (payment_id,)
    )
    return [_to_refund(row) for row in await cursor.fetchall()]


async def refunded_minor(tx: Transaction, provider: str, ref: str) -> int:
    """Return how much of a receipt was sent back, or is on its way."""
    cursor = await tx.execute(
        """
        SELECT coalesce(sum(amount_minor), 0)::bigint AS refunded FROM payments_refunds
        WHERE provider = %s AND provider_ref = %s AND status <> 'failed'
        """,
        (provider, ref),
    )
    row = await cursor.fetchone()
    return 0 if row is None else int(row["refunded"])


async def find_refund_by_ref(tx: Transaction, provider: str, refund_ref: str) -> Refund | None:
    cursor = await tx.execute(
        f"{_REFUNDS} WHERE r.provider = %s AND r.refund_ref = %s", (provider, refund_ref)
    )
    return _refund(await cursor.fetchone())


async def sent_back_minor(tx: Transaction, provider: str, ref: str) -> int:
    """Return how much of a receipt has arrived back at the buyer."""
    cursor = await tx.execute(
        """
        SELECT coalesce(sum(amount_minor), 0)::bigint AS refunded FROM payments_refunds
        WHERE provider = %s AND provider_ref = %s AND status = 'succeeded'
        """,
        (provider, ref),
    )
    row = await cursor.fetchone()
    return 0 if row is None else int(row["refunded"])


async def end_refund(tx: Transaction, refund: Refund, *, reversal_id: UUID | None = None) -> None:
    """Store how a refund has ended, and the transfers that say so in the books."""
    await tx.execute(
        """
        UPDATE payments_refunds SET status = %s, refund_ref = %s, transfer_id = %s, trouble = %s,
            reversal_id = %s, ended_at = clock_timestamp()
        WHERE refund_id = %s
        """,
        (
            refund.status,
            refund.refund_ref,
            refund.transfer_id,
            refund.trouble,
            reversal_id,
            refund.refund_id,
        ),
    )


async def list_by_status(
    tx: Transaction, status: RefundStatus, *, limit: int
) -> Sequence[tuple[Refund, datetime]]:
    """Return the newest refunds of a status, each with when it was asked for."""
    cursor = await tx.execute(
        f"{_REFUNDS} WHERE r.status = %s ORDER BY r.recorded_at DESC, r.refund_id LIMIT %s",
        (status, limit),
    )
    return [(_to_refund(row), row["requested_at"]) for row in await cursor.fetchall()]


async def claim_refunds(tx: Transaction, *, provider: str, limit: int) -> Sequence[Refund]:
    """Return refunds that are due to be sent, and put the next try off by 2, 4, … 60 s."""
    cursor = await tx.execute(
        """
        WITH due AS (
            SELECT refund_id FROM payments_refunds
            WHERE status = 'requested' AND is_ours
                AND next_try_at <= clock_timestamp() AND provider = %s
            ORDER BY next_try_at LIMIT %s FOR UPDATE SKIP LOCKED
        ), claimed AS (
            UPDATE payments_refunds AS r
            SET tries = r.tries + 1, next_try_at = clock_timestamp()
                + make_interval(secs => least(60, 2 ^ least(r.tries + 1, 6)))
            FROM due WHERE r.refund_id = due.refund_id
            RETURNING r.*
        )
        SELECT c.*, p.purchase_id FROM claimed c JOIN payments_payments p USING (payment_id)
        """,
        (provider, limit),
    )
    return [_to_refund(row) for row in await cursor.fetchall()]


def _refund(row: DictRow | None) -> Refund | None:
    return None if row is None else _to_refund(row)


def _to_refund(row: DictRow) -> Refund:
    return Refund(
        refund_id=row["refund_id"],
        payment_id=row["payment_id"],
        purchase_id=row["purchase_id"],
        provider=row["provider"],
        provider_ref=row["provider_ref"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        reason=row["reason"],
        debit_account=row["debit_account"],
        status=RefundStatus(row["status"]),
        is_ours=row["is_ours"],
        asked_by=row["asked_by"],
        refund_ref=row["refund_ref"],
        transfer_id=row["transfer_id"],
        trouble=row["trouble"],
    )
