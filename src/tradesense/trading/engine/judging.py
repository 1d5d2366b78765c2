"""
Judging: which guards are crossed, what a breach does, when a target is reached.

Order at every judging input: guards, liquidation, targets; so a breach beats a target. Of
several crossed guards the one with the higher floor counts (it was reached first), on equal
floors the static one, which is the overall limit.
"""

from collections.abc import Mapping
from dataclasses import replace

from tradesense.kernel.ids import derive
from tradesense.trading.engine.arithmetic import Mark, closing_price, pnl_minor, rate_price
from tradesense.trading.engine.sessions import is_fresh, must_quote_first
from tradesense.trading.engine.state import Account
from tradesense.trading.engine.turn import (
    Turn,
    conversion_mark,
    day_reference_minor,
    equity_minor,
    fill,
    floor_minor,
)
from tradesense.trading.model import (
    AccountClosed,
    AccountStatus,
    Comparison,
    Guard,
    GuardBreached,
    Leg,
    Measure,
    Reason,
    Static,
    TargetReached,
)


def settle(turn: Turn) -> None:
    """Judge the account after an input took effect, and close it once it is done."""
    if turn.account.is_active:
        _judge_guards(turn)
    if turn.account.is_active:
        _judge_target(turn)
    status = turn.account.status
    if status not in {AccountStatus.ACTIVE, AccountStatus.CLOSED} and not turn.account.positions:
        _close(turn)


def is_crossed(account: Account, guard: Guard, equity: int) -> bool:
    """Whether the guard's tested value is past its floor."""
    value = equity if guard.measure is Measure.EQUITY else account.balance_minor
    floor = floor_minor(account, guard)
    return value <= floor if guard.comparison is Comparison.AT_OR_BELOW else value < floor


def crossed_guards(account: Account, equity: int) -> list[Guard]:
    """Return the crossed guards, the decisive one first."""
    crossed = [guard for guard in account.setup.guards if is_crossed(account, guard, equity)]
    crossed.sort(
        key=lambda guard: (-floor_minor(account, guard), not isinstance(guard.recipe, Static))
    )
    return crossed


def is_waiting(turn: Turn) -> bool:
    """Whether an equity guard is crossed by a price that must be confirmed by its next quote."""
    account = turn.account
    crossed = crossed_guards(account, equity_minor(account, turn.market.marks))
    return bool(crossed) and _depends_on_silent_leg(turn)


def _depends_on_silent_leg(turn: Turn) -> bool:
    account, marks = turn.account, turn.market.marks
    needed = set(account.positions)
    for symbol in account.positions:
        by = account.terms[symbol].conversion
        if by is not None:
            needed.add(by.symbol)
    return any(
        must_quote_first(account.terms[symbol].instrument, marks[symbol], turn.now_us)
        for symbol in needed
    )


def _judge_guards(turn: Turn) -> None:
    account = turn.account
    equity = equity_minor(account, turn.market.marks)
    crossed = crossed_guards(account, equity)
    if crossed and _depends_on_silent_leg(turn):
        crossed = [guard for guard in crossed if guard.measure is Measure.BALANCE]
    if crossed:
        _breach(turn, crossed[0], equity)


def _breach(turn: Turn, guard: Guard, equity: int) -> None:
    account = turn.account
    turn.say(
        GuardBreached(
            account_id=account.setup.account_id,
            challenge_id=account.setup.challenge_id,
            phase=account.setup.phase,
            price_seq=turn.price_seq,
            guard=guard.name,
            measure=guard.measure,
            comparison=guard.comparison,
            floor_minor=floor_minor(account, guard),
            value_minor=equity if guard.measure is Measure.EQUITY else account.balance_minor,
            balance_minor=account.balance_minor,
            reset_balance_minor=day_reference_minor(account, guard),
            day=account.day,
            fills=account.fills,
            legs=_legs(account, turn.market.marks),
        )
    )
    wind_up(turn, AccountStatus.BREACHED, Reason.BREACHED)


def _legs(account: Account, marks: Mapping[str, Mark]) -> tuple[Leg, ...]:
    return tuple(_leg(account, symbol, marks) for symbol in sorted(account.positions))


def _leg(account: Account, symbol: str, marks: Mapping[str, Mark]) -> Leg:
    position, terms, mark = account.positions[symbol], account.terms[symbol], marks[symbol]
    by = conversion_mark(terms, marks)
    price = closing_price(position.qty, mark)
    gain = position.qty * price >= position.cost
    return Leg(
        symbol=symbol,
        qty=position.qty,
        cost=position.cost,
        price=price,
        quote_seq=mark.price_seq,
        conversion_price=None if by is None else rate_price(terms, by, gain=gain),
        conversion_seq=None if by is None else by.price_seq,
        pnl_minor=pnl_minor(terms, position.qty, position.cost, price, by),
    )


def wind_up(turn: Turn, status: AccountStatus, reason: Reason) -> None:
    """Cancel every order and close every leg that a fresh quote allows; the rest follow later."""
    turn.account = replace(turn.account, status=status, ended_for=reason)
    for order in turn.account.orders:
        turn.cancel(order, reason)
    for symbol in sorted(turn.account.positions):
        instrument = turn.account.terms[symbol].instrument
        if is_fresh(instrument, turn.market.marks[symbol], turn.now_us):
            liquidate(turn, symbol)


def liquidate(turn: Turn, symbol: str) -> None:
    """Close the whole position at the closing side of its mark, under the account's end."""
    account = turn.account
    order_id = derive(account.setup.account_id, "liquidation", symbol)
    qty = account.positions[symbol].qty
    fill(turn, order_id, symbol, -qty, liquidation=account.ended_for)


def _judge_target(turn: Turn) -> None:
    account, target = turn.account, turn.account.setup.target
    if target is None or account.positions:
        return
    profit = account.profit_minor
    if profit < target.profit_minor or account.days_opened < target.days_min:
        return
    turn.say(
        TargetReached(
            account_id=account.setup.account_id,
            challenge_id=account.setup.challenge_id,
            phase=account.setup.phase,
            price_seq=turn.price_seq,
            profit_minor=profit,
            target_minor=target.profit_minor,
            balance_minor=account.balance_minor,
            days_opened=account.days_opened,
            days_min=target.days_min,
            day=account.day,
            fills=account.fills,
        )
    )
    wind_up(turn, AccountStatus.PASSED, Reason.PASSED)


def _close(turn: Turn) -> None:
    account = turn.account
    reason = account.ended_for or Reason.CLOSED
    turn.account = replace(account, status=AccountStatus.CLOSED)
    turn.say(
        AccountClosed(price_seq=turn.price_seq, reason=reason, balance_minor=account.balance_minor)
    )
