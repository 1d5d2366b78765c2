"""Commands: which orders are taken, which refused and why, which are filled or refused later."""

from collections.abc import Callable
from dataclasses import replace

from tradesense_verify.rules import calendars, judge
from tradesense_verify.rules.account import Account, Order
from tradesense_verify.rules.instants import SECOND_US

QTY_MAX = 10**15
PRICE_MAX = 10**12


def place(account: Account, order: Order, input_seq: int) -> None:
    """Take the order, or refuse it for the first reason that holds."""
    reason = refusal(account, order)
    if reason is not None:
        _say_rejected(account, order, reason, input_seq)
        return
    is_market = order.type == "market"
    wait_us = account.terms.order_wait_s * SECOND_US
    taken = replace(order, deadline_us=account.now_us + wait_us if is_market else None)
    account.orders.append(taken)
    account.say("OrderAccepted", **_fields(taken), input_seq=input_seq, closing=taken.closing)
    quote = account.quotes.get(taken.symbol)
    if quote is not None and account.is_fresh(taken.symbol) and taken.is_triggered(quote):
        execute(account, taken)
    elif taken.type == "limit" and taken.tif in {"ioc", "fok"}:
        account.cancel(taken, "not_marketable")


def refusal(account: Account, order: Order) -> str | None:
    """Return why `order` is not taken: the first reason that holds, None if there is none."""
    checks: tuple[tuple[str, Callable[[Account, Order], bool]], ...] = (
        ("account_not_active", lambda a, _: a.status != "active"),
        ("account_halted", lambda a, o: a.halted_for is not None and not o.closing),
        ("no_position", lambda a, o: o.closing and closable(a, o.symbol) == 0),
        ("bad_quantity", lambda a, o: o.closing and o.qty > closable(a, o.symbol)),
        ("unknown_symbol", lambda a, o: o.symbol not in a.terms.instruments),
        ("bad_quantity", lambda a, o: not _is_quantity(a, o)),
        ("bad_price", lambda _, o: not _has_its_prices(o)),
        ("market_closed", lambda a, o: not _is_open(a, o.symbol)),
        ("judging_waits_for_price", lambda a, _: judge.is_waiting(a)),
        ("no_conversion", lambda a, o: not _is_convertible(a, o.symbol)),
        ("insufficient_margin", lambda a, o: not _is_affordable(a, o)),
    )
    return next((reason for reason, holds in checks if holds(account, order)), None)


def closable(account: Account, symbol: str) -> int:
    """Return how much of a position no order is closing yet."""
    held = account.positions.get(symbol)
    closing = sum(each.qty for each in account.orders if each.closing and each.symbol == symbol)
    return 0 if held is None else abs(held.qty) - closing


def execute(account: Account, order: Order) -> None:
    """Fill a triggered order at the last quote; refuse it without margin or position."""
    held = account.positions.get(order.symbol)
    price = order.price_in(account.quotes[order.symbol])
    grows = held is None or abs(held.qty + order.signed) >= abs(held.qty)
    account.orders.remove(order)
    if order.closing and grows:
        _say_rejected(account, order, "no_position", None)
    elif not account.has_margin(order, price):
        _say_rejected(account, order, "insufficient_margin", None)
    else:
        account.fill(order.order_id, order.symbol, order.signed, liquidation=None)


def expire(account: Account) -> None:
    """Refuse the market orders whose time has run out without a fresh quote."""
    for order in list(account.orders):
        if order.deadline_us is not None and order.deadline_us < account.now_us:
            account.orders.remove(order)
            _say_rejected(account, order, "stale_price", None)


def request_cancel(account: Account, order_id: str, input_seq: int) -> None:
    """Cancel the order at work that is asked for, or refuse."""
    for order in account.orders:
        if order.order_id == order_id:
            account.cancel(order, "requested", input_seq=input_seq)
            return
    account.say("CancelRejected", order_id=order_id, input_seq=input_seq, reason="unknown_order")


def _is_quantity(account: Account, order: Order) -> bool:
    return (
        0 < order.qty <= QTY_MAX
        and order.qty % account.terms.instruments[order.symbol].min_qty == 0
    )


def _has_its_prices(order: Order) -> bool:
    needs = {"market": (False, False), "limit": (True, False), "stop": (False, True)}
    prices = (order.limit_price, order.stop_price)
    if needs.get(order.type) != tuple(price is not None for price in prices):
        return False
    if not all(0 < price <= PRICE_MAX for price in prices if price is not None):
        return False
    return order.type != "stop" or order.tif in {"gtc", "day"}


def _is_open(account: Account, symbol: str) -> bool:
    return calendars.is_open(account.terms.instruments[symbol].calendar, account.now_us)


def _is_convertible(account: Account, symbol: str) -> bool:
    scale = account.scales[symbol]
    known = scale.conversion is None or account.conversion_quote(symbol) is not None
    return scale.convertible and known


def _is_affordable(account: Account, order: Order) -> bool:
    """Market orders count at the last quote, even a stale one; unquoted symbols at nothing."""
    price = order.limit_price or order.stop_price
    if order.type == "market":
        quote = account.quotes.get(order.symbol)
        price = None if quote is None else order.price_in(quote)
    return price is None or account.has_margin(order, price)


def _say_rejected(account: Account, order: Order, reason: str, input_seq: int | None) -> None:
    account.say("OrderRejected", **_fields(order), input_seq=input_seq, reason=reason)


def _fields(order: Order) -> dict[str, object]:
    return {
        "order_id": order.order_id,
        "client_order_id": order.client_order_id,
        "asked_us": order.asked_us,
        "symbol": order.symbol,
        "side": order.side,
        "type": order.type,
        "tif": order.tif,
        "qty": order.qty,
        "limit_price": order.limit_price,
        "stop_price": order.stop_price,
    }
