"""The SQL of payments and receipts."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg import AsyncCursor
from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.kernel.money import Money
from tradesense.payments.model import Attempt, Fate, Payment, PaymentStatus, Receipt, Way
from tradesense.payments.store import attempts


async def add_payment(tx: Transaction, payment: Payment, *, now: datetime) -> bool:
    """Insert a payment; False if its id is there already."""
    cursor = await tx.execute(
        """
        INSERT INTO payments_payments
            (payment_id, purchase_id, amount_minor, currency, status, way, return_url,
             payer, captured_later, requested_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (payment_id) DO NOTHING
        """,
        (
            payment.payment_id,
            payment.purchase_id,
            payment.amount.minor,
            payment.amount.currency,
            payment.status,
            payment.way,
            payment.return_url,
            payment.payer,
            payment.is_captured_later,
            now,
        ),
    )
    return cursor.rowcount == 1


async def find_payment(tx: Transaction, payment_id: UUID) -> Payment | None:
    cursor = await tx.execute(
        "SELECT * FROM payments_payments WHERE payment_id = %s", (payment_id,)
    )
    return _one(await _payments(tx, cursor))


async def lock_payment(tx: Transaction, payment_id: UUID) -> Payment | None:
    """Read a payment and hold it until `tx` ends."""
    cursor = await tx.execute(
        "SELECT * FROM payments_payments WHERE payment_id = %s FOR UPDATE", (payment_id,)
    )
    return _one(await _payments(tx, cursor))


async def list_payments_of(tx: Transaction, purchase_id: UUID) -> Sequence[Payment]:
    cursor = await tx.execute(
        "SELECT * FROM payments_payments WHERE purchase_id = %s ORDER BY recorded_at, payment_id",
        (purchase_id,),
    )
    return await _payments(tx, cursor)


async def save_status(tx: Transaction, payment: Payment) -> None:
    """Store how a payment stands; its attempts are saved one by one."""
    await tx.execute(
        """
        UPDATE payments_payments
        SET status = %s, cancel_requested = %s, capture_requested = %s, earned = %s
        WHERE payment_id = %s
        """,
        (
            payment.status,
            payment.is_cancel_requested,
            payment.is_capture_requested,
            payment.is_earned,
            payment.payment_id,
        ),
    )


async def find_receipt(tx: Transaction, provider: str, ref: str) -> Receipt | None:
    cursor = await tx.execute(
        "SELECT * FROM payments_receipts WHERE provider = %s AND provider_ref = %s",
        (provider, ref),
    )
    row = await cursor.fetchone()
    return None if row is None else _to_receipt(row)


async def find_honoured(tx: Transaction, payment_id: UUID) -> Receipt | None:
    cursor = await tx.execute(
        "SELECT * FROM payments_receipts WHERE payment_id = %s AND fate = 'honoured'",
        (payment_id,),
    )
    row = await cursor.fetchone()
    return None if row is None else _to_receipt(row)


async def add_receipt(
    tx: Transaction, receipt: Receipt, *, transfer_id: UUID | None, now: datetime
) -> None:
    await tx.execute(
        """
        INSERT INTO payments_receipts (provider, provider_ref, payment_id, amount_minor, currency,
                                       fate, reason, transfer_id, received_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            receipt.provider,
            receipt.provider_ref,
            receipt.payment_id,
            receipt.amount_minor,
            receipt.currency,
            receipt.fate,
            receipt.reason,
            transfer_id,
            now,
        ),
    )


def _one(payments: Sequence[Payment]) -> Payment | None:
    return payments[0] if payments else None


async def _payments(tx: Transaction, cursor: AsyncCursor[DictRow]) -> list[Payment]:
    rows = await cursor.fetchall()
    known = await attempts.list_of(tx, [row["payment_id"] for row in rows]) if rows else {}
    return [_to_payment(row, known.get(row["payment_id"], ())) for row in rows]


def _to_payment(row: DictRow, made: tuple[Attempt, ...]) -> Payment:
    return Payment(
        payment_id=row["payment_id"],
        purchase_id=row["purchase_id"],
        amount=Money(row["amount_minor"], row["currency"]),
        status=PaymentStatus(row["status"]),
        way=Way(row["way"]),
        return_url=row["return_url"],
        payer=row["payer"],
        is_captured_later=row["captured_later"],
        is_capture_requested=row["capture_requested"],
        is_cancel_requested=row["cancel_requested"],
        is_held=row["held"],
        is_earned=row["earned"],
        wanted_provider=row["wanted_provider"],
        is_wish_open=row["wish_at"] is not None,
        attempts=made,
    )


def _to_receipt(row: DictRow) -> Receipt:
    return Receipt(
        provider=row["provider"],
        provider_ref=row["provider_ref"],
        payment_id=row["payment_id"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        fate=Fate(row["fate"]),
        reason=row["reason"],
    )
