"""Every SQL statement of commands."""

from uuid import UUID

from tradesense.infra.db import Transaction


async def ask(
    tx: Transaction,
    *,
    account_id: UUID,
    kind: str,
    body: str,
    asked_us: int,
    order_id: UUID | None = None,
    client_order_id: str | None = None,
) -> bool:
    """Insert a command and wake the engine; return False where the same was asked before."""
    cursor = await tx.execute(
        """
        WITH asked AS (
            INSERT INTO trading_commands
                (account_id, kind, order_id, client_order_id, body, asked_us)
            VALUES (%s, %s, %s, %s, %s, %s)
            ON CONFLICT DO NOTHING RETURNING id
        )
        SELECT pg_notify('commands', '') FROM asked
        """,
        (account_id, kind, order_id, client_order_id, body, asked_us),
    )
    return cursor.rowcount == 1


async def has_asked(tx: Transaction, *, account_id: UUID, order_id: UUID) -> bool:
    """Return whether the account has ever asked for that order."""
    cursor = await tx.execute(
        "SELECT 1 FROM trading_commands WHERE account_id = %s AND order_id = %s LIMIT 1",
        (account_id, order_id),
    )
    return await cursor.fetchone() is not None
