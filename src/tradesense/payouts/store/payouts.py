"""The SQL of payouts and of who approved them."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.payouts.model import (
    Approval,
    Decision,
    LeftIn,
    Past,
    Payee,
    Payout,
    PayoutStatus,
)

SHOWN_MAX = 500
_SELECT = """
    SELECT id, user_id, challenge_id, account_id, currency, asked_minor, number, split_bp,
           alone_max_minor, payee_name, payee_account, requested_at, status, withdrawn_minor,
           share_minor, fee_minor, decision, reason, left_in
    FROM payouts_payouts
"""


async def insert(tx: Transaction, payout: Payout) -> bool:
    """Write a new payout; False if its id is taken or its challenge has one on its way."""
    cursor = await tx.execute(
        """
        INSERT INTO payouts_payouts (id, user_id, challenge_id, account_id, currency, asked_minor,
            number, split_bp, alone_max_minor, payee_name, payee_account, requested_at, status)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        (
            payout.id,
            payout.user_id,
            payout.challenge_id,
            payout.account_id,
            payout.currency,
            payout.asked_minor,
            payout.number,
            payout.split_bp,
            payout.alone_max_minor,
            payout.payee.name,
            payout.payee.account,
            payout.requested_at,
            payout.status,
        ),
    )
    return cursor.rowcount == 1


async def save(tx: Transaction, payout: Payout) -> None:
    """Write how a payout stands; what was asked for never changes."""
    await tx.execute(
        """
        UPDATE payouts_payouts SET status = %s, withdrawn_minor = %s, share_minor = %s,
            fee_minor = %s, decision = %s, reason = %s, left_in = %s
        WHERE id = %s
        """,
        (
            payout.status,
            payout.withdrawn_minor,
            payout.share_minor,
            payout.fee_minor,
            payout.decision,
            payout.reason,
            payout.left_in,
            payout.id,
        ),
    )


async def find(tx: Transaction, payout_id: UUID) -> Payout | None:
    """Return the payout of this id, None if there is none."""
    cursor = await tx.execute(_SELECT + " WHERE id = %s", (payout_id,))
    row = await cursor.fetchone()
    return None if row is None else _payout(row)


async def lock(tx: Transaction, payout_id: UUID) -> Payout | None:
    """Read a payout and hold it until `tx` ends."""
    cursor = await tx.execute(_SELECT + " WHERE id = %s FOR UPDATE", (payout_id,))
    row = await cursor.fetchone()
    return None if row is None else _payout(row)


async def lock_undecided(tx: Transaction, user_id: UUID) -> Sequence[Payout]:
    """Read the trader's payouts that wait for a decision, and hold them."""
    cursor = await tx.execute(
        _SELECT
        + " WHERE user_id = %s AND status = 'frozen' AND decision IS NULL ORDER BY id FOR UPDATE",
        (user_id,),
    )
    return [_payout(row) for row in await cursor.fetchall()]


async def find_on_its_way(tx: Transaction, challenge_id: UUID) -> Payout | None:
    """Return the challenge's payout that has neither ended nor arrived."""
    cursor = await tx.execute(
        _SELECT + " WHERE challenge_id = %s AND status IN ('requested', 'frozen', 'sent')",
        (challenge_id,),
    )
    row = await cursor.fetchone()
    return None if row is None else _payout(row)


async def list_of(tx: Transaction, user_id: UUID, *, limit: int) -> Sequence[Payout]:
    """Return the trader's payouts, the newest first."""
    cursor = await tx.execute(
        _SELECT + " WHERE user_id = %s ORDER BY requested_at DESC, id LIMIT %s", (user_id, limit)
    )
    return [_payout(row) for row in await cursor.fetchall()]


async def list_payouts(
    tx: Transaction, *, status: PayoutStatus | None = None, limit: int = SHOWN_MAX
) -> Sequence[Payout]:
    """Return everybody's payouts, the oldest first."""
    cursor = await tx.execute(
        _SELECT
        + " WHERE (%(status)s::text IS NULL OR status = %(status)s)"
        + " ORDER BY requested_at, id LIMIT %(limit)s",
        {"status": status, "limit": limit},
    )
    return [_payout(row) for row in await cursor.fetchall()]


async def list_owed(tx: Transaction, *, limit: int = SHOWN_MAX) -> Sequence[Payout]:
    """Return the payouts that left money owed which nobody sends again, the oldest first."""
    cursor = await tx.execute(
        _SELECT
        + """
        p WHERE left_in = 'payable' AND NOT EXISTS (
          SELECT FROM payouts_resends r
          WHERE r.payout_id = p.id AND r.status IN ('proposed', 'sent', 'paid'))
        ORDER BY requested_at, id LIMIT %s
        """,
        (limit,),
    )
    return [_payout(row) for row in await cursor.fetchall()]


async def find_past(tx: Transaction, challenge_id: UUID) -> Past:
    """Return the challenge's payouts that stand: neither refused nor back in the account."""
    cursor = await tx.execute(
        """
        SELECT count(*) AS count, max(requested_at) AS last_at FROM payouts_payouts
        WHERE challenge_id = %s AND left_in IS DISTINCT FROM 'account'
          AND (status <> 'refused' OR withdrawn_minor IS NOT NULL)
        """,
        (challenge_id,),
    )
    row = await cursor.fetchone()
    return Past() if row is None else Past(count=row["count"], last_at=row["last_at"])


async def insert_approval(tx: Transaction, payout_id: UUID, approval: Approval) -> bool:
    """Keep that somebody approved; False if they had."""
    cursor = await tx.execute(
        """
        INSERT INTO payouts_approvals (payout_id, approved_by, approved_at) VALUES (%s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        (payout_id, approval.by, approval.at),
    )
    return cursor.rowcount == 1


async def list_approvals(tx: Transaction, payout_id: UUID) -> Sequence[Approval]:
    """Return who approved, the first one first."""
    cursor = await tx.execute(
        """
        SELECT approved_by, approved_at FROM payouts_approvals WHERE payout_id = %s
        ORDER BY approved_at, approved_by
        """,
        (payout_id,),
    )
    return [
        Approval(by=row["approved_by"], at=row["approved_at"]) for row in await cursor.fetchall()
    ]


def _payout(row: DictRow) -> Payout:
    return Payout(
        id=row["id"],
        user_id=row["user_id"],
        challenge_id=row["challenge_id"],
        account_id=row["account_id"],
        currency=row["currency"],
        asked_minor=row["asked_minor"],
        number=row["number"],
        split_bp=row["split_bp"],
        alone_max_minor=row["alone_max_minor"],
        payee=Payee(name=row["payee_name"], account=row["payee_account"]),
        requested_at=row["requested_at"],
        status=PayoutStatus(row["status"]),
        withdrawn_minor=row["withdrawn_minor"],
        share_minor=row["share_minor"],
        fee_minor=row["fee_minor"],
        decision=None if row["decision"] is None else Decision(row["decision"]),
        reason=row["reason"],
        left_in=None if row["left_in"] is None else LeftIn(row["left_in"]),
    )
