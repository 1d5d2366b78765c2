"""
Steps: the effect of one input on one account. Each is total and pure: values in, values out.

The order of effects of a price: late market orders refused, triggered orders filled in their
sequence, guards, liquidation, targets. A reset: day orders end, the snapshot with the last
prices before it, new floors, then the same judgement at once.
"""

from dataclasses import replace
from datetime import date, timedelta
from typing import assert_never

from tradesense.kernel.errors import InvariantBroken
from tradesense.kernel.events import Event
from tradesense.trading.engine import orders
from tradesense.trading.engine.firm import cash, halts
from tradesense.trading.engine.judging import is_waiting, liquidate, settle, wind_up
from tradesense.trading.engine.sessions import local_day
from tradesense.trading.engine.state import (
    Account,
    Cancel,
    Close,
    CloseAccount,
    Command,
    Halt,
    Market,
    Open,
    Place,
    Restore,
    Resume,
    Withdraw,
    new_account,
)
from tradesense.trading.engine.turn import Turn, equity_minor, floors
from tradesense.trading.model import (
    AccountClosing,
    AccountOpened,
    AccountSetup,
    AccountStatus,
    CancelRejected,
    DayRolled,
    Reason,
    TimeInForce,
)

_DAY = timedelta(days=1)
Stepped = tuple[Account, list[Event]]


def on_quote(account: Account, market: Market, symbol: str) -> Stepped:
    """Return the account after `symbol` was quoted; the market holds that quote already."""
    turn = Turn(account, market, market.feed_us)
    if account.is_active:
        mark = market.marks[symbol]
        for order in account.orders:
            if order.symbol == symbol and orders.is_triggered(order, mark):
                orders.execute(turn, order)
    elif symbol in account.positions:
        liquidate(turn, symbol)
    if turn.events or _is_judged_by(account, symbol):
        settle(turn)
    return turn.account, turn.events


def _is_judged_by(account: Account, symbol: str) -> bool:
    """Whether a price of `symbol` is a judging input: held, ordered, or converting."""
    if symbol in account.positions or any(order.symbol == symbol for order in account.orders):
        return True
    by = (account.terms[held].conversion for held in account.positions)
    return any(each is not None and each.symbol == symbol for each in by)


def on_time(account: Account, market: Market) -> Stepped:
    """Return the account after the feed's time has moved: late market orders are refused."""
    turn = Turn(account, market, market.feed_us)
    for order in account.orders:
        if order.deadline_us is not None and order.deadline_us < market.feed_us:
            orders.reject_accepted(turn, order, Reason.STALE_PRICE)
    return turn.account, turn.events


def on_reset(account: Account, market: Market, day: date) -> Stepped:
    """Return the account after the reset that begins `day`; missed days roll one by one."""
    turn = Turn(account, market, market.feed_us)
    if not account.is_active or day <= account.day:
        return account, []
    for order in account.orders:
        if order.tif is TimeInForce.DAY:
            turn.cancel(order, Reason.DAY_ENDED)
    while turn.account.day < day:
        _roll(turn)
    settle(turn)
    return turn.account, turn.events


def _roll(turn: Turn) -> None:
    ended = turn.account
    turn.account = replace(
        ended,
        day=ended.day + _DAY,
        reset_balance_minor=ended.balance_minor,
        cash_today_minor=0,
    )
    turn.say(
        DayRolled(
            price_seq=turn.price_seq,
            day=turn.account.day,
            opened=ended.opened_day == ended.day,
            days_opened=ended.days_opened,
            balance_minor=ended.balance_minor,
            equity_minor=equity_minor(ended, turn.market.marks),
            floors=floors(turn.account),
        )
    )


def open_account(setup: AccountSetup, market: Market, *, asked_us: int) -> Stepped:
    """Return the account of `setup`, opened at the tape's present number."""
    now_us = max(market.feed_us, asked_us)
    day = local_day(setup.reset, now_us)
    account = replace(new_account(setup, day), input_seq=1)
    turn = Turn(account, market, now_us, input_seq=1)
    turn.say(
        AccountOpened(
            account_id=setup.account_id,
            challenge_id=setup.challenge_id,
            phase=setup.phase,
            price_seq=market.price_seq,
            input_seq=1,
            currency=setup.currency,
            initial_minor=setup.initial_minor,
            leverage=setup.leverage,
            reset=setup.reset,
            day=day,
            floors=floors(account),
            terms_sha256=setup.terms_sha256,
        )
    )
    settle(turn)
    return turn.account, turn.events


def on_command(account: Account, market: Market, command: Command) -> Stepped:
    """Return the account after a command; every command leaves an event with its `input_seq`."""
    account = replace(account, input_seq=account.input_seq + 1)
    now_us = max(market.feed_us, command.asked_us)
    turn = Turn(account, market, now_us, input_seq=account.input_seq)
    match command.ask:
        case Place(order_id, request):
            waiting = is_waiting(turn)
            orders.place(turn, order_id, request, asked_us=command.asked_us, waiting=waiting)
        case Close(order_id, request):
            waiting = is_waiting(turn)
            orders.close(turn, order_id, request, asked_us=command.asked_us, waiting=waiting)
        case Cancel():
            _cancel(turn, command.ask)
        case Open():
            raise InvariantBroken(f"account {command.account_id} is open already")
        case _:
            _obey_firm(turn, command.ask)
    settle(turn)
    return turn.account, turn.events


def _obey_firm(turn: Turn, ask: CloseAccount | Halt | Resume | Withdraw | Restore) -> None:
    match ask:
        case CloseAccount(reason):
            seq = turn.account.input_seq
            turn.say(AccountClosing(price_seq=turn.price_seq, input_seq=seq, reason=reason))
            if turn.account.is_active:
                wind_up(turn, AccountStatus.CLOSING, reason)
        case Halt(reason):
            halts.halt(turn, reason)
        case Resume():
            halts.resume(turn)
        case Withdraw(withdrawal_id, amount_minor):
            cash.withdraw(turn, withdrawal_id, amount_minor)
        case Restore(withdrawal_id):
            cash.restore(turn, withdrawal_id)
        case _:
            assert_never(ask)


def _cancel(turn: Turn, ask: Cancel) -> None:
    for order in turn.account.orders:
        if order.order_id == ask.order_id:
            turn.cancel(order, Reason.REQUESTED, asked=True)
            return
    turn.say(
        CancelRejected(
            order_id=ask.order_id,
            price_seq=turn.price_seq,
            input_seq=turn.account.input_seq,
            reason=Reason.UNKNOWN_ORDER,
        )
    )
