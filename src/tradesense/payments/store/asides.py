"""The SQL of what goes back by another way than a refund."""

from datetime import datetime
from uuid import UUID

from tradesense.infra.db import Transaction
from tradesense.kernel.money import Money
from tradesense.payments.model import Aside


async def add_aside(tx: Transaction, aside: Aside, *, now: datetime) -> None:
    """Keep what was set aside. A second one of the same payment violates an index."""
    await tx.execute(
        """
        INSERT INTO payments_asides (aside_id, payment_id, amount_minor, currency, set_aside_at)
        VALUES (%s, %s, %s, %s, %s)
        """,
        (aside.aside_id, aside.payment_id, aside.amount.minor, aside.amount.currency, now),
    )


async def find_aside(tx: Transaction, aside_id: UUID) -> Aside | None:
    """Return what was set aside under this id and not put back; None if nothing is."""
    cursor = await tx.execute(
        """
        SELECT aside_id, payment_id, amount_minor, currency FROM payments_asides
        WHERE aside_id = %s AND put_back_at IS NULL
        """,
        (aside_id,),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    return Aside(
        aside_id=row["aside_id"],
        payment_id=row["payment_id"],
        amount=Money(row["amount_minor"], row["currency"]),
    )


async def set_aside_minor(tx: Transaction, payment_id: UUID) -> int:
    """Return how much of a payment is set aside."""
    cursor = await tx.execute(
        """
        SELECT coalesce(sum(amount_minor), 0)::bigint AS aside FROM payments_asides
        WHERE payment_id = %s AND put_back_at IS NULL
        """,
        (payment_id,),
    )
    row = await cursor.fetchone()
    return 0 if row is None else int(row["aside"])


async def end_aside(tx: Transaction, aside_id: UUID, *, now: datetime) -> bool:
    """Say that it stays with the payment after all; False if nothing was set aside."""
    cursor = await tx.execute(
        "UPDATE payments_asides SET put_back_at = %s WHERE aside_id = %s AND put_back_at IS NULL",
        (now, aside_id),
    )
    return cursor.rowcount == 1
