"""One account while one input takes effect: what it is by now, and what has happened so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypedDict
from uuid import UUID

from tradesense.kernel.events import Event
from tradesense.trading.engine.arithmetic import (
    Mark,
    Terms,
    closing_price,
    cost_of_part,
    in_minor,
    margin_minor,
    pnl_minor,
    rate_price,
)
from tradesense.trading.engine.state import Account, Market, Order, Position
from tradesense.trading.model import (
    BelowResetBalance,
    Floor,
    Guard,
    OnCashFlow,
    OrderCancelled,
    OrderFilled,
    Reason,
    Side,
    Static,
)

_NOTHING = Position(0, 0)


class _Named(TypedDict):
    account_id: UUID
    challenge_id: UUID
    price_seq: int
    input_seq: int


@dataclass(slots=True)
class Turn:
    """
    The scratch of one step. `now_us` is the feed's time, or the command's where that is later.

    Steps make one, change `account` by whole values only, and return what it holds at the end.
    """

    account: Account
    market: Market
    now_us: int
    input_seq: int | None = None
    events: list[Event] = field(default_factory=list)

    @property
    def price_seq(self) -> int:
        return self.market.price_seq

    def say(self, event: Event) -> None:
        self.events.append(event)

    def named(self) -> _Named:
        """Return what an answer to a command of the firm says of its account and place."""
        setup = self.account.setup
        return {
            "account_id": setup.account_id,
            "challenge_id": setup.challenge_id,
            "price_seq": self.price_seq,
            "input_seq": self.account.input_seq,
        }

    def drop_order(self, order: Order) -> None:
        """Take `order` off the orders at work."""
        rest = tuple(each for each in self.account.orders if each is not order)
        self.account = replace(self.account, orders=rest)

    def cancel(self, order: Order, reason: Reason, *, asked: bool = False) -> None:
        self.drop_order(order)
        self.say(
            OrderCancelled(
                order_id=order.order_id,
                price_seq=self.price_seq,
                input_seq=self.input_seq if asked else None,
                reason=reason,
            )
        )


def conversion_mark(terms: Terms, marks: Mapping[str, Mark]) -> Mark | None:
    """Return the mark that converts `terms`' quote currency, if it needs one and there is one."""
    return None if terms.conversion is None else marks.get(terms.conversion.symbol)


def floating_minor(account: Account, symbol: str, marks: Mapping[str, Mark]) -> int:
    """Return the floating profit of a held symbol at the closing side of its mark."""
    position, terms = account.positions[symbol], account.terms[symbol]
    price = closing_price(position.qty, marks[symbol])
    return pnl_minor(terms, position.qty, position.cost, price, conversion_mark(terms, marks))


def equity_minor(account: Account, marks: Mapping[str, Mark]) -> int:
    """Return balance + floating profit; every held symbol has a mark."""
    equity = account.balance_minor
    for symbol in account.positions:
        equity += floating_minor(account, symbol, marks)
    return equity


def margin_used_minor(account: Account, marks: Mapping[str, Mark], *, without: str = "") -> int:
    """Return the margin that the positions bind, each at its closing side."""
    used = 0
    for symbol, position in account.positions.items():
        if symbol != without:
            terms, price = account.terms[symbol], closing_price(position.qty, marks[symbol])
            by = conversion_mark(terms, marks)
            used += margin_minor(terms, position.qty, price, by, account.setup.leverage)
    return used


def floor_minor(account: Account, guard: Guard) -> int:
    """Return the floor of `guard` as it stands."""
    if guard.on_cash_flow is OnCashFlow.FLOOR_TO_INITIAL and account.withdrawn_minor > 0:
        return account.setup.initial_minor
    match guard.recipe:
        case Static(floor_minor=floor):
            return floor
        case BelowResetBalance(amount_minor=amount):
            return day_reference_minor(account, guard) - amount


def day_reference_minor(account: Account, guard: Guard) -> int:
    """Return the balance at the last reset as `guard` counts it after withdrawals."""
    if guard.on_cash_flow is OnCashFlow.SHIFT:
        return account.reset_balance_minor + account.cash_today_minor
    return account.reset_balance_minor


def floors(account: Account) -> tuple[Floor, ...]:
    """Return every floor as it stands, in the order of the guards."""
    return tuple(
        Floor(
            guard=guard.name,
            measure=guard.measure,
            comparison=guard.comparison,
            floor_minor=floor_minor(account, guard),
        )
        for guard in account.setup.guards
    )


def has_margin(turn: Turn, symbol: str, qty: int, price: int) -> bool:
    """Whether the account can bear `qty` more (negative: sold) of `symbol` at `price`."""
    account, marks = turn.account, turn.market.marks
    before = account.positions.get(symbol, _NOTHING).qty
    after = before + qty
    if abs(after) <= abs(before):
        return True
    terms = account.terms[symbol]
    by = conversion_mark(terms, marks)
    need = margin_minor(terms, after, price, by, account.setup.leverage)
    need += margin_used_minor(account, marks, without=symbol)
    return equity_minor(account, marks) >= need


@dataclass(frozen=True, slots=True)
class _Netted:
    """What a fill makes of a position; `rate` is the conversion price of what it realised."""

    position: Position
    realised_minor: int
    rate: int | None


def _net(terms: Terms, held: Position, qty: int, price: int, by: Mark | None) -> _Netted:
    """Close with `qty` (negative: sold) what stands against it, open with the rest."""
    left, cost, rest, realised, rate = held.qty, held.cost, qty, 0, None
    if held.qty * qty < 0:
        part = max(held.qty, -qty) if held.qty < 0 else min(held.qty, -qty)
        part_cost = cost_of_part(held.qty, held.cost, part)
        raw = part * price - part_cost
        rate = rate_price(terms, by, gain=raw >= 0)
        realised = in_minor(terms, raw, rate)
        left, cost, rest = held.qty - part, held.cost - part_cost, qty + part
    position = Position(left + rest, cost + rest * price)
    return _Netted(position, realised, None if by is None else rate)


def fill(
    turn: Turn, order_id: UUID, symbol: str, qty: int, *, liquidation: Reason | None = None
) -> None:
    """Fill `qty` (negative: sold) of `symbol` at its mark: closes first, opens with the rest."""
    account, mark = turn.account, turn.market.marks[symbol]
    terms = account.terms[symbol]
    by = conversion_mark(terms, turn.market.marks)
    held = account.positions.get(symbol, _NOTHING)
    price = mark.ask if qty > 0 else mark.bid
    netted = _net(terms, held, qty, price, by)
    position = netted.position
    opening = abs(position.qty) > abs(held.qty)
    others = {each: at for each, at in account.positions.items() if each != symbol}
    turn.account = account = replace(
        account,
        fills=account.fills + 1,
        balance_minor=account.balance_minor + netted.realised_minor,
        days_opened=account.days_opened + (opening and account.opened_day != account.day),
        opened_day=account.day if opening else account.opened_day,
        positions={**others, symbol: position} if position.qty else others,
    )
    turn.say(
        OrderFilled(
            order_id=order_id,
            number=account.fills,
            price_seq=turn.price_seq,
            quote_seq=mark.price_seq,
            symbol=symbol,
            side=Side.BUY if qty > 0 else Side.SELL,
            qty=abs(qty),
            price=price,
            conversion_price=netted.rate,
            conversion_seq=None if by is None or netted.rate is None else by.price_seq,
            realised_minor=netted.realised_minor,
            balance_minor=account.balance_minor,
            position_qty=position.qty,
            position_cost=position.cost,
            opening=opening,
            day=account.day,
            liquidation=liquidation,
        )
    )
