"""
Judging: after every input guards first, then liquidation, then the target.

So a breach beats a target. Of several limits crossed at once the one with the higher floor
counts, because it was reached first; on equal floors the overall one.
"""

from datetime import date, timedelta

from tradesense_verify.rules.account import Account, derived_id
from tradesense_verify.rules.terms import Limit

_DAY = timedelta(days=1)


def crossed(account: Account) -> list[Limit]:
    """Return the limits that the account's equity breaks, the decisive one first."""
    equity = account.equity()
    broken = [
        limit
        for limit in account.terms.limits
        if equity < account.floor(limit) or (limit.at_or_below and equity == account.floor(limit))
    ]
    return sorted(broken, key=lambda limit: (-account.floor(limit), limit.follows_reset))


def is_waiting(account: Account) -> bool:
    """Tell whether a limit is broken by a price that its next quote has to confirm."""
    return bool(crossed(account)) and _depends_on_silence(account)


def settle(account: Account) -> None:
    """Judge the account; close it for good once it is judged and flat."""
    if account.status == "active":
        broken = crossed(account)
        if broken and not _depends_on_silence(account):
            _breach(account, broken[0])
    if account.status == "active":
        _reach_target(account)
    if account.status not in {"active", "closed"} and not account.positions:
        account.status = "closed"
        account.say("AccountClosed", reason=account.ended_for, balance_minor=account.balance)


def wind_up(account: Account, status: str, reason: str) -> None:
    """Cancel what is at work; close what has a fresh quote. The rest closes at its next one."""
    account.status, account.ended_for = status, reason
    for order in list(account.orders):
        account.cancel(order, reason)
    for symbol in sorted(account.positions):
        if account.is_fresh(symbol):
            liquidate(account, symbol)


def liquidate(account: Account, symbol: str) -> None:
    """Close a position at the last quote, because the account has ended."""
    order_id = derived_id(account.account_id, "liquidation", symbol)
    qty = account.positions[symbol].qty
    account.fill(order_id, symbol, -qty, liquidation=account.ended_for)


def roll(account: Account, day: date) -> None:
    """Begin `day`: day orders end, every missed day rolls in order, the account is judged."""
    if account.status != "active" or day <= account.day:
        return
    for order in [each for each in account.orders if each.tif == "day"]:
        account.cancel(order, "day_ended")
    while account.day < day:
        opened = account.opened_day == account.day
        account.day += _DAY
        account.reset_balance, account.out_today = account.balance, 0
        account.say(
            "DayRolled",
            day=account.day.isoformat(),
            opened=opened,
            days_opened=account.days_opened,
            balance_minor=account.balance,
            equity_minor=account.equity(),
            floors=account.floors(),
        )
    settle(account)


def _depends_on_silence(account: Account) -> bool:
    needed = set(account.positions)
    needed |= {c.symbol for each in needed if (c := account.scales[each].conversion)}
    return any(account.must_quote_first(symbol) for symbol in needed)


def _breach(account: Account, limit: Limit) -> None:
    account.say(
        "GuardBreached",
        account_id=account.account_id,
        challenge_id=account.challenge_id,
        phase=account.terms.phase,
        guard=limit.name,
        measure="equity",
        comparison="at_or_below" if limit.at_or_below else "below",
        floor_minor=account.floor(limit),
        value_minor=account.equity(),
        balance_minor=account.balance,
        reset_balance_minor=account.day_reference(limit),
        day=account.day.isoformat(),
        fills=account.fills,
        legs=[_leg(account, symbol) for symbol in sorted(account.positions)],
    )
    wind_up(account, "breached", "breached")


def _leg(account: Account, symbol: str) -> dict[str, object]:
    position, price = account.positions[symbol], account.closing_price(symbol)
    gain = position.qty * price >= position.cost
    by = account.conversion_quote(symbol)
    return {
        "symbol": symbol,
        "qty": position.qty,
        "cost": position.cost,
        "price": price,
        "quote_seq": account.quotes[symbol].seq,
        "conversion_price": account.conversion_price(symbol, gain=gain),
        "conversion_seq": None if by is None else by.seq,
        "pnl_minor": account.floating(symbol),
    }


def _reach_target(account: Account) -> None:
    target = account.terms.target_minor
    if target is None or account.positions:
        return
    profit = account.profit()
    if profit < target or account.days_opened < account.terms.days_min:
        return
    account.say(
        "TargetReached",
        account_id=account.account_id,
        challenge_id=account.challenge_id,
        phase=account.terms.phase,
        profit_minor=profit,
        target_minor=target,
        balance_minor=account.balance,
        days_opened=account.days_opened,
        days_min=account.terms.days_min,
        fills=account.fills,
        day=account.day.isoformat(),
    )
    wind_up(account, "passed", "passed")
