"""The SQL of resends."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.payouts.model import Payee
from tradesense.payouts.resending.model import Resend, ResendStatus

_SELECT = """
    SELECT id, payout_id, payee_name, payee_account, reason, proposed_by, proposed_at, status,
           decided_by
    FROM payouts_resends
"""


async def insert(tx: Transaction, resend: Resend) -> None:
    """Write a new proposal; its payout is held by `tx`, and has none that stands."""
    await tx.execute(
        """
        INSERT INTO payouts_resends (id, payout_id, payee_name, payee_account, reason, proposed_by,
            proposed_at, status)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            resend.id,
            resend.payout_id,
            resend.payee.name,
            resend.payee.account,
            resend.reason,
            resend.proposed_by,
            resend.proposed_at,
            resend.status,
        ),
    )


async def save(tx: Transaction, resend: Resend) -> None:
    """Write how a resend stands; what was proposed never changes."""
    await tx.execute(
        "UPDATE payouts_resends SET status = %s, decided_by = %s WHERE id = %s",
        (resend.status, resend.decided_by, resend.id),
    )


async def find(tx: Transaction, resend_id: UUID) -> Resend | None:
    """Return the resend of this id, None if there is none."""
    cursor = await tx.execute(_SELECT + " WHERE id = %s", (resend_id,))
    row = await cursor.fetchone()
    return None if row is None else _resend(row)


async def find_standing(tx: Transaction, payout_id: UUID) -> Resend | None:
    """Return the payout's resend that is proposed, sent or paid."""
    cursor = await tx.execute(
        _SELECT + " WHERE payout_id = %s AND status IN ('proposed', 'sent', 'paid')", (payout_id,)
    )
    row = await cursor.fetchone()
    return None if row is None else _resend(row)


async def list_of(tx: Transaction, payout_id: UUID) -> Sequence[Resend]:
    """Return all resends of a payout, the oldest first."""
    cursor = await tx.execute(
        _SELECT + " WHERE payout_id = %s ORDER BY proposed_at, id", (payout_id,)
    )
    return [_resend(row) for row in await cursor.fetchall()]


async def list_resends(
    tx: Transaction, *, status: ResendStatus | None = None, limit: int
) -> Sequence[Resend]:
    """Return everybody's resends, the oldest first."""
    cursor = await tx.execute(
        _SELECT
        + " WHERE (%(status)s::text IS NULL OR status = %(status)s)"
        + " ORDER BY proposed_at, id LIMIT %(limit)s",
        {"status": status, "limit": limit},
    )
    return [_resend(row) for row in await cursor.fetchall()]


def _resend(row: DictRow) -> Resend:
    return Resend(
        id=row["id"],
        payout_id=row["payout_id"],
        payee=Payee(name=row["payee_name"], account=row["payee_account"]),
        reason=row["reason"],
        proposed_by=row["proposed_by"],
        proposed_at=row["proposed_at"],
        status=ResendStatus(row["status"]),
        decided_by=row["decided_by"],
    )
