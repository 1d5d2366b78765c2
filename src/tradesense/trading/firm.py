"""
The verbs by which the firm asks something of an account: halts, resumes, withdrawals.

As with a trader's, each is a command in the caller's transaction; the engine answers on
`account:<id>`, in its own order with prices and orders.
"""

from datetime import datetime
from uuid import UUID

from tradesense.infra.db import Transaction
from tradesense.kernel.canonical import canonical
from tradesense.kernel.errors import Conflict, Invalid, NotFound
from tradesense.kernel.instants import to_us
from tradesense.trading import store
from tradesense.trading.model import MINOR_MAX, Reason
from tradesense.trading.service import require_account


class WithdrawalAskedDifferently(Conflict):
    """A withdrawal of this id was asked for before, of another account or with another amount."""

    code = "trading.withdrawal_asked_differently"


class UnknownWithdrawal(NotFound):
    """Nobody ever asked this account for such a withdrawal."""

    code = "trading.unknown_withdrawal"


async def request_halt(tx: Transaction, *, account_id: UUID, reason: Reason, now: datetime) -> None:
    """
    Ask that the account take no new orders: AccountHalted follows, or HaltRejected.

    Orders at work are cancelled, except closing ones; positions stay and are judged as ever.
    """
    await _ask(tx, account_id, kind="halt", body={"reason": reason.value}, now=now)


async def request_resume(tx: Transaction, *, account_id: UUID, now: datetime) -> None:
    """Ask that a halted account trade again: AccountResumed follows, or ResumeRejected."""
    await _ask(tx, account_id, kind="resume", body={}, now=now)


async def request_withdrawal(
    tx: Transaction,
    *,
    account_id: UUID,
    withdrawal_id: UUID,
    amount_minor: int | None,
    now: datetime,
) -> None:
    """
    Ask for `amount_minor` of the account's profit, or (None) for all of it.

    Withdrawn follows, or WithdrawalRefused, which is final for this id. The same id with the
    same amount again changes nothing. Raises Invalid, UnknownAccount, WithdrawalAskedDifferently.
    """
    if amount_minor is not None and not 0 < amount_minor <= MINOR_MAX:
        raise Invalid(f"withdraw 1 to {MINOR_MAX} minor units, or leave the amount out for all")
    body: dict[str, object] = {"amount_minor": amount_minor}
    if await _ask(tx, account_id, kind="withdraw", body=body, now=now, about=withdrawal_id):
        return
    if not await store.has_asked_withdrawal(
        tx, account_id=account_id, withdrawal_id=withdrawal_id, amount_minor=amount_minor
    ):
        raise WithdrawalAskedDifferently(
            f"withdrawal {withdrawal_id} was asked for with another account or amount"
        )


async def request_restore(
    tx: Transaction, *, account_id: UUID, withdrawal_id: UUID, now: datetime
) -> None:
    """
    Ask to put a withdrawal back: WithdrawalRestored follows, or RestoreRefused.

    Asking again changes nothing. Raises UnknownAccount, UnknownWithdrawal.
    """
    if not await store.has_asked_withdrawal(tx, account_id=account_id, withdrawal_id=withdrawal_id):
        raise UnknownWithdrawal(f"account {account_id} has no withdrawal {withdrawal_id}")
    await _ask(tx, account_id, kind="restore", body={}, now=now, about=withdrawal_id)


async def _ask(
    tx: Transaction,
    account_id: UUID,
    *,
    kind: str,
    body: dict[str, object],
    now: datetime,
    about: UUID | None = None,
) -> bool:
    """Ask, waking the engine; return False where the same thing was asked about before."""
    await require_account(tx, account_id)
    return await store.ask(
        tx,
        account_id=account_id,
        kind=kind,
        order_id=about,
        body=canonical(body).decode(),
        asked_us=to_us(now),
    )
