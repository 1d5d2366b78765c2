"""How a payout's money is ordered at our bank, the first time and again."""

from datetime import datetime
from uuid import UUID

from tradesense import payments
from tradesense.infra.db import Transaction
from tradesense.payouts import rules
from tradesense.payouts.model import Payee, Payout
from tradesense.payouts.refusals import NoBankAccount
from tradesense.payouts.service.saying import BY


async def order_transfer(
    tx: Transaction, payout: Payout, *, order_id: UUID, payee: Payee, text: str, now: datetime
) -> None:
    """
    Order all of the payout to `payee`, once under `order_id`.

    Raises NoBankAccount or BadAccount.
    """
    own = await payments.bank.list_accounts(tx)
    if payout.currency not in {account.currency for account in own}:
        raise NoBankAccount(f"we have no bank account in {payout.currency}; register one")
    await payments.bank.order_transfer(
        tx,
        outgoing_id=order_id,
        kind=payments.bank.OutgoingKind.PAYOUT,
        refers_to=str(payout.challenge_id),
        amount=payout.amount,
        creditor=payee.name,
        creditor_account=payee.account,
        text=text,
        debit_account=rules.in_transit(payout.currency),
        by=BY,
        now=now,
    )
