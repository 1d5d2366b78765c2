"""
Halts: an account that takes no new orders, while its positions are judged as ever.

A halt cancels what is at work, except orders that close a position; closing stays allowed, so
that nobody is kept in a loss by us. Guards, resets and targets go on: a halt is no shelter.
"""

from dataclasses import replace

from tradesense.trading.engine.turn import Turn
from tradesense.trading.model import (
    AccountHalted,
    AccountResumed,
    AccountStatus,
    HaltRejected,
    Reason,
    ResumeRejected,
)


def halt(turn: Turn, reason: Reason) -> None:
    """Halt an active account that is not halted yet."""
    account = turn.account
    refused = _not_active(turn) or (Reason.HALTED if account.halted_for else None)
    if refused is not None:
        turn.say(HaltRejected(**turn.named(), asked=reason, reason=refused))
        return
    turn.account = replace(account, halted_for=reason)
    turn.say(AccountHalted(**turn.named(), reason=reason))
    for order in account.orders:
        if not order.closing:
            turn.cancel(order, Reason.HALTED)


def resume(turn: Turn) -> None:
    """Let a halted account trade again; what was cancelled stays cancelled."""
    account = turn.account
    refused = _not_active(turn) or (None if account.halted_for else Reason.NOT_HALTED)
    if refused is not None:
        turn.say(ResumeRejected(**turn.named(), reason=refused))
        return
    turn.account = replace(account, halted_for=None)
    turn.say(AccountResumed(**turn.named()))


def _not_active(turn: Turn) -> Reason | None:
    if turn.account.is_active:
        return None
    closed = turn.account.status is AccountStatus.CLOSED
    return Reason.CLOSED if closed else Reason.NOT_ACTIVE
