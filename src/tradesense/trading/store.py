"""The SQL of commands, and of orders and fills as people read them; rows <-> nouns."""

from collections.abc import Collection, Sequence
from uuid import UUID

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.trading.model import (
    CashFlow,
    FillRecord,
    OrderRecord,
    OrderStatus,
    OrderType,
    Reason,
    Side,
    TimeInForce,
)

ANY_AMOUNT = 0  # nobody withdraws nothing


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


async def is_asked_for(tx: Transaction, account_id: UUID) -> bool:
    """Return whether somebody has asked to open the account."""
    return await _exists(
        tx,
        b"SELECT 1 FROM trading_commands WHERE account_id = %s AND kind = 'open'",
        (account_id,),
    )


async def has_asked(tx: Transaction, *, account_id: UUID, order_id: UUID) -> bool:
    """Return whether the account has ever asked for that order."""
    return await _exists(
        tx,
        b"SELECT 1 FROM trading_commands WHERE account_id = %s AND order_id = %s"
        b" AND kind IN ('order', 'close') LIMIT 1",
        (account_id, order_id),
    )


async def has_asked_withdrawal(
    tx: Transaction, *, account_id: UUID, withdrawal_id: UUID, amount_minor: int | None = ANY_AMOUNT
) -> bool:
    """Return whether the account was asked for that withdrawal, with that amount."""
    cursor = await tx.execute(
        """
        SELECT (body->>'amount_minor')::bigint AS amount_minor FROM trading_commands
        WHERE account_id = %s AND order_id = %s AND kind = 'withdraw'
        """,
        (account_id, withdrawal_id),
    )
    row = await cursor.fetchone()
    return row is not None and amount_minor in {ANY_AMOUNT, row["amount_minor"]}


async def is_stamped(tx: Transaction, *, order_id: UUID, kind: str) -> bool:
    """Return whether the engine has taken every command of `kind` about that order."""
    return not await _exists(
        tx,
        b"""
        SELECT 1 FROM trading_commands
        WHERE order_id = %s AND kind = %s AND input_seq IS NULL LIMIT 1
        """,
        (order_id, kind),
    )


async def _exists(tx: Transaction, query: bytes, values: Sequence[object]) -> bool:
    cursor = await tx.execute(query, values)
    return await cursor.fetchone() is not None


async def opened(tx: Transaction, account_id: UUID) -> tuple[int, int]:
    """Return when the engine opened the account: microseconds, and the tape's number."""
    cursor = await tx.execute(
        "SELECT opened_us, opened_seq FROM trading_accounts WHERE account_id = %s", (account_id,)
    )
    row = await cursor.fetchone()
    return (row["opened_us"], row["opened_seq"]) if row else (0, 0)


async def find_latest_account(tx: Transaction, challenge_id: UUID) -> UUID | None:
    cursor = await tx.execute(
        """
        SELECT account_id FROM trading_accounts WHERE challenge_id = %s
        ORDER BY number DESC LIMIT 1
        """,
        (challenge_id,),
    )
    row = await cursor.fetchone()
    return None if row is None else row["account_id"]


# An order that the engine has not taken yet is only a command; it is shown as pending. The side
# of a close follows from the position when it is taken.
_PENDING = b"""
    SELECT order_id, account_id, client_order_id, body->>'symbol' AS symbol,
        body->>'side' AS side, COALESCE(body->>'type', 'market') AS type,
        COALESCE(body->>'tif', 'gtc') AS tif, COALESCE((body->>'qty')::bigint, 0) AS qty,
        (body->>'limit_price')::bigint AS limit_price,
        (body->>'stop_price')::bigint AS stop_price, kind = 'close' AS closing,
        'pending_new' AS status, NULL AS reason, asked_us, NULL::bigint AS taken_us,
        NULL::bigint AS ended_us, NULL::bigint AS filled_price
    FROM trading_commands
    WHERE input_seq IS NULL AND kind IN ('order', 'close') AND account_id = %(account_id)s
    """
_TAKEN = b"""
    SELECT order_id, account_id, client_order_id, symbol, side, type, tif, qty, limit_price,
        stop_price, closing, status, reason, asked_us, taken_us, ended_us, filled_price
    FROM trading_orders WHERE account_id = %(account_id)s
    """


async def find_order(tx: Transaction, *, account_id: UUID, order_id: UUID) -> OrderRecord | None:
    """Return an order of the account, taken or pending."""
    cursor = await tx.execute(
        _TAKEN + b" AND order_id = %(order_id)s UNION ALL " + _PENDING + _AND_ORDER,
        {"account_id": account_id, "order_id": order_id},
    )
    row = await cursor.fetchone()
    return None if row is None else _order(row)


_AND_ORDER = b" AND order_id = %(order_id)s LIMIT 1"


async def list_orders(
    tx: Transaction,
    account_id: UUID,
    *,
    statuses: Sequence[OrderStatus],
    limit: int | None,
    symbols: Collection[str] = (),
    side: Side | None = None,
    after_us: int | None = None,
    until_us: int | None = None,
    is_newest_first: bool = True,
) -> list[OrderRecord]:
    """
    Return orders by the time they were asked for; the limits of time are excluded.

    `symbols` are written without a slash; none means all of them, as no `limit` does.
    """
    cursor = await tx.execute(
        b"SELECT * FROM ("
        + _TAKEN
        + b" UNION ALL "
        + _PENDING
        + b""") o
        WHERE status = ANY(%(statuses)s)
            AND asked_us > COALESCE(%(after_us)s, asked_us - 1)
            AND asked_us < COALESCE(%(until_us)s, asked_us + 1)
            AND (%(side)s::text IS NULL OR side = %(side)s)
            AND (%(symbols)s::text[] = '{}' OR replace(symbol, '/', '') = ANY(%(symbols)s))
        ORDER BY asked_us """
        + (b"DESC" if is_newest_first else b"ASC")
        + b", order_id LIMIT %(limit)s",
        {
            "account_id": account_id,
            "statuses": [status.value for status in statuses],
            "symbols": sorted(symbols),
            "side": side,
            "after_us": after_us,
            "until_us": until_us,
            "limit": limit,
        },
    )
    return [_order(row) for row in await cursor.fetchall()]


def _order(row: DictRow) -> OrderRecord:
    return OrderRecord(
        order_id=row["order_id"],
        account_id=row["account_id"],
        client_order_id=row["client_order_id"],
        symbol=row["symbol"],
        side=None if row["side"] is None else Side(row["side"]),
        type=OrderType(row["type"]),
        tif=TimeInForce(row["tif"]),
        qty=row["qty"],
        limit_price=row["limit_price"],
        stop_price=row["stop_price"],
        closing=row["closing"],
        status=OrderStatus(row["status"]),
        reason=None if row["reason"] is None else Reason(row["reason"]),
        asked_us=row["asked_us"],
        taken_us=row["taken_us"],
        ended_us=row["ended_us"],
        filled_price=row["filled_price"],
    )


async def list_cash_flows(tx: Transaction, account_id: UUID) -> list[CashFlow]:
    """Return what left the account and came back, oldest first."""
    cursor = await tx.execute(
        """
        SELECT withdrawal_id, amount_minor, balance_minor, fills, price_seq, at_us
        FROM trading_cash_flows WHERE account_id = %s ORDER BY input_seq
        """,
        (account_id,),
    )
    return [CashFlow(**row) for row in await cursor.fetchall()]


async def list_fills(
    tx: Transaction, account_id: UUID, *, limit: int | None = None
) -> list[FillRecord]:
    """Return the account's fills, oldest first; with a limit the latest ones."""
    cursor = await tx.execute(
        """
        SELECT * FROM (
            SELECT * FROM trading_fills WHERE account_id = %s ORDER BY number DESC LIMIT %s
        ) f ORDER BY number
        """,
        (account_id, limit),
    )
    return [_fill(row) for row in await cursor.fetchall()]


def _fill(row: DictRow) -> FillRecord:
    return FillRecord(
        number=row["number"],
        order_id=row["order_id"],
        price_seq=row["price_seq"],
        at_us=row["at_us"],
        symbol=row["symbol"],
        qty=row["qty"],
        price=row["price"],
        realised_minor=row["realised_minor"],
        balance_minor=row["balance_minor"],
        position_qty=row["position_qty"],
        position_cost=int(row["position_cost"]),
        opening=row["opening"],
        day=row["day"],
        liquidation=None if row["liquidation"] is None else Reason(row["liquidation"]),
    )
