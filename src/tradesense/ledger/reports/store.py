"""Every SQL statement of reading the books."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tradesense.infra.db import Transaction
from tradesense.ledger.model import BookAccount, Side, Transfer
from tradesense.ledger.store import TRANSFER, transfer_of


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLine:
    """A line with its transfer; amounts are debits minus credits, in minor units."""

    version: int
    transfer: Transfer
    amount_minor: int
    balance_minor: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """An amount that came to one side of an account."""

    transfer_id: UUID
    amount_minor: int
    effective_at: datetime


async def read_turnover(tx: Transaction, account: BookAccount) -> int:
    """Return debits minus credits: where the account stands, and what the follower has not seen."""
    if account.bounded:
        query = "SELECT balance_minor AS turnover FROM ledger_balances WHERE account = %(code)s"
    else:
        query = """
            SELECT coalesce((SELECT balance_minor FROM ledger_balances
                             WHERE account = %(code)s), 0)
              + coalesce(sum(CASE debit WHEN %(code)s THEN amount_minor ELSE -amount_minor END), 0)
                AS turnover
            FROM ledger_tail() WHERE debit = %(code)s OR credit = %(code)s
        """
    cursor = await tx.execute(query, {"code": account.code})
    row = await cursor.fetchone()
    return 0 if row is None else int(row["turnover"])


async def sum_turnover(
    tx: Transaction, account: str, *, as_of: datetime | None, known_at: datetime | None
) -> int:
    """Return debits minus credits of transfers that are effective and recorded by these moments."""
    cursor = await tx.execute(
        """
        SELECT (SELECT coalesce(sum(amount_minor), 0) FROM ledger_transfers
                WHERE debit = %(code)s
                  AND effective_at <= coalesce(%(as_of)s, 'infinity'::timestamptz)
                  AND recorded_at <= coalesce(%(known_at)s, 'infinity'::timestamptz))
             - (SELECT coalesce(sum(amount_minor), 0) FROM ledger_transfers
                WHERE credit = %(code)s
                  AND effective_at <= coalesce(%(as_of)s, 'infinity'::timestamptz)
                  AND recorded_at <= coalesce(%(known_at)s, 'infinity'::timestamptz)) AS turnover
        """,
        {"code": account, "as_of": as_of, "known_at": known_at},
    )
    row = await cursor.fetchone()
    return 0 if row is None else int(row["turnover"])


async def list_turnovers(
    tx: Transaction, *, as_of: datetime | None
) -> list[tuple[str, str, int, int]]:
    """Return (code, currency, debits, credits) of every account, by code."""
    cursor = await tx.execute(
        """
        SELECT code, currency, sum(debits)::bigint AS debits, sum(credits)::bigint AS credits
        FROM (
          SELECT debit AS code, currency, sum(amount_minor) AS debits, 0 AS credits
          FROM ledger_transfers
          WHERE effective_at <= coalesce(%(as_of)s, 'infinity'::timestamptz) GROUP BY 1, 2
          UNION ALL
          SELECT credit, currency, 0, sum(amount_minor) FROM ledger_transfers
          WHERE effective_at <= coalesce(%(as_of)s, 'infinity'::timestamptz) GROUP BY 1, 2
        ) AS sides
        GROUP BY 1, 2 ORDER BY 1
        """,
        {"as_of": as_of},
    )
    return [
        (row["code"], row["currency"], row["debits"], row["credits"])
        for row in await cursor.fetchall()
    ]


async def list_lines(
    tx: Transaction,
    account: str,
    *,
    before: int | None,
    limit: int,
    since: datetime | None,
    until: datetime | None,
) -> list[StoredLine]:
    cursor = await tx.execute(
        """
        SELECT l.version, l.amount_minor AS line_minor, l.balance_minor, t.*
        FROM ledger_lines l JOIN ledger_transfers t ON t.id = l.transfer_id
        WHERE l.account = %(account)s AND l.version < coalesce(%(before)s, 9223372036854775807)
          AND t.effective_at >= coalesce(%(since)s, '-infinity'::timestamptz)
          AND t.effective_at < coalesce(%(until)s, 'infinity'::timestamptz)
        ORDER BY l.version DESC LIMIT %(limit)s
        """,
        {"account": account, "before": before, "limit": limit, "since": since, "until": until},
    )
    return [
        StoredLine(
            version=row["version"],
            transfer=transfer_of(row),
            amount_minor=row["line_minor"],
            balance_minor=row["balance_minor"],
            recorded_at=row["recorded_at"],
        )
        for row in await cursor.fetchall()
    ]


async def list_codes(tx: Transaction, kind: str) -> list[str]:
    cursor = await tx.execute(
        "SELECT code FROM ledger_accounts WHERE kind = %s ORDER BY code", (kind,)
    )
    return [row["code"] for row in await cursor.fetchall()]


async def list_movements(
    tx: Transaction,
    account: str,
    side: Side,
    *,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Movement]:
    """Return what came to one side of an account, newest first, older than `before`."""
    moment, transfer_id = before or (None, None)
    column = "debit" if side is Side.DEBIT else "credit"
    cursor = await tx.execute(
        f"""
        SELECT id, amount_minor, effective_at FROM ledger_transfers
        WHERE {column} = %(account)s
          AND effective_at <= coalesce(%(moment)s, 'infinity'::timestamptz)
          AND (%(moment)s::timestamptz IS NULL
               OR (effective_at, id) < (%(moment)s, %(transfer_id)s))
        ORDER BY effective_at DESC, id DESC LIMIT %(limit)s
        """,  # noqa: S608 -- one of two constants
        {"account": account, "moment": moment, "transfer_id": transfer_id, "limit": limit},
    )
    return [
        Movement(
            transfer_id=row["id"],
            amount_minor=row["amount_minor"],
            effective_at=row["effective_at"],
        )
        for row in await cursor.fetchall()
    ]


async def list_since(tx: Transaction, account: str, since: datetime) -> list[Transfer]:
    cursor = await tx.execute(
        f"""
        SELECT {TRANSFER} FROM ledger_transfers
        WHERE debit = %(account)s AND effective_at >= %(since)s
        UNION ALL
        SELECT {TRANSFER} FROM ledger_transfers
        WHERE credit = %(account)s AND effective_at >= %(since)s
        ORDER BY effective_at, id
        """,  # noqa: S608 -- a constant
        {"account": account, "since": since},
    )
    return [transfer_of(row) for row in await cursor.fetchall()]


async def list_linked(tx: Transaction, ids: Sequence[UUID]) -> list[Transfer]:
    cursor = await tx.execute(
        f"""
        SELECT {TRANSFER} FROM ledger_transfers WHERE id = ANY(%(ids)s)
        UNION
        SELECT {TRANSFER} FROM ledger_transfers WHERE reverses = ANY(%(ids)s)
        UNION
        SELECT {TRANSFER} FROM ledger_transfers WHERE id IN (
          SELECT reverses FROM ledger_transfers WHERE id = ANY(%(ids)s) AND reverses IS NOT NULL)
        ORDER BY effective_at, id
        """,  # noqa: S608 -- a constant
        {"ids": list(ids)},
    )
    return [transfer_of(row) for row in await cursor.fetchall()]
