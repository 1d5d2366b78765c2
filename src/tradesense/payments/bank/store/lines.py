"""The SQL of our accounts, statements and lines."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.payments.bank.model import BankAccount, BankLine, LineKind, ReadStatement

# Whoever reads more asks for days.
LINES_SHOWN_MAX = 10_000


async def add_account(tx: Transaction, account: BankAccount, *, now: datetime) -> bool:
    """Insert an account; False if it, or another of its currency, is there already."""
    cursor = await tx.execute(
        """
        INSERT INTO payments_bank_accounts (account, currency, holder, bic, registered_at)
        VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        (account.account, account.currency, account.holder, account.bic, now),
    )
    return cursor.rowcount == 1


async def list_accounts(tx: Transaction) -> Sequence[BankAccount]:
    """Return our accounts, in the order of their currencies."""
    cursor = await tx.execute("SELECT * FROM payments_bank_accounts ORDER BY currency")
    return [_to_account(row) for row in await cursor.fetchall()]


async def lock_account(tx: Transaction, account: str) -> BankAccount | None:
    """Read an account of ours and hold it until `tx` ends: one statement at a time."""
    cursor = await tx.execute(
        "SELECT * FROM payments_bank_accounts WHERE account = %s FOR NO KEY UPDATE", (account,)
    )
    row = await cursor.fetchone()
    return None if row is None else _to_account(row)


async def find_statement_sha256(tx: Transaction, account: str, bank_id: str) -> bytes | None:
    """Return the hash of what a statement said when it was imported, None if it was not."""
    cursor = await tx.execute(
        """
        SELECT content_sha256 FROM payments_bank_statements WHERE account = %s AND bank_id = %s
        """,
        (account, bank_id),
    )
    row = await cursor.fetchone()
    return None if row is None else bytes(row["content_sha256"])


async def find_newest(tx: Transaction, account: str) -> tuple[int, int] | None:
    """Return ordinal and closing balance of the newest statement of an account."""
    cursor = await tx.execute(
        """
        SELECT ordinal, closing_minor FROM payments_bank_statements
        WHERE account = %s ORDER BY ordinal DESC LIMIT 1
        """,
        (account,),
    )
    row = await cursor.fetchone()
    return None if row is None else (row["ordinal"], row["closing_minor"])


async def add_statement(
    tx: Transaction,
    told: ReadStatement,
    *,
    statement_id: UUID,
    ordinal: int,
    sha256: bytes,
    transfer_id: UUID | None,
    by: str,
    now: datetime,
) -> None:
    await tx.execute(
        """
        INSERT INTO payments_bank_statements
            (statement_id, account, bank_id, ordinal, opening_minor, closing_minor, currency,
             lines, content_sha256, transfer_id, imported_by, imported_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            statement_id,
            told.account,
            told.bank_id,
            ordinal,
            told.opening_minor,
            told.closing_minor,
            told.currency,
            len(told.lines),
            sha256,
            transfer_id,
            by,
            now,
        ),
    )


async def find_known(tx: Transaction, account: str, identities: Sequence[bytes]) -> set[bytes]:
    """Return which of `identities` belong to lines that were imported before."""
    cursor = await tx.execute(
        "SELECT identity FROM payments_bank_lines WHERE account = %s AND identity = ANY(%s)",
        (account, list(identities)),
    )
    return {bytes(row["identity"]) for row in await cursor.fetchall()}


async def add_lines(tx: Transaction, lines: Iterable[tuple[BankLine, bytes, UUID]]) -> None:
    """Insert lines, each with its identity and the transfer it was booked by."""
    async with tx.cursor() as cursor:
        await cursor.executemany(
            """
            INSERT INTO payments_bank_lines
                (line_id, statement_id, seq, account, booked_on, valued_on, amount_minor,
                 currency, counterparty, counterparty_account, text, end_to_end_id, bank_ref,
                 code, is_return, identity, transfer_id)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    line.line_id,
                    line.statement_id,
                    line.seq,
                    line.account,
                    line.booked_on,
                    line.valued_on,
                    line.amount_minor,
                    line.currency,
                    line.counterparty,
                    line.counterparty_account,
                    line.text,
                    line.end_to_end_id,
                    line.bank_ref,
                    line.code,
                    line.is_return,
                    identity,
                    transfer_id,
                )
                for line, identity, transfer_id in lines
            ],
        )


_LINES = """
    SELECT l.*, a.kind
    FROM payments_bank_lines l
    JOIN payments_bank_statements s USING (statement_id)
    LEFT JOIN payments_bank_applied a USING (line_id)
"""


async def list_lines(
    tx: Transaction,
    *,
    account: str | None = None,
    currency: str | None = None,
    since: date | None = None,
    until: date | None = None,
    only_unmatched: bool = False,
    limit: int = LINES_SHOWN_MAX,
) -> Sequence[BankLine]:
    """
    Return lines booked in [since, until), in the order of their statements.

    `only_unmatched` leaves out what is known for what it is.
    """
    cursor = await tx.execute(
        f"""
        {_LINES}
        WHERE (%(account)s::text IS NULL OR l.account = %(account)s)
          AND (%(currency)s::text IS NULL OR l.currency = %(currency)s)
          AND (%(since)s::date IS NULL OR l.booked_on >= %(since)s)
          AND (%(until)s::date IS NULL OR l.booked_on < %(until)s)
          AND (NOT %(only_unmatched)s OR a.line_id IS NULL)
        ORDER BY l.account, s.ordinal, l.seq LIMIT %(limit)s
        """,
        {
            "account": account,
            "currency": currency,
            "since": since,
            "until": until,
            "only_unmatched": only_unmatched,
            "limit": limit,
        },
    )
    return [_to_line(row) for row in await cursor.fetchall()]


async def find_lines(tx: Transaction, line_ids: Sequence[UUID]) -> dict[UUID, BankLine]:
    """Return those of the lines that exist, by id."""
    cursor = await tx.execute(f"{_LINES} WHERE l.line_id = ANY(%s)", (list(line_ids),))
    return {row["line_id"]: _to_line(row) for row in await cursor.fetchall()}


async def apply_line(
    tx: Transaction,
    line: BankLine,
    *,
    kind: LineKind,
    party: str,
    match_id: UUID | None,
    transfer_id: UUID,
    now: datetime,
) -> bool:
    """Say what a line is; False if somebody did before. Waits for who is doing it right now."""
    cursor = await tx.execute(
        """
        INSERT INTO payments_bank_applied (line_id, kind, party, match_id, transfer_id, applied_at)
        VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (line_id) DO NOTHING
        """,
        (line.line_id, kind, party, match_id, transfer_id, now),
    )
    return cursor.rowcount == 1


def _to_account(row: DictRow) -> BankAccount:
    return BankAccount(
        account=row["account"], currency=row["currency"], holder=row["holder"], bic=row["bic"]
    )


def _to_line(row: DictRow) -> BankLine:
    return BankLine(
        line_id=row["line_id"],
        account=row["account"],
        booked_on=row["booked_on"],
        valued_on=row["valued_on"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        counterparty=row["counterparty"],
        counterparty_account=row["counterparty_account"],
        text=row["text"],
        end_to_end_id=row["end_to_end_id"],
        bank_ref=row["bank_ref"],
        statement_id=row["statement_id"],
        seq=row["seq"],
        code=row["code"],
        is_return=row["is_return"],
        kind=None if row["kind"] is None else LineKind(row["kind"]),
    )
