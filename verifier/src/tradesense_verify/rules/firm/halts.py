"""
Halts: no new orders, but closes; what is at work and closes nothing is cancelled.

Limits, resets and targets go on meanwhile.
"""

from tradesense_verify.rules.account import Account


def halt(account: Account, reason: str, input_seq: int) -> None:
    """Halt the account, or say why not."""
    refused = _ended(account) or ("account_halted" if account.halted_for else None)
    if refused is not None:
        account.answer("HaltRejected", input_seq, asked=reason, reason=refused)
        return
    account.halted_for = reason
    account.answer("AccountHalted", input_seq, reason=reason)
    for order in list(account.orders):
        if not order.closing:
            account.cancel(order, "account_halted")


def resume(account: Account, input_seq: int) -> None:
    """Let the account trade again, or say why not."""
    refused = _ended(account) or (None if account.halted_for else "account_not_halted")
    if refused is not None:
        account.answer("ResumeRejected", input_seq, reason=refused)
        return
    account.halted_for = None
    account.answer("AccountResumed", input_seq)


def _ended(account: Account) -> str | None:
    if account.status == "active":
        return None
    return "account_closed" if account.status == "closed" else "account_not_active"
