"""The SQL of who traders are, as far as we know."""

from uuid import UUID

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.payouts.model import Identity, IdentityState

_SELECT = """
    SELECT user_id, state, reason, decided_by, asked_at FROM payouts_identities WHERE user_id = %s
"""


async def insert_identity(tx: Transaction, identity: Identity) -> bool:
    """Keep the first that is known of a trader; False if something is."""
    cursor = await tx.execute(
        """
        INSERT INTO payouts_identities (user_id, state, reason, decided_by, asked_at)
        VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        (
            identity.user_id,
            identity.state,
            identity.reason,
            identity.decided_by,
            identity.asked_at,
        ),
    )
    return cursor.rowcount == 1


async def save_identity(tx: Transaction, identity: Identity) -> None:
    """Write what was decided about a trader."""
    await tx.execute(
        "UPDATE payouts_identities SET state = %s, reason = %s, decided_by = %s WHERE user_id = %s",
        (identity.state, identity.reason, identity.decided_by, identity.user_id),
    )


async def find_identity(tx: Transaction, user_id: UUID) -> Identity | None:
    """Return what is known of a trader, None before anybody asked."""
    cursor = await tx.execute(_SELECT, (user_id,))
    return _identity(await cursor.fetchone())


async def lock_identity(tx: Transaction, user_id: UUID) -> Identity | None:
    """Read what is known of a trader and hold it until `tx` ends."""
    cursor = await tx.execute(_SELECT + " FOR UPDATE", (user_id,))
    return _identity(await cursor.fetchone())


def _identity(row: DictRow | None) -> Identity | None:
    return None if row is None else Identity(**{**row, "state": IdentityState(row["state"])})
