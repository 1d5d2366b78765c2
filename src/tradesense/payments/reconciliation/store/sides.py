"""The SQL of our side: receipts and refunds as reconciliation compares them, and whose they are."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from tradesense.infra.db import Transaction
from tradesense.payments.model import MovementKind
from tradesense.payments.reconciliation.model import Owner, Record, Standing

_STANDING = {
    "requested": Standing.UNDERWAY,
    "succeeded": Standing.DONE,
    "failed": Standing.FAILED,
}


async def list_subjects(
    tx: Transaction, provider: str, *, since: datetime, transfer_ids: Sequence[UUID]
) -> Sequence[str]:
    """
    Return what has to be looked at whole: whatever any side recorded since then.

    That is also whatever is still a case, and whatever `transfer_ids` were posted for.
    """
    cursor = await tx.execute(
        """
        SELECT subject FROM payments_movements WHERE provider = %(provider)s AND at >= %(since)s
        UNION SELECT provider_ref FROM payments_receipts
          WHERE provider = %(provider)s AND recorded_at >= %(since)s
        UNION SELECT provider_ref FROM payments_refunds
          WHERE provider = %(provider)s AND recorded_at >= %(since)s
        UNION SELECT provider_ref FROM payments_disputes WHERE provider = %(provider)s
          AND (recorded_at >= %(since)s OR held_id = ANY(%(ids)s) OR ended_id = ANY(%(ids)s))
        UNION SELECT story FROM payments_cases
          WHERE provider = %(provider)s AND state <> 'auto_resolved'
        UNION SELECT provider_ref FROM payments_receipts
          WHERE provider = %(provider)s AND transfer_id = ANY(%(ids)s)
        UNION SELECT provider_ref FROM payments_refunds
          WHERE provider = %(provider)s AND transfer_id = ANY(%(ids)s)
        UNION SELECT m.subject FROM payments_bookings b
          JOIN payments_movements m ON m.provider = b.provider AND m.ref = b.movement_ref
          WHERE b.provider = %(provider)s AND b.transfer_id = ANY(%(ids)s)
        ORDER BY 1
        """,
        {"provider": provider, "since": since, "ids": list(transfer_ids)},
    )
    return [row["subject"] for row in await cursor.fetchall()]


async def list_records(tx: Transaction, provider: str, subjects: Sequence[str]) -> Sequence[Record]:
    """Return what our payments say about these subjects, whenever it was."""
    return [
        *await _list_receipts(tx, provider, subjects),
        *await _list_refunds(tx, provider, subjects),
        *await _list_disputes(tx, provider, subjects),
    ]


async def _list_receipts(
    tx: Transaction, provider: str, subjects: Sequence[str]
) -> Sequence[Record]:
    cursor = await tx.execute(
        """
        SELECT * FROM payments_receipts WHERE provider = %s AND provider_ref = ANY(%s)
        ORDER BY recorded_at, provider_ref
        """,
        (provider, list(subjects)),
    )
    return [
        Record(
            kind=MovementKind.CHARGE,
            ref=row["provider_ref"],
            payment_ref=row["provider_ref"],
            amount_minor=row["amount_minor"],
            currency=row["currency"],
            at=row["recorded_at"],
            transfer_id=row["transfer_id"],
        )
        for row in await cursor.fetchall()
    ]


async def _list_refunds(
    tx: Transaction, provider: str, subjects: Sequence[str]
) -> Sequence[Record]:
    cursor = await tx.execute(
        """
        SELECT * FROM payments_refunds WHERE provider = %s AND provider_ref = ANY(%s)
        ORDER BY recorded_at, refund_id
        """,
        (provider, list(subjects)),
    )
    return [
        Record(
            kind=MovementKind.REFUND,
            ref=row["refund_ref"],
            payment_ref=row["provider_ref"],
            amount_minor=-row["amount_minor"],
            currency=row["currency"],
            at=max(row["recorded_at"], row["ended_at"] or row["recorded_at"]),
            standing=_STANDING[row["status"]],
            transfer_id=row["transfer_id"],
        )
        for row in await cursor.fetchall()
    ]


async def _list_disputes(
    tx: Transaction, provider: str, subjects: Sequence[str]
) -> Sequence[Record]:
    """Return what was held for disputes, and what came back of it; writing off moves nothing."""
    cursor = await tx.execute(
        """
        SELECT d.*, e.kind, e.transfer_id, e.sign FROM payments_disputes d
        CROSS JOIN LATERAL (VALUES ('dispute', d.held_id, -1),
            ('dispute_reversed', CASE d.status WHEN 'won' THEN d.ended_id END, 1)
        ) AS e (kind, transfer_id, sign)
        WHERE d.provider = %s AND d.provider_ref = ANY(%s) AND e.transfer_id IS NOT NULL
        ORDER BY d.recorded_at, d.dispute_ref, e.kind
        """,
        (provider, list(subjects)),
    )
    return [
        Record(
            kind=MovementKind(row["kind"]),
            ref=row["dispute_ref"],
            payment_ref=row["provider_ref"],
            amount_minor=row["sign"] * row["amount_minor"],
            currency=row["currency"],
            at=row["recorded_at"],
            transfer_id=row["transfer_id"],
        )
        for row in await cursor.fetchall()
    ]


async def read_owners(tx: Transaction, provider: str, refs: Sequence[str]) -> Mapping[str, Owner]:
    """Return whose payments these references are, as far as the provider was asked."""
    cursor = await tx.execute(
        """
        SELECT o.payment_ref, o.claimed, p.payment_id IS NOT NULL AS is_ours
        FROM payments_owners o LEFT JOIN payments_payments p ON p.payment_id = o.claimed
        WHERE o.provider = %s AND o.payment_ref = ANY(%s)
        """,
        (provider, list(refs)),
    )
    return {
        row["payment_ref"]: Owner(is_ours=row["is_ours"], claimed=row["claimed"])
        for row in await cursor.fetchall()
    }


async def first_payment_at(tx: Transaction) -> datetime | None:
    """Return when the database recorded the first payment; before it there is nothing to copy."""
    cursor = await tx.execute("SELECT min(recorded_at) AS first FROM payments_payments")
    row = await cursor.fetchone()
    return None if row is None else row["first"]
