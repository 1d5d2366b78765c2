"""Orders: which are taken, which wait, which a price fills."""

from dataclasses import replace
from uuid import UUID

from tradesense.market import is_open
from tradesense.trading.engine.arithmetic import Mark
from tradesense.trading.engine.sessions import SECOND_US, is_fresh
from tradesense.trading.engine.state import Account, Order
from tradesense.trading.engine.turn import Turn, conversion_mark, fill, has_margin
from tradesense.trading.model import (
    ORDER_WAIT_S,
    PRICE_MAX,
    QTY_MAX,
    SHARE_ALL_PPM,
    CloseRequest,
    OrderAccepted,
    OrderRejected,
    OrderRequest,
    OrderType,
    Reason,
    Side,
    TimeInForce,
)

MARKET_WAIT_US = ORDER_WAIT_S * SECOND_US


def place(
    turn: Turn, order_id: UUID, request: OrderRequest, *, asked_us: int, waiting: bool
) -> None:
    """Take or refuse an order; fill it at once where a fresh quote allows. `waiting`: see steps."""
    reason = _refusal(turn, request, waiting=waiting, closing=False)
    if reason is None:
        _accept(turn, _order(turn, order_id, request, asked_us=asked_us, closing=False))
    else:
        turn.say(_rejected(turn, order_id, request, asked_us=asked_us, reason=reason))


def close(
    turn: Turn, order_id: UUID, request: CloseRequest, *, asked_us: int, waiting: bool
) -> None:
    """Close a position, or a part of it, by a market order; orders already closing it count."""
    account = turn.account
    held = account.positions.get(request.symbol)
    open_qty = abs(held.qty) - _closing_qty(account, request.symbol) if held else 0
    qty = open_qty
    if request.qty is not None:
        qty = request.qty
    elif request.share_ppm is not None and held is not None:
        qty = abs(held.qty) * request.share_ppm // SHARE_ALL_PPM
    asked = OrderRequest(
        client_order_id=request.client_order_id,
        symbol=request.symbol,
        side=Side.SELL if held is None or held.qty > 0 else Side.BUY,
        type=OrderType.MARKET,
        tif=TimeInForce.GTC,
        qty=qty,
    )
    reason = None
    if account.is_active and open_qty == 0:
        reason = Reason.NO_POSITION
    elif account.is_active and qty > open_qty:
        reason = Reason.BAD_QUANTITY
    reason = reason or _refusal(turn, asked, waiting=waiting, closing=True)
    if reason is None:
        _accept(turn, _order(turn, order_id, asked, asked_us=asked_us, closing=True))
    else:
        turn.say(_rejected(turn, order_id, asked, asked_us=asked_us, reason=reason))


def _closing_qty(account: Account, symbol: str) -> int:
    return sum(each.qty for each in account.orders if each.closing and each.symbol == symbol)


def _refusal(  # noqa: PLR0911 -- a column of guards, each with its named result
    turn: Turn, request: OrderRequest, *, waiting: bool, closing: bool
) -> Reason | None:
    """Return why the order is not taken; the first reason that holds."""
    account, marks = turn.account, turn.market.marks
    if not account.is_active:
        return Reason.NOT_ACTIVE
    if account.halted_for is not None and not closing:
        return Reason.HALTED
    terms = account.terms.get(request.symbol)
    if terms is None:
        return Reason.UNKNOWN_SYMBOL
    if not _is_step(request.qty, terms.instrument.min_qty):
        return Reason.BAD_QUANTITY
    if not _has_its_prices(request):
        return Reason.BAD_PRICE
    if not is_open(terms.instrument, turn.now_us):
        return Reason.MARKET_CLOSED
    if waiting:
        return Reason.WAITING_FOR_PRICE
    needs = terms.conversion is not None and conversion_mark(terms, marks) is None
    if needs or not terms.convertible:
        return Reason.NO_CONVERSION
    price = _expected_price(request, marks.get(request.symbol))
    if price is not None and not has_margin(turn, request.symbol, _signed(request), price):
        return Reason.NO_MARGIN
    return None


def _is_step(qty: int, step: int) -> bool:
    return 0 < qty <= QTY_MAX and qty % step == 0


def _has_its_prices(request: OrderRequest) -> bool:
    """Whether a limit has a limit price, a stop a stop price that waits, and nobody else any."""
    limit, stop = request.limit_price, request.stop_price
    for price, needed in ((limit, OrderType.LIMIT), (stop, OrderType.STOP)):
        if (price is not None) != (request.type is needed):
            return False
        if price is not None and not 0 < price <= PRICE_MAX:
            return False
    waits = request.tif in {TimeInForce.GTC, TimeInForce.DAY}
    return waits or request.type is not OrderType.STOP


def _expected_price(request: OrderRequest, mark: Mark | None) -> int | None:
    if request.type is not OrderType.MARKET:
        return request.limit_price or request.stop_price
    if mark is None:
        return None
    return mark.ask if request.side is Side.BUY else mark.bid


def _signed(order: OrderRequest | Order) -> int:
    return order.qty if order.side is Side.BUY else -order.qty


def _order(
    turn: Turn, order_id: UUID, request: OrderRequest, *, asked_us: int, closing: bool
) -> Order:
    is_market = request.type is OrderType.MARKET
    return Order(
        order_id=order_id,
        client_order_id=request.client_order_id,
        input_seq=turn.account.input_seq,
        asked_us=asked_us,
        symbol=request.symbol,
        side=request.side,
        type=request.type,
        tif=request.tif,
        qty=request.qty,
        limit_price=request.limit_price,
        stop_price=request.stop_price,
        closing=closing,
        deadline_us=turn.now_us + MARKET_WAIT_US if is_market else None,
    )


def _accept(turn: Turn, order: Order) -> None:
    turn.account = replace(turn.account, orders=(*turn.account.orders, order))
    turn.say(
        OrderAccepted(
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            price_seq=turn.price_seq,
            input_seq=order.input_seq,
            asked_us=order.asked_us,
            symbol=order.symbol,
            side=order.side,
            type=order.type,
            tif=order.tif,
            qty=order.qty,
            limit_price=order.limit_price,
            stop_price=order.stop_price,
            closing=order.closing,
        )
    )
    mark = turn.market.marks.get(order.symbol)
    instrument = turn.account.terms[order.symbol].instrument
    if mark is not None and is_fresh(instrument, mark, turn.now_us) and is_triggered(order, mark):
        execute(turn, order)
    elif order.type is OrderType.LIMIT and order.tif in {TimeInForce.IOC, TimeInForce.FOK}:
        turn.cancel(order, Reason.NOT_MARKETABLE)


def is_triggered(order: Order, mark: Mark) -> bool:
    """Whether the quote fills the order: stop at or beyond its price, limit at it or better."""
    price = mark.ask if order.side is Side.BUY else mark.bid
    if order.limit_price is not None:
        return price <= order.limit_price if order.side is Side.BUY else price >= order.limit_price
    if order.stop_price is not None:
        return price >= order.stop_price if order.side is Side.BUY else price <= order.stop_price
    return True


def execute(turn: Turn, order: Order) -> None:
    """Fill a triggered order at the quote; refuse it without margin, or with nothing to close."""
    mark = turn.market.marks[order.symbol]
    price = mark.ask if order.side is Side.BUY else mark.bid
    held = turn.account.positions.get(order.symbol)
    if order.closing and (held is None or abs(held.qty + _signed(order)) >= abs(held.qty)):
        reject_accepted(turn, order, Reason.NO_POSITION)
    elif not has_margin(turn, order.symbol, _signed(order), price):
        reject_accepted(turn, order, Reason.NO_MARGIN)
    else:
        turn.drop_order(order)
        fill(turn, order.order_id, order.symbol, _signed(order))


def reject_accepted(turn: Turn, order: Order, reason: Reason) -> None:
    """Refuse an order that had been taken."""
    turn.drop_order(order)
    turn.say(_rejected(turn, order.order_id, order, asked_us=order.asked_us, reason=reason))


def _rejected(
    turn: Turn, order_id: UUID, what: OrderRequest | Order, *, asked_us: int, reason: Reason
) -> OrderRejected:
    return OrderRejected(
        order_id=order_id,
        client_order_id=what.client_order_id,
        price_seq=turn.price_seq,
        input_seq=None if isinstance(what, Order) else turn.account.input_seq,
        asked_us=asked_us,
        symbol=what.symbol,
        side=what.side,
        type=what.type,
        tif=what.tif,
        qty=what.qty,
        limit_price=what.limit_price,
        stop_price=what.stop_price,
        reason=reason,
    )
