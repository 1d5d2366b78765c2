"""What happened, as rows of orders, fills, positions, cash, days, outcomes; table by table."""

from collections.abc import Iterator, Sequence

from tradesense.infra.db import Transaction
from tradesense.trading.engine.state import Output
from tradesense.trading.model import (
    DayRolled,
    GuardBreached,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderStatus,
    OrderType,
    Reason,
    Side,
    TargetReached,
    TimeInForce,
    WithdrawalRestored,
    Withdrawn,
)

Row = tuple[object, ...]


async def save_outputs(tx: Transaction, outputs: Sequence[Output]) -> None:
    """Write `outputs`, which stand in the order in which they happened."""
    fills = [(each, each.event) for each in outputs if isinstance(each.event, OrderFilled)]
    positions = {(each.account_id, event.symbol): event for each, event in fills}
    statements: tuple[tuple[str, list[Row]], ...] = (
        (_INSERT_ORDER, [row for each in outputs for row in _new_orders(each)]),
        (_END_ORDER, [row for each in outputs for row in _ended_orders(each)]),
        (_INSERT_FILL, [_fill_row(*fill) for fill in fills]),
        (
            _SAVE_POSITION,
            [
                (account_id, symbol, event.position_qty, event.position_cost)
                for (account_id, symbol), event in sorted(
                    positions.items(), key=lambda item: item[0]
                )
            ],
        ),
        (_INSERT_CASH_FLOW, [row for each in outputs for row in _cash_flows(each)]),
        (_INSERT_DAY, [row for each in outputs for row in _days(each)]),
        (_INSERT_OUTCOME, [row for each in outputs for row in _outcomes(each)]),
    )
    async with tx.cursor() as cursor:
        for statement, rows in statements:
            if rows:
                await cursor.executemany(statement.encode(), rows)


_INSERT_ORDER = """
    INSERT INTO trading_orders (order_id, account_id, client_order_id, input_seq, symbol, side,
        type, tif, qty, limit_price, stop_price, closing, status, reason, asked_us, taken_us,
        taken_seq, ended_us, ended_seq)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    """


def _new_orders(each: Output) -> Iterator[Row]:
    match each.event:
        case OrderAccepted() as event:
            ended: Row = (event.closing, OrderStatus.NEW, None, event.asked_us)
            yield (*_order(each, event), *ended, each.at_us, event.price_seq, None, None)
        case OrderRejected() as event if event.input_seq is not None:
            ended = (False, OrderStatus.REJECTED, event.reason, event.asked_us)
            moment = (each.at_us, event.price_seq)
            yield (*_order(each, event), *ended, *moment, *moment)
        case OrderFilled() as event if event.liquidation is not None:
            yield _liquidation(each, event)


def _order(each: Output, event: OrderAccepted | OrderRejected) -> Row:
    return (
        event.order_id,
        each.account_id,
        event.client_order_id,
        event.input_seq,
        event.symbol,
        event.side,
        event.type,
        event.tif,
        event.qty,
        event.limit_price,
        event.stop_price,
    )


def _liquidation(each: Output, event: OrderFilled) -> Row:
    """Return the order that nobody asked for: the engine's own, named after what it closes."""
    return (
        event.order_id,
        each.account_id,
        f"liquidation {event.symbol}",
        None,
        event.symbol,
        event.side,
        OrderType.MARKET,
        TimeInForce.GTC,
        event.qty,
        None,
        None,
        True,
        OrderStatus.NEW,
        event.liquidation,
        each.at_us,
        each.at_us,
        event.price_seq,
        None,
        None,
    )


_END_ORDER = """
    UPDATE trading_orders SET status = %s, reason = COALESCE(%s, reason), filled_price = %s,
        ended_us = %s, ended_seq = %s
    WHERE order_id = %s AND status = 'new'
    """


def _ended_orders(each: Output) -> Iterator[Row]:
    match each.event:
        case OrderFilled() as event:
            ended: Row = (OrderStatus.FILLED, None, event.price)
        case OrderRejected() as event if event.input_seq is None:
            ended = (OrderStatus.REJECTED, event.reason, None)
        case OrderCancelled() as event:
            day_ended = event.reason is Reason.DAY_ENDED
            status = OrderStatus.EXPIRED if day_ended else OrderStatus.CANCELED
            ended = (status, event.reason, None)
        case _:
            return
    yield (*ended, each.at_us, event.price_seq, event.order_id)


_INSERT_FILL = """
    INSERT INTO trading_fills (account_id, number, order_id, price_seq, quote_seq, at_us, symbol,
        qty, price, conversion_price, conversion_seq, realised_minor, balance_minor,
        position_qty, position_cost, opening, day, liquidation)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    """
_SAVE_POSITION = """
    INSERT INTO trading_positions (account_id, symbol, qty, cost) VALUES (%s, %s, %s, %s)
    ON CONFLICT (account_id, symbol) DO UPDATE SET qty = excluded.qty, cost = excluded.cost
    """


def _fill_row(each: Output, event: OrderFilled) -> Row:
    return (
        each.account_id,
        event.number,
        event.order_id,
        event.price_seq,
        event.quote_seq,
        each.at_us,
        event.symbol,
        event.qty if event.side is Side.BUY else -event.qty,
        event.price,
        event.conversion_price,
        event.conversion_seq,
        event.realised_minor,
        event.balance_minor,
        event.position_qty,
        event.position_cost,
        event.opening,
        event.day,
        event.liquidation,
    )


_INSERT_CASH_FLOW = """
    INSERT INTO trading_cash_flows (account_id, input_seq, withdrawal_id, amount_minor,
        balance_minor, fills, price_seq, at_us)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    """


def _cash_flows(each: Output) -> Iterator[Row]:
    event = each.event
    if isinstance(event, Withdrawn | WithdrawalRestored):
        sign = -1 if isinstance(event, Withdrawn) else 1
        what: Row = (event.withdrawal_id, sign * event.amount_minor, event.balance_minor)
        yield (each.account_id, event.input_seq, *what, event.fills, event.price_seq, each.at_us)


_INSERT_DAY = """
    INSERT INTO trading_days (account_id, day, price_seq, at_us, opened, balance_minor,
        equity_minor)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    """


def _days(each: Output) -> Iterator[Row]:
    if isinstance(event := each.event, DayRolled):
        moment = (event.day, event.price_seq, each.at_us)
        yield (each.account_id, *moment, event.opened, event.balance_minor, event.equity_minor)


_INSERT_OUTCOME = """
    INSERT INTO trading_outcomes (account_id, kind, price_seq, at_us, guard, limit_minor,
        value_minor, balance_minor, fills)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    """


def _outcomes(each: Output) -> Iterator[Row]:
    match each.event:
        case GuardBreached() as event:
            what: Row = ("breached", event.price_seq, each.at_us, event.guard, event.floor_minor)
            yield (each.account_id, *what, event.value_minor, event.balance_minor, event.fills)
        case TargetReached() as event:
            what = ("passed", event.price_seq, each.at_us, None, event.target_minor)
            yield (each.account_id, *what, event.profit_minor, event.balance_minor, event.fills)
        case _:
            return
