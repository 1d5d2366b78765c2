"""Rows back to accounts: what a new engine, or a reader of one account, starts from."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import DictRow

from tradesense.infra.db import Transaction
from tradesense.kernel.errors import InvariantBroken
from tradesense.trading import codec
from tradesense.trading.engine.arithmetic import Mark, terms_by_symbol
from tradesense.trading.engine.orders import MARKET_WAIT_US
from tradesense.trading.engine.state import (
    Account,
    Ask,
    Cancel,
    Close,
    CloseAccount,
    Command,
    Halt,
    Market,
    Open,
    Order,
    Place,
    Position,
    Restore,
    Resume,
    Withdraw,
)
from tradesense.trading.model import (
    AccountStatus,
    OrderType,
    Reason,
    Side,
    TimeInForce,
)

SHARD = 0  # one shard for now: every account


@dataclass(frozen=True, slots=True)
class Waiting:
    """A command nobody has stamped yet."""

    id: int
    command: Command


async def load_market(tx: Transaction) -> Market:
    """Read how far the engine is, and the marks it had there."""
    cursor = await tx.execute("SELECT * FROM trading_engines WHERE shard = %s", (SHARD,))
    row = await cursor.fetchone()
    if row is None:
        raise InvariantBroken(f"trading_engines has lost the row of shard {SHARD}")
    marks = await load_marks(tx)
    return Market(
        price_seq=row["price_seq"], feed_us=row["feed_us"], clock_us=row["clock_us"], marks=marks
    )


async def load_marks(tx: Transaction) -> dict[str, Mark]:
    """Read the last valid quote of every symbol at the engine's cursor."""
    cursor = await tx.execute("SELECT * FROM trading_marks")
    return {
        row["symbol"]: Mark(row["bid"], row["ask"], row["at_us"], row["price_seq"])
        for row in await cursor.fetchall()
    }


async def load_at_work(tx: Transaction) -> list[Account]:
    """Read every account that is not closed."""
    cursor = await tx.execute("SELECT * FROM trading_accounts WHERE status <> 'closed'")
    return await _accounts(tx, await cursor.fetchall())


async def load_accounts(
    tx: Transaction, account_ids: Sequence[UUID], *, with_orders: bool = True
) -> list[Account]:
    """
    Read these accounts, closed or not; unknown ones are left out.

    Who only looks at money reads them without their orders, of which there may be thousands.
    """
    cursor = await tx.execute(
        "SELECT * FROM trading_accounts WHERE account_id = ANY(%s)", (list(account_ids),)
    )
    return await _accounts(tx, await cursor.fetchall(), with_orders=with_orders)


async def _accounts(
    tx: Transaction, rows: Sequence[DictRow], *, with_orders: bool = True
) -> list[Account]:
    ids = [row["account_id"] for row in rows]
    positions = defaultdict[UUID, dict[str, Position]](dict)
    cursor = await tx.execute(
        "SELECT * FROM trading_positions WHERE account_id = ANY(%s) AND qty <> 0", (ids,)
    )
    for row in await cursor.fetchall():
        positions[row["account_id"]][row["symbol"]] = Position(row["qty"], int(row["cost"]))
    orders = defaultdict[UUID, list[Order]](list)
    cursor = await tx.execute(
        """
        SELECT * FROM trading_orders WHERE account_id = ANY(%s) AND status = 'new'
        ORDER BY account_id, input_seq
        """,
        (ids if with_orders else [],),
    )
    for row in await cursor.fetchall():
        orders[row["account_id"]].append(_order(row))
    withdrawals = await _withdrawals(tx, ids)
    return [
        account_of(row, positions[of], orders[of], withdrawals[of])
        for row in rows
        for of in [row["account_id"]]
    ]


async def _withdrawals(tx: Transaction, ids: Sequence[UUID]) -> defaultdict[UUID, dict[UUID, int]]:
    """Return, by account, what of each withdrawal is outstanding."""
    found = defaultdict[UUID, dict[UUID, int]](dict)
    cursor = await tx.execute(
        """
        SELECT account_id, withdrawal_id, -sum(amount_minor)::bigint AS left_minor
        FROM trading_cash_flows WHERE account_id = ANY(%s) GROUP BY 1, 2 ORDER BY 1, 2
        """,
        (ids,),
    )
    for row in await cursor.fetchall():
        found[row["account_id"]][row["withdrawal_id"]] = row["left_minor"]
    return found


def account_of(
    row: DictRow,
    positions: dict[str, Position],
    orders: Iterable[Order],
    withdrawals: dict[UUID, int],
) -> Account:
    """Return the account of a row of `trading_accounts` and what hangs on it."""
    setup = codec.setup_of(row["setup"])
    return Account(
        setup=setup,
        terms=terms_by_symbol(setup),
        status=AccountStatus(row["status"]),
        ended_for=None if row["ended_for"] is None else Reason(row["ended_for"]),
        input_seq=row["input_seq"],
        fills=row["fills"],
        balance_minor=row["balance_minor"],
        reset_balance_minor=row["reset_balance_minor"],
        day=row["day"],
        days_opened=row["days_opened"],
        opened_day=row["opened_day"],
        halted_for=None if row["halted_for"] is None else Reason(row["halted_for"]),
        cash_today_minor=row["cash_today_minor"],
        withdrawals=withdrawals,
        positions=positions,
        orders=tuple(orders),
    )


def _order(row: DictRow) -> Order:
    kind = OrderType(row["type"])
    return Order(
        order_id=row["order_id"],
        client_order_id=row["client_order_id"],
        input_seq=row["input_seq"],
        asked_us=row["asked_us"],
        symbol=row["symbol"],
        side=Side(row["side"]),
        type=kind,
        tif=TimeInForce(row["tif"]),
        qty=row["qty"],
        limit_price=row["limit_price"],
        stop_price=row["stop_price"],
        closing=row["closing"],
        deadline_us=row["taken_us"] + MARKET_WAIT_US if kind is OrderType.MARKET else None,
    )


async def load_waiting(tx: Transaction, *, limit: int) -> list[Waiting]:
    """Read up to `limit` commands nobody has stamped, in the order in which they were asked."""
    cursor = await tx.execute(
        "SELECT * FROM trading_commands WHERE input_seq IS NULL ORDER BY id LIMIT %s", (limit,)
    )
    return [Waiting(row["id"], _command(row)) for row in await cursor.fetchall()]


def _command(row: DictRow) -> Command:
    return Command(row["account_id"], row["asked_us"], _ask(row))


def _ask(row: DictRow) -> Ask:  # noqa: PLR0911 -- a row per kind
    body, order_id = row["body"], row["order_id"]
    match row["kind"]:
        case "open":
            return Open(codec.setup_of(body))
        case "order":
            return Place(order_id, codec.order_of(body))
        case "close":
            return Close(order_id, codec.close_of(body))
        case "cancel":
            return Cancel(order_id)
        case "close_account":
            return CloseAccount(Reason(body["reason"]))
        case "halt":
            return Halt(Reason(body["reason"]))
        case "resume":
            return Resume()
        case "withdraw":
            return Withdraw(order_id, body["amount_minor"])
        case "restore":
            return Restore(order_id)
        case _:
            raise InvariantBroken(f"command {row['id']} is of the unknown kind {row['kind']!r}")
