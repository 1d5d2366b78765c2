"""The SQL of the bank's side: what its statements show, and how far they go."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from tradesense.infra.db import Transaction
from tradesense.payments.reconciliation.model import BankCredit


async def list_lines(tx: Transaction, *, since: datetime) -> Sequence[BankCredit]:
    """Return the lines of statements from the day of `since` on, credits and debits."""
    cursor = await tx.execute(
        """
        SELECT l.line_id, l.amount_minor, l.currency, l.booked_on, l.end_to_end_id,
            concat_ws(' ', l.text, l.end_to_end_id, l.bank_ref) AS told,
            EXISTS (SELECT FROM payments_bank_applied a WHERE a.line_id = l.line_id)
                AS is_explained
        FROM payments_bank_lines l
        WHERE l.booked_on >= (%s AT TIME ZONE 'UTC')::date
        ORDER BY l.booked_on, l.account, l.seq
        """,
        (since,),
    )
    return [
        BankCredit(
            line_id=row["line_id"],
            amount_minor=row["amount_minor"],
            currency=row["currency"],
            booked_on=row["booked_on"],
            text=row["told"],
            end_to_end_id=row["end_to_end_id"],
            is_explained=row["is_explained"],
        )
        for row in await cursor.fetchall()
    ]


async def read_coverage(tx: Transaction) -> Mapping[str, date]:
    """Return by currency the last day of which a statement shows anything."""
    cursor = await tx.execute(
        "SELECT currency, max(booked_on) AS until FROM payments_bank_lines GROUP BY currency"
    )
    return {row["currency"]: row["until"] for row in await cursor.fetchall()}
