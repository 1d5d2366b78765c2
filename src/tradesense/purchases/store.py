"""Every SQL statement of this module."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.kernel.money import Money
from tradesense.payments.model import Way
from tradesense.purchases.model import Purchase, PurchaseStatus

PURCHASE = """
    id, user_id, plan, amount_minor, currency, status, opened_at, reason, way, return_url
"""


async def insert(tx: Transaction, purchase: Purchase) -> bool:
    """Write a new purchase; return whether its id was free."""
    cursor = await tx.execute(
        """
        INSERT INTO purchases_purchases
          (id, user_id, plan, amount_minor, currency, status, opened_at, way, return_url)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        (
            purchase.id,
            purchase.user_id,
            purchase.plan,
            purchase.price.minor,
            purchase.price.currency,
            purchase.status,
            purchase.opened_at,
            purchase.way,
            purchase.return_url,
        ),
    )
    return cursor.rowcount == 1


async def find(tx: Transaction, purchase_id: UUID) -> Purchase | None:
    cursor = await tx.execute(
        f"SELECT {PURCHASE} FROM purchases_purchases WHERE id = %s",  # noqa: S608 -- a constant
        (purchase_id,),
    )
    row = await cursor.fetchone()
    return None if row is None else _purchase(row)


async def lock(tx: Transaction, purchase_id: UUID) -> Purchase | None:
    """Read a purchase and hold it until `tx` ends."""
    cursor = await tx.execute(
        f"SELECT {PURCHASE} FROM purchases_purchases WHERE id = %s FOR UPDATE",  # noqa: S608 -- a constant
        (purchase_id,),
    )
    row = await cursor.fetchone()
    return None if row is None else _purchase(row)


async def list_of(tx: Transaction, user_id: UUID, *, limit: int) -> list[Purchase]:
    """Return a buyer's purchases, the newest first."""
    cursor = await tx.execute(
        f"""
        SELECT {PURCHASE} FROM purchases_purchases WHERE user_id = %s
        ORDER BY opened_at DESC, id LIMIT %s
        """,  # noqa: S608 -- a constant
        (user_id, limit),
    )
    return [_purchase(row) for row in await cursor.fetchall()]


async def list_buyers(tx: Transaction, purchase_ids: Sequence[UUID]) -> list[UUID]:
    """Return who made any of these purchases, each once; sorted by id."""
    cursor = await tx.execute(
        "SELECT DISTINCT user_id FROM purchases_purchases WHERE id = ANY (%s) ORDER BY user_id",
        (list(purchase_ids),),
    )
    return [row["user_id"] for row in await cursor.fetchall()]


async def save(tx: Transaction, purchase: Purchase) -> None:
    await tx.execute(
        "UPDATE purchases_purchases SET status = %s, reason = %s WHERE id = %s",
        (purchase.status, purchase.reason, purchase.id),
    )


def _purchase(row: DictRow) -> Purchase:
    return Purchase(
        id=row["id"],
        user_id=row["user_id"],
        plan=row["plan"],
        price=Money(row["amount_minor"], row["currency"]),
        status=PurchaseStatus(row["status"]),
        opened_at=row["opened_at"],
        reason=row["reason"],
        way=Way(row["way"]),
        return_url=row["return_url"],
    )
