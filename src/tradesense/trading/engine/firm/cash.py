"""
Cash: profit that leaves an account, and comes back where its payout did not arrive.

Only profit above the initial balance leaves, only while the account is active, not halted and
flat. What it does to each floor is the limit's seventh switch: see `turn.floor_minor`. A
withdrawal that would cross a floor as it would then stand is refused. Neither direction counts
as profit or loss.
"""

from dataclasses import replace
from uuid import UUID

from tradesense.trading.engine.judging import crossed_guards
from tradesense.trading.engine.state import Account
from tradesense.trading.engine.turn import Turn, floors
from tradesense.trading.model import (
    Reason,
    RestoreRefused,
    WithdrawalRefused,
    WithdrawalRestored,
    Withdrawn,
)


def withdraw(turn: Turn, withdrawal_id: UUID, asked_minor: int | None) -> None:
    """Take `asked_minor`, or (None) all profit there is, out of the balance; all or nothing."""
    account = turn.account
    profit = account.balance_minor - account.setup.initial_minor
    amount = profit if asked_minor is None else asked_minor
    after = _after(account, withdrawal_id, -amount)
    reason = _refusal(account, after, withdrawal_id, amount, profit)
    if reason is not None:
        turn.say(
            WithdrawalRefused(
                **turn.named(),
                withdrawal_id=withdrawal_id,
                asked_minor=asked_minor,
                balance_minor=account.balance_minor,
                reason=reason,
            )
        )
        return
    turn.account = after
    turn.say(
        Withdrawn(
            **turn.named(),
            withdrawal_id=withdrawal_id,
            amount_minor=amount,
            balance_minor=after.balance_minor,
            fills=after.fills,
            floors=floors(after),
        )
    )


def restore(turn: Turn, withdrawal_id: UUID) -> None:
    """Put a withdrawal back, once, into an account that is still active; halted or not."""
    account = turn.account
    amount = account.withdrawals.get(withdrawal_id, 0)
    if not account.is_active or amount == 0:
        unknown = account.is_active
        turn.say(
            RestoreRefused(
                **turn.named(),
                withdrawal_id=withdrawal_id,
                amount_minor=amount,
                reason=Reason.UNKNOWN_WITHDRAWAL if unknown else Reason.NOT_ACTIVE,
            )
        )
        return
    turn.account = after = _after(account, withdrawal_id, amount)
    turn.say(
        WithdrawalRestored(
            **turn.named(),
            withdrawal_id=withdrawal_id,
            amount_minor=amount,
            balance_minor=after.balance_minor,
            fills=after.fills,
            floors=floors(after),
        )
    )


def _refusal(  # noqa: PLR0911 -- a column of guards, each with its named result
    account: Account, after: Account, withdrawal_id: UUID, amount: int, profit: int
) -> Reason | None:
    """Return why the money stays; the first reason that holds."""
    if not account.is_active:
        return Reason.NOT_ACTIVE
    if account.halted_for is not None:
        return Reason.HALTED
    if withdrawal_id in account.withdrawals:
        return Reason.ALREADY_WITHDRAWN
    if account.positions or account.orders:
        return Reason.NOT_FLAT
    if profit <= 0:
        return Reason.NO_PROFIT
    if not 0 < amount <= profit:
        return Reason.ABOVE_PROFIT
    if crossed_guards(after, after.balance_minor):
        return Reason.WOULD_CROSS_FLOOR
    return None


def _after(account: Account, withdrawal_id: UUID, amount: int) -> Account:
    """Return the account with `amount` more (negative: less), and the withdrawal as it stands."""
    return replace(
        account,
        balance_minor=account.balance_minor + amount,
        cash_today_minor=account.cash_today_minor + amount,
        withdrawals={**account.withdrawals, withdrawal_id: max(0, -amount)},
    )
