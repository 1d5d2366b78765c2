"""The SQL of payments, receipts and refunds."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.kernel.money import Money
from tradesense.payments.model import (
    Fate,
    Payment,
    PaymentStatus,
    Receipt,
    Refund,
    RefundStatus,
)


async def add_payment(tx: Transaction, payment: Payment, *, now: datetime) -> bool:
    """Insert a payment; False if its id is there already."""
    cursor = await tx.execute(
        """
        INSERT INTO payments_payments
            (payment_id, purchase_id, amount_minor, currency, provider, status, requested_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (payment_id) DO NOTHING
        """,
        (
            payment.payment_id,
            payment.purchase_id,
            payment.amount.minor,
            payment.amount.currency,
            payment.provider,
            payment.status,
            now,
        ),
    )
    return cursor.rowcount == 1


async def find_payment(tx: Transaction, payment_id: UUID) -> Payment | None:
    cursor = await tx.execute(
        "SELECT * FROM payments_payments WHERE payment_id = %s", (payment_id,)
    )
    return _payment(await cursor.fetchone())


async def lock_payment(tx: Transaction, payment_id: UUID) -> Payment | None:
    """Read a payment and hold it until `tx` ends."""
    cursor = await tx.execute(
        "SELECT * FROM payments_payments WHERE payment_id = %s FOR UPDATE", (payment_id,)
    )
    return _payment(await cursor.fetchone())


async def list_payments_of(tx: Transaction, purchase_id: UUID) -> Sequence[Payment]:
    cursor = await tx.execute(
        "SELECT * FROM payments_payments WHERE purchase_id = %s ORDER BY recorded_at, payment_id",
        (purchase_id,),
    )
    return [_to_payment(row) for row in await cursor.fetchall()]


async def save_offer(tx: Transaction, payment: Payment, *, poll_in_s: int) -> None:
    await tx.execute(
        """
        UPDATE payments_payments
        SET status = %s, provider_ref = %s, client_secret = %s, pay_url = %s,
            offered_at = clock_timestamp(),
            next_poll_at = clock_timestamp() + make_interval(secs => %s)
        WHERE payment_id = %s
        """,
        (
            payment.status,
            payment.provider_ref,
            payment.client_secret,
            payment.pay_url,
            poll_in_s,
            payment.payment_id,
        ),
    )


async def save_status(tx: Transaction, payment: Payment) -> None:
    """Store what may change after the offer; a payment asked to end is looked at at once."""
    await tx.execute(
        """
        UPDATE payments_payments
        SET status = %s, last_decline = %s, cancel_requested = %s,
            next_poll_at = CASE WHEN %s AND NOT cancel_requested
                           THEN clock_timestamp() ELSE next_poll_at END
        WHERE payment_id = %s
        """,
        (
            payment.status,
            payment.last_decline,
            payment.is_cancel_requested,
            payment.is_cancel_requested,
            payment.payment_id,
        ),
    )


async def claim_unheard(
    tx: Transaction, *, provider: str, limit: int, soon_s: int, polls_soon: int, later_s: int
) -> Sequence[Payment]:
    """
    Return open payments whose next look is due, and put that look off.

    Whoever claims and dies leaves nothing to clean up: the payments fall due again by
    themselves, after `soon_s` for the first `polls_soon` looks, then after `later_s`.
    """
    cursor = await tx.execute(
        """
        UPDATE payments_payments AS p
        SET polls = p.polls + 1,
            next_poll_at = clock_timestamp()
                + make_interval(secs => CASE WHEN p.polls < %(polls_soon)s
                                        THEN %(soon_s)s ELSE %(later_s)s END)
        FROM (
            SELECT payment_id FROM payments_payments
            WHERE status = 'offered' AND next_poll_at <= clock_timestamp()
                AND provider = %(provider)s
            ORDER BY next_poll_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
        ) AS due
        WHERE p.payment_id = due.payment_id
        RETURNING p.*
        """,
        {
            "provider": provider,
            "limit": limit,
            "soon_s": soon_s,
            "polls_soon": polls_soon,
            "later_s": later_s,
        },
    )
    return [_to_payment(row) for row in await cursor.fetchall()]


async def is_anything_due(tx: Transaction, provider: str) -> bool:
    """Whether a webhook, an open payment or a refund of `provider` waits for the worker now."""
    cursor = await tx.execute(
        """
        SELECT EXISTS (SELECT FROM payments_webhook_work
                       WHERE done_at IS NULL AND next_try_at <= clock_timestamp()
                         AND provider = %(provider)s)
            OR EXISTS (SELECT FROM payments_payments
                       WHERE status = 'offered' AND next_poll_at <= clock_timestamp()
                         AND provider = %(provider)s)
            OR EXISTS (SELECT FROM payments_refunds
                       WHERE status = 'requested' AND next_try_at <= clock_timestamp()
                         AND provider = %(provider)s) AS due
        """,
        {"provider": provider},
    )
    row = await cursor.fetchone()
    return row is not None and bool(row["due"])


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


_REFUNDS = """
    SELECT r.*, p.purchase_id
    FROM payments_refunds r JOIN payments_payments p USING (payment_id)
"""


async def add_refund(tx: Transaction, refund: Refund, *, now: datetime) -> None:
    await tx.execute(
        """
        INSERT INTO payments_refunds (refund_id, payment_id, provider, provider_ref, amount_minor,
                                      currency, reason, debit_account, status, requested_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
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


async def end_refund(
    tx: Transaction, refund: Refund, *, refund_ref: str, transfer_id: UUID | None
) -> None:
    """Store how a refund has ended, and the transfer that says so in the books."""
    await tx.execute(
        """
        UPDATE payments_refunds SET status = %s, refund_ref = %s, transfer_id = %s
        WHERE refund_id = %s
        """,
        (refund.status, refund_ref, transfer_id, refund.refund_id),
    )


async def claim_refunds(tx: Transaction, *, provider: str, limit: int) -> Sequence[Refund]:
    """Return refunds that are due to be sent, and put the next try off by 2, 4, … 60 s."""
    cursor = await tx.execute(
        """
        WITH due AS (
            SELECT refund_id FROM payments_refunds
            WHERE status = 'requested' AND next_try_at <= clock_timestamp() AND provider = %s
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


def _payment(row: DictRow | None) -> Payment | None:
    return None if row is None else _to_payment(row)


def _to_payment(row: DictRow) -> Payment:
    return Payment(
        payment_id=row["payment_id"],
        purchase_id=row["purchase_id"],
        amount=Money(row["amount_minor"], row["currency"]),
        provider=row["provider"],
        status=PaymentStatus(row["status"]),
        provider_ref=row["provider_ref"],
        client_secret=row["client_secret"],
        pay_url=row["pay_url"],
        last_decline=row["last_decline"],
        is_cancel_requested=row["cancel_requested"],
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
    )
