"""How an honoured payment stands after refunds and disputes."""

from dataclasses import replace

from tradesense.infra.db import Transaction
from tradesense.payments import rules
from tradesense.payments.model import Payment
from tradesense.payments.store import disputes, refunds
from tradesense.payments.store import payments as store


async def restate(tx: Transaction, payment: Payment) -> tuple[Payment, int]:
    """
    Bring a payment's status in line with what has gone back or is disputed.

    The payment is held by `tx`. Returns it, and what is still with us of it, in minor units.
    """
    receipt = await store.find_honoured(tx, payment.payment_id)
    if receipt is None:
        return payment, 0
    refunded = await refunds.sent_back_minor(tx, receipt.provider, receipt.provider_ref)
    all_disputes = await disputes.list_disputes(tx, payment.payment_id)
    own = [each for each in all_disputes if each.payment_ref == receipt.provider_ref]
    status = rules.standing(receipt.amount_minor, refunded_minor=refunded, disputes=own)
    kept = rules.kept_minor(receipt.amount_minor, refunded_minor=refunded, disputes=own)
    after = replace(payment, status=status)
    if after != payment:
        await store.save_status(tx, after)
    return after, kept
