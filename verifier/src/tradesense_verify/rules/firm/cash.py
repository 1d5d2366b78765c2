"""
Cash: profit that leaves an account, and comes back where its payout did not arrive.

Only profit above the initial balance leaves, from an account that is active, not halted and
flat; and only where no limit would be broken afterwards. Each limit's seventh switch says what
cash does to its floor: see `Account.floor`.
"""

from collections.abc import Callable

from tradesense_verify.rules.account import Account
from tradesense_verify.rules.judge import crossed


def withdraw(account: Account, withdrawal_id: str, asked: int | None, input_seq: int) -> None:
    """Take `asked`, or all profit, out of the balance; or refuse for the first reason."""
    profit = account.balance - account.terms.initial_minor
    amount = profit if asked is None else asked
    reasons: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("account_not_active", lambda: account.status != "active"),
        ("account_halted", lambda: account.halted_for is not None),
        ("already_withdrawn", lambda: withdrawal_id in account.withdrawals),
        ("not_flat", lambda: bool(account.positions or account.orders)),
        ("no_profit", lambda: profit <= 0),
        ("amount_above_profit", lambda: amount <= 0 or amount > profit),
        ("would_cross_a_floor", lambda: _breaks(account, withdrawal_id, amount)),
    )
    refused = next((reason for reason, holds in reasons if holds()), None)
    if refused is not None:
        account.answer(
            "WithdrawalRefused",
            input_seq,
            withdrawal_id=withdrawal_id,
            asked_minor=asked,
            balance_minor=account.balance,
            reason=refused,
        )
        return
    _move(account, withdrawal_id, amount, outstanding=amount)
    _say_moved(account, "Withdrawn", withdrawal_id, amount, input_seq)


def restore(account: Account, withdrawal_id: str, input_seq: int) -> None:
    """Put back what is outstanding of the withdrawal; or refuse."""
    amount = account.withdrawals.get(withdrawal_id, 0)
    if account.status != "active" or not amount:
        active = account.status == "active"
        account.answer(
            "RestoreRefused",
            input_seq,
            withdrawal_id=withdrawal_id,
            amount_minor=amount,
            reason="unknown_withdrawal" if active else "account_not_active",
        )
        return
    _move(account, withdrawal_id, -amount, outstanding=0)
    _say_moved(account, "WithdrawalRestored", withdrawal_id, amount, input_seq)


def _breaks(account: Account, withdrawal_id: str, amount: int) -> bool:
    """Try it, look at the limits, and undo it."""
    _move(account, withdrawal_id, amount, outstanding=amount)
    breaks = bool(crossed(account))
    _move(account, withdrawal_id, -amount, outstanding=0)
    del account.withdrawals[withdrawal_id]
    return breaks


def _move(account: Account, withdrawal_id: str, out: int, *, outstanding: int) -> None:
    account.balance -= out
    account.out_today += out
    account.withdrawals[withdrawal_id] = outstanding


def _say_moved(
    account: Account, kind: str, withdrawal_id: str, amount: int, input_seq: int
) -> None:
    account.answer(
        kind,
        input_seq,
        withdrawal_id=withdrawal_id,
        amount_minor=amount,
        balance_minor=account.balance,
        fills=account.fills,
        floors=account.floors(),
    )
