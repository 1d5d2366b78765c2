"""What an account looks like now: the engine's rows, marked to the prices it judged last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from tradesense import market
from tradesense.infra.db import Transaction
from tradesense.trading import store
from tradesense.trading.engine.arithmetic import Mark, closing_price, pnl_minor
from tradesense.trading.engine.state import Account, Position
from tradesense.trading.engine.turn import (
    conversion_mark,
    equity_minor,
    floating_minor,
    floors,
    margin_used_minor,
)
from tradesense.trading.model import (
    AccountSetup,
    AccountStatus,
    CashFlow,
    FillRecord,
    Floor,
    Reason,
)
from tradesense.trading.running import loading

CURVE_ITEMS_MAX = 6_000  # tape items an equity curve is drawn from: some tens of milliseconds
_NO_ITEMS: Sequence[market.TapeItem] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionView:
    """A held position; `price` is the closing side, money in minor units of the account."""

    symbol: str
    qty: int
    cost: int
    price: int
    pnl_minor: int
    cost_minor: int
    value_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """
    An account at the engine's cursor: tape number `price_seq`, moment `at_us` of the feed.

    `profit_minor` is closed, and counts what was withdrawn of it; `cash_today_minor` is what
    came in, less what went out, since the last reset.
    """

    setup: AccountSetup
    status: AccountStatus
    ended_for: Reason | None
    halted_for: Reason | None
    opened_us: int
    balance_minor: int
    equity_minor: int
    reset_balance_minor: int
    cash_today_minor: int
    withdrawn_minor: int
    profit_minor: int
    margin_minor: int
    floors: tuple[Floor, ...]
    day: date
    days_opened: int
    opened_today: bool
    positions: tuple[PositionView, ...]
    price_seq: int
    at_us: int

    @property
    def free_minor(self) -> int:
        """Return the margin that is still free, never below zero."""
        return max(0, self.equity_minor - self.margin_minor)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """Equity and balance after one price."""

    at_us: int
    equity_minor: int
    balance_minor: int


async def find_account(tx: Transaction, account_id: UUID) -> AccountView | None:
    """Return the account, or None while (or if) the engine has not opened it."""
    found = await loading.load_accounts(tx, [account_id], with_orders=False)
    if not found:
        return None
    account, known = found[0], await loading.load_market(tx)
    opened_us, _ = await store.opened(tx, account_id)
    return AccountView(
        setup=account.setup,
        status=account.status,
        ended_for=account.ended_for,
        halted_for=account.halted_for,
        opened_us=opened_us,
        balance_minor=account.balance_minor,
        equity_minor=equity_minor(account, known.marks),
        reset_balance_minor=account.reset_balance_minor,
        cash_today_minor=account.cash_today_minor,
        withdrawn_minor=account.withdrawn_minor,
        profit_minor=account.profit_minor,
        margin_minor=margin_used_minor(account, known.marks),
        floors=floors(account),
        day=account.day,
        days_opened=account.days_opened,
        opened_today=account.opened_day == account.day,
        positions=tuple(
            _position(account, symbol, known.marks) for symbol in sorted(account.positions)
        ),
        price_seq=known.price_seq,
        at_us=known.feed_us,
    )


def _position(account: Account, symbol: str, marks: Mapping[str, Mark]) -> PositionView:
    position, terms = account.positions[symbol], account.terms[symbol]
    price = closing_price(position.qty, marks[symbol])
    by = conversion_mark(terms, marks)
    # What the position is worth, and what it cost, both converted as a gain would be.
    value = pnl_minor(terms, abs(position.qty), 0, price, by)
    pnl = floating_minor(account, symbol, marks)
    side = 1 if position.qty > 0 else -1
    return PositionView(
        symbol=symbol,
        qty=position.qty,
        cost=position.cost,
        price=price,
        pnl_minor=pnl,
        cost_minor=side * value - pnl,
        value_minor=side * value,
    )


async def current_account(tx: Transaction, challenge_id: UUID) -> UUID | None:
    """Return the account of the challenge's latest phase that the engine has opened."""
    return await store.find_latest_account(tx, challenge_id)


async def equity_curve(
    tx: Transaction, account_id: UUID, *, points_max: int = 500
) -> list[CurvePoint]:
    """
    Return at most `points_max` + 1 points of the account's recent past, oldest first.

    Recent: since its opening, or the last 6,000 items of the tape, whichever is shorter.
    """
    found = await loading.load_accounts(tx, [account_id], with_orders=False)
    if not found:
        return []
    account = found[0]
    _, opened_seq = await store.opened(tx, account_id)
    end = (await loading.load_market(tx)).price_seq
    first = max(opened_seq, end - CURVE_ITEMS_MAX)
    items = await market.read_tape(tx, after=first, limit=end - first) if end > first else _NO_ITEMS
    fills = await store.list_fills(tx, account_id, limit=None)
    every = -(-len(items) // points_max) or 1
    flows = await store.list_cash_flows(tx, account_id)
    return _curve(account, items, _in_order(fills, flows), every=every)


def _in_order(
    fills: Sequence[FillRecord], flows: Sequence[CashFlow]
) -> list[FillRecord | CashFlow]:
    """Return what changed the balance, oldest first."""
    numbered: list[tuple[int, FillRecord | CashFlow]] = [(each.number, each) for each in fills]
    numbered += [(each.fills, each) for each in flows]
    return [each for _, each in sorted(numbered, key=lambda one: one[0])]


def _curve(
    account: Account,
    items: Sequence[market.TapeItem],
    changes: Sequence[FillRecord | CashFlow],
    *,
    every: int,
) -> list[CurvePoint]:
    """Go through the tape once more, with the fills and cash of the time."""
    state = replace(account, positions={}, balance_minor=account.setup.initial_minor)
    left, marks, points = list(reversed(changes)), dict[str, Mark](), list[CurvePoint]()
    for number, item in enumerate(items, 1):
        if item.status == market.Status.VALID and item.symbol is not None:
            marks[item.symbol] = Mark(item.bid or 0, item.ask or 0, item.at_us, item.price_seq)
        while left and left[-1].price_seq <= item.price_seq:
            state = _after(state, left.pop())
        is_due = number % every == 0 or number == len(items)
        if is_due and _needed(state) <= marks.keys():
            equity = equity_minor(state, marks)
            points.append(
                CurvePoint(at_us=item.at_us, equity_minor=equity, balance_minor=state.balance_minor)
            )
    return points


def _after(account: Account, fill: FillRecord | CashFlow) -> Account:
    if isinstance(fill, CashFlow):
        return replace(account, balance_minor=fill.balance_minor)
    positions = {symbol: at for symbol, at in account.positions.items() if symbol != fill.symbol}
    if fill.position_qty:
        positions[fill.symbol] = Position(fill.position_qty, fill.position_cost)
    return replace(account, positions=positions, balance_minor=fill.balance_minor)


def _needed(account: Account) -> set[str]:
    """Return the symbols that the account's equity depends on."""
    by = (account.terms[symbol].conversion for symbol in account.positions)
    return {*account.positions, *(each.symbol for each in by if each is not None)}
