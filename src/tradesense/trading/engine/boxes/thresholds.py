"""
The safe box of one account, exact: outside it something may happen, inside it nothing can.

A guard on equity is safe inside the box because the sum of every leg's value at its worst corner,
by the very function that judges, keeps it uncrossed; corners suffice because each leg is
monotone in each coordinate. The slack between equity and the highest floor is shared out among
the legs by their notional, half of a converted leg's share going to its conversion symbol. With
one leg and no conversion the edge is the exact price at which the guard is crossed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tradesense.trading.engine.arithmetic import (
    Mark,
    Terms,
    closing_price,
    in_minor,
    pnl_minor,
    rate_price,
)
from tradesense.trading.engine.state import Account, Order, Position
from tradesense.trading.engine.turn import conversion_mark, equity_minor, floor_minor
from tradesense.trading.model import Comparison, Measure, OrderType, Side

OPEN_END = 10**30  # above every price
CONVERSION_MOVE_DIVISOR = 10  # a box never allows a conversion to move further than a tenth


@dataclass(slots=True)
class Edges:
    """The lowest and highest bid and ask that touch nothing, each included."""

    bid_lo: int = 0
    bid_hi: int = OPEN_END
    ask_lo: int = 0
    ask_hi: int = OPEN_END

    def touch_always(self) -> None:
        self.bid_lo = OPEN_END


Box = dict[str, Edges]


def box_of(account: Account, marks: Mapping[str, Mark]) -> Box:
    """Return the box of `account` around `marks`; symbols without an edge are left out."""
    box: Box = {}
    if not account.is_active:
        for symbol in account.positions:
            box.setdefault(symbol, Edges()).touch_always()
        return box
    for order in account.orders:
        _bound_order(box.setdefault(order.symbol, Edges()), order)
    if account.positions:
        _bound_guards(box, account, marks)
    return box


def _bound_order(edges: Edges, order: Order) -> None:
    buys = order.side is Side.BUY
    if order.limit_price is not None and buys:
        edges.ask_lo = max(edges.ask_lo, order.limit_price + 1)
    elif order.limit_price is not None:
        edges.bid_hi = min(edges.bid_hi, order.limit_price - 1)
    elif order.stop_price is not None and buys:
        edges.ask_hi = min(edges.ask_hi, order.stop_price - 1)
    elif order.stop_price is not None:
        edges.bid_lo = max(edges.bid_lo, order.stop_price + 1)
    elif order.type is OrderType.MARKET:
        edges.touch_always()


def _bound_guards(box: Box, account: Account, marks: Mapping[str, Mark]) -> None:
    needed = equity_needed_minor(account)
    if needed is None:
        return
    slack = equity_minor(account, marks) - needed
    if slack < 0:  # a crossed guard that waits for a quote: every quote may decide it
        for symbol in _symbols(account):
            box.setdefault(symbol, Edges()).touch_always()
        return
    weights = {symbol: _notional(account, symbol, marks) for symbol in account.positions}
    total = sum(weights.values())
    for symbol, position in account.positions.items():
        share = slack * weights[symbol] // total
        _bound_leg(box, account.terms[symbol], position, share, marks)


def equity_needed_minor(account: Account) -> int | None:
    """Return the lowest equity at which no equity guard is crossed; None without such guards."""
    needed = [
        floor_minor(account, guard) + (guard.comparison is Comparison.AT_OR_BELOW)
        for guard in account.setup.guards
        if guard.measure is Measure.EQUITY
    ]
    return max(needed, default=None)


def _symbols(account: Account) -> set[str]:
    """Return the symbols whose prices are judging inputs: held, ordered, converting."""
    found = {*account.positions, *(order.symbol for order in account.orders)}
    for symbol in account.positions:
        by = account.terms[symbol].conversion
        if by is not None:
            found.add(by.symbol)
    return found


def _notional(account: Account, symbol: str, marks: Mapping[str, Mark]) -> int:
    position, terms = account.positions[symbol], account.terms[symbol]
    raw = abs(position.qty) * closing_price(position.qty, marks[symbol])
    rate = rate_price(terms, conversion_mark(terms, marks), gain=False)
    return abs(in_minor(terms, raw, rate)) + 1


def _bound_leg(
    box: Box, terms: Terms, position: Position, share: int, marks: Mapping[str, Mark]
) -> None:
    """Narrow `box` so that the leg's value falls by at most `share` minor units inside it."""
    symbol, by = terms.instrument.symbol, conversion_mark(terms, marks)
    price = closing_price(position.qty, marks[symbol])
    worst = by
    if by is not None and terms.conversion is not None:
        move = _conversion_move(terms, position, share // 2, price, by)
        worst = by._replace(bid=by.bid - move, ask=by.ask + move)
        edges = box.setdefault(terms.conversion.symbol, Edges())
        edges.bid_lo = max(edges.bid_lo, worst.bid)
        edges.ask_hi = min(edges.ask_hi, worst.ask)
    qty, cost = position.qty, position.cost
    least = pnl_minor(terms, qty, cost, price, by) - share

    def is_safe(move: int) -> bool:
        at = price - move if qty > 0 else price + move
        return pnl_minor(terms, qty, cost, at, worst) >= least

    per_point = pnl_minor(terms, abs(qty), 0, 1_000_000, by)  # of a million price units
    move = last_safe(is_safe, guess=share * 1_000_000 // (per_point + 1), limit=2 * price)
    edges = box.setdefault(symbol, Edges())
    if qty > 0:
        edges.bid_lo = max(edges.bid_lo, price - move)
    else:
        edges.ask_hi = min(edges.ask_hi, price + move)


def _conversion_move(terms: Terms, position: Position, share: int, price: int, by: Mark) -> int:
    """Return how far the conversion may move against the leg at the cost of `share`."""
    qty, cost = position.qty, position.cost
    least = pnl_minor(terms, qty, cost, price, by) - share

    def is_safe(move: int) -> bool:
        moved = by._replace(bid=by.bid - move, ask=by.ask + move)
        return pnl_minor(terms, qty, cost, price, moved) >= least

    limit = by.bid // CONVERSION_MOVE_DIVISOR
    return last_safe(is_safe, guess=limit, limit=limit)


def last_safe(is_safe: Callable[[int], bool], *, guess: int, limit: int) -> int:
    """
    Return the largest move from 0 to `limit` that is safe; 0 is, and safety ends only once.

    The guess only saves time: from it the bounds double outwards, then halve.
    """
    safe, step = 0, 1
    unsafe = limit + 1
    start = min(max(guess, 0), limit)
    if is_safe(start):
        safe = start
        while safe + step < unsafe:
            if not is_safe(safe + step):
                unsafe = safe + step
                break
            safe, step = safe + step, step * 2
    else:
        unsafe = start
        while unsafe - step > safe:
            if is_safe(unsafe - step):
                safe = unsafe - step
                break
            unsafe, step = unsafe - step, step * 2
    while unsafe - safe > 1:
        middle = (safe + unsafe) // 2
        safe, unsafe = (middle, unsafe) if is_safe(middle) else (safe, middle)
    return safe
