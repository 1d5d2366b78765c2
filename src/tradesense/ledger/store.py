"""Every SQL statement of posting; reservations, reports and the follower have their own."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from psycopg import AsyncCursor
from psycopg.errors import SerializationFailure
from psycopg.rows import DictRow

from tradesense import trail
from tradesense.infra.db import Transaction
from tradesense.kernel.money import Money
from tradesense.ledger.chart import CHART
from tradesense.ledger.model import Line, Running, Transfer, Written
from tradesense.trail import Extension

TRANSFER = """
    id, debit, credit, amount_minor, currency, reason, effective_at, reverses
"""


async def lock_running(tx: Transaction, accounts: Sequence[str]) -> dict[str, Running]:
    """Hold bounded `accounts`, given in locking order, and read where they stand."""
    running = await _lock_known(tx, accounts)
    missing = [account for account in accounts if account not in running]
    if missing:
        await tx.execute(
            """
            INSERT INTO ledger_balances (account, balance_minor, version)
            SELECT account, 0, 0 FROM unnest(%s::text[]) account ORDER BY account
            ON CONFLICT DO NOTHING
            """,
            (missing,),
        )
        running |= await _lock_known(tx, missing)
    return running


async def _lock_known(tx: Transaction, accounts: Sequence[str]) -> dict[str, Running]:
    cursor = await tx.execute(
        """
        SELECT account, balance_minor, version, reserved_minor FROM ledger_balances
        WHERE account = ANY(%s) ORDER BY account FOR UPDATE
        """,
        (list(accounts),),
    )
    return {row["account"]: Running(**row) for row in await cursor.fetchall()}


async def read_known(
    tx: Transaction, ids: Sequence[UUID]
) -> tuple[dict[UUID, bytes], datetime | None]:
    """Return the payload hashes of those of `ids` that stand, and until when books are closed."""
    cursor = await tx.execute(
        """
        SELECT t.id, t.payload_sha256, p.closed_until
        FROM (SELECT max(closed_until) AS closed_until FROM ledger_periods) AS p
        LEFT JOIN ledger_transfers t ON t.id = ANY(%s::uuid[])
        """,
        (texts(map(str, ids)),),
    )
    rows = await cursor.fetchall()
    known = {row["id"]: bytes(row["payload_sha256"]) for row in rows if row["id"] is not None}
    return known, rows[0]["closed_until"]


async def read_transfers(tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, Transfer]:
    cursor = await tx.execute(
        f"SELECT {TRANSFER} FROM ledger_transfers WHERE id = ANY(%s)",  # noqa: S608 -- a constant
        (list(ids),),
    )
    return {row["id"]: transfer_of(row) for row in await cursor.fetchall()}


async def read_unreversed(tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, Transfer]:
    """Return those of `ids` that stand in the books and that no transfer takes back."""
    cursor = await tx.execute(
        f"""
        SELECT {TRANSFER} FROM ledger_transfers o
        WHERE id = ANY(%s)
          AND NOT EXISTS (SELECT FROM ledger_transfers r WHERE r.reverses = o.id)
        """,  # noqa: S608 -- a constant
        (list(ids),),
    )
    return {row["id"]: transfer_of(row) for row in await cursor.fetchall()}


async def lock_periods(tx: Transaction) -> datetime | None:
    """Wait for whoever is posting, keep others from it, and read until when books are closed."""
    await tx.execute("SELECT pg_advisory_xact_lock(7236410552118312)")
    cursor = await tx.execute("SELECT max(closed_until) AS closed_until FROM ledger_periods")
    row = await cursor.fetchone()
    return row["closed_until"] if row else None


async def close_period(tx: Transaction, until: datetime, by: str) -> None:
    await tx.execute(
        "INSERT INTO ledger_periods (closed_until, closed_by) VALUES (%s, %s)", (until, by)
    )


_INSERT = f"""
    WITH allowed AS MATERIALIZED (
      SELECT WHERE NOT EXISTS (
        -- Asked for one by one, or a plan made while the books were small reads all of them.
        SELECT FROM unnest(%(ids)s::uuid[]) AS asked (id)
        WHERE (SELECT true FROM ledger_transfers t WHERE t.id = asked.id)
      ) AND NOT EXISTS (
        SELECT FROM ledger_periods WHERE closed_until > %(earliest)s::timestamptz
      )
    ), opened AS (
      INSERT INTO ledger_accounts (code, kind, currency, normal, bounded)
      SELECT code, kind, split_part(code, ':', -1), normal, bounded
      FROM unnest(%(codes)s::text[]) AS code
      JOIN unnest(%(kinds)s::text[], %(normals)s::text[], %(boundeds)s::boolean[])
        AS chart (kind, normal, bounded) ON kind = split_part(code, ':', 1)
      WHERE EXISTS (TABLE allowed)
        AND NOT EXISTS (SELECT FROM ledger_accounts a WHERE a.code = code.code)
      ON CONFLICT DO NOTHING
    ), written AS (
      INSERT INTO ledger_transfers
        (id, debit, credit, amount_minor, currency, reason, effective_at, reverses,
         payload_sha256)
      SELECT * FROM unnest(
        %(ids)s::uuid[], %(debits)s::text[], %(credits)s::text[], %(amounts)s::bigint[],
        %(currencies)s::text[], %(reasons)s::text[], %(effective)s::timestamptz[],
        %(reverses)s::uuid[], %(hashes)b::bytea[])
      WHERE EXISTS (TABLE allowed)
      ON CONFLICT DO NOTHING
      RETURNING id
    ), told AS (
      {trail.APPENDING} WHERE (SELECT count(*) FROM written) = %(count)s
    )
    SELECT count(*) AS count FROM written
"""  # noqa: S608 -- constants


async def insert(
    tx: Transaction, fresh: Sequence[Written], told: Extension
) -> AsyncCursor[DictRow]:
    """
    Write transfers and open their accounts, and tell them; `is_inserted` says whether that was.

    It is not if one of them stands already or is effective in a closed period: then nothing is
    written.
    """
    ordered = sorted(fresh, key=lambda written: written.id)  # so that nobody deadlocks
    transfers = [written.transfer for written in ordered]
    codes = {code for transfer in transfers for code in (transfer.debit, transfer.credit)}
    return await tx.execute(
        _INSERT,
        {
            "codes": texts(sorted(codes)),
            **_CHART,
            "earliest": min(written.effective_at for written in ordered),  # text that sorts
            "ids": texts(written.id for written in ordered),
            "debits": texts(transfer.debit for transfer in transfers),
            "credits": texts(transfer.credit for transfer in transfers),
            "amounts": integers(transfer.amount.minor for transfer in transfers),
            "currencies": texts(transfer.amount.currency for transfer in transfers),
            "reasons": texts(transfer.reason for transfer in transfers),
            "effective": texts(written.effective_at for written in ordered),
            "reverses": f"{{{','.join(_reversed(transfer) for transfer in transfers)}}}",
            "hashes": [written.payload_sha256 for written in ordered],
            "count": len(ordered),
            **trail.told(told),
        },
    )


async def is_inserted(cursor: AsyncCursor[DictRow], expected: int) -> bool:
    """
    Read the answer to `insert` of `expected` transfers.

    Raises SerializationFailure if somebody has committed one of their ids meanwhile.
    """
    row = await cursor.fetchone()
    count = row["count"] if row else 0
    if 0 < count < expected:
        raise SerializationFailure("a transfer of the same id was committed concurrently")
    return bool(count)


def _reversed(transfer: Transfer) -> str:
    return "NULL" if transfer.reverses is None else str(transfer.reverses)


def texts(values: Iterable[str]) -> str:
    """Return an array literal: several times faster than the client's own way with lists."""
    listed = list(values)
    joined = '","'.join(listed)
    if "\\" in joined or joined.count('"') > 2 * (len(listed) - 1):
        escaped = (value.replace("\\", "\\\\").replace('"', '\\"') for value in listed)
        joined = '","'.join(escaped)
    return f'{{"{joined}"}}' if listed else "{}"


def integers(values: Iterable[int]) -> str:
    """Return an array literal of integers."""
    return f"{{{','.join(map(str, values))}}}"


_CHART = {
    "kinds": texts(CHART),
    "normals": texts(kind.normal for kind in CHART.values()),
    "boundeds": f"{{{','.join(str(kind.bounded) for kind in CHART.values())}}}",
}


async def extend(tx: Transaction, lines: Sequence[Line], running: Collection[Running]) -> None:
    """Write the lines of bounded accounts, and where these stand now."""
    await tx.execute(
        """
        WITH stand AS (
          UPDATE ledger_balances b SET balance_minor = s.balance_minor, version = s.version
          FROM unnest(%(accounts)s::text[], %(balances)s::bigint[], %(versions)s::bigint[])
            AS s (account, balance_minor, version)
          WHERE b.account = s.account
        )
        INSERT INTO ledger_lines (account, version, transfer_id, amount_minor, balance_minor)
        SELECT * FROM unnest(
          %(line_accounts)s::text[], %(line_versions)s::bigint[], %(line_transfers)s::uuid[],
          %(line_amounts)s::bigint[], %(line_balances)s::bigint[])
        """,
        {
            "accounts": texts(stand.account for stand in running),
            "balances": integers(stand.balance_minor for stand in running),
            "versions": integers(stand.version for stand in running),
            "line_accounts": texts(line.account for line in lines),
            "line_versions": integers(line.version for line in lines),
            "line_transfers": texts(str(line.transfer_id) for line in lines),
            "line_amounts": integers(line.amount_minor for line in lines),
            "line_balances": integers(line.balance_minor for line in lines),
        },
    )


def transfer_of(row: DictRow) -> Transfer:
    return Transfer(
        id=row["id"],
        debit=row["debit"],
        credit=row["credit"],
        amount=Money(row["amount_minor"], row["currency"]),
        reason=row["reason"],
        effective_at=row["effective_at"],
        reverses=row["reverses"],
    )
