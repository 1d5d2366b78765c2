"""
Money of a payment that goes back by another way than a refund, such as with a payout.

What is set aside cannot be refunded as well, and what was refunded cannot be set aside: both
hold the payment while they look.
"""

from datetime import datetime
from uuid import UUID

from tradesense import trail
from tradesense.infra.db import Transaction
from tradesense.kernel.events import Event
from tradesense.kernel.money import Money
from tradesense.payments.model import Aside, RestPutBack, RestSetAside
from tradesense.payments.refunds.service import refundable
from tradesense.payments.store import asides
from tradesense.payments.store import payments as store
from tradesense.trail.model import Fact


async def set_aside(
    tx: Transaction, *, payment_id: UUID, aside_id: UUID, most: Money, by: str, now: datetime
) -> int:
    """
    Keep up to `most` of a payment from being refunded; return how much, in minor units.

    It is what is left of an honoured payment of that currency, 0 if nothing is; of what was
    never paid through us nothing can be refunded, so it is all. A second time changes nothing.
    """
    payment = await store.lock_payment(tx, payment_id)
    known = await asides.find_aside(tx, aside_id)
    if known is not None:
        return known.amount.minor
    minor = most.minor
    if payment is not None:
        receipt = await store.find_honoured(tx, payment_id)
        if receipt is None or receipt.currency != most.currency:
            return 0
        minor = min(minor, await refundable(tx, payment, receipt))
    if minor <= 0:
        return 0
    aside = Aside(aside_id=aside_id, payment_id=payment_id, amount=Money(minor, most.currency))
    await asides.add_aside(tx, aside, now=now)
    event = RestSetAside(aside_id, payment_id, minor, most.currency)
    await _record(tx, aside, event, by, now)
    return minor


async def put_back(tx: Transaction, *, aside_id: UUID, by: str, now: datetime) -> None:
    """Let what was set aside be refunded again: it did not go back. Nothing set aside is fine."""
    aside = await asides.find_aside(tx, aside_id)
    if aside is None:
        return
    await store.lock_payment(tx, aside.payment_id)
    if await asides.end_aside(tx, aside_id, now=now):
        event = RestPutBack(aside_id, aside.payment_id, aside.amount.minor, aside.amount.currency)
        await _record(tx, aside, event, by, now)


async def _record(tx: Transaction, aside: Aside, event: Event, by: str, now: datetime) -> None:
    stream = f"payment:{aside.payment_id}"
    await trail.record(tx, Fact(event=event, stream=stream, at=now, by=by))
