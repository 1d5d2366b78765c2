"""The verbs of money that we send: order it, write it for the bank, see it on a statement."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tradesense import ledger, trail
from tradesense.infra.db import Transaction
from tradesense.kernel.events import Event
from tradesense.kernel.money import Money
from tradesense.ledger.model import Transfer
from tradesense.payments.bank import model
from tradesense.payments.bank.model import (
    BankAccount,
    BankLine,
    LineKind,
    Outgoing,
    OutgoingKind,
    OutgoingStatus,
)
from tradesense.payments.bank.refusals import OutgoingDiffers
from tradesense.payments.bank.rules import books
from tradesense.payments.bank.rules.accounts import require_payable
from tradesense.payments.bank.service.matching import SYSTEM, record_applied
from tradesense.payments.bank.service.offers import find_account
from tradesense.payments.bank.store import lines as lines_store
from tradesense.payments.bank.store import outgoing as store
from tradesense.payments.model import ProviderRefund, RefundStatus
from tradesense.payments.refunds import following as refunds
from tradesense.payments.store import refunds as payments
from tradesense.trail.model import Fact

EXPORT_MAX = 1_000  # transfers in one file for the bank


async def order_transfer(
    tx: Transaction,
    *,
    outgoing_id: UUID,
    kind: OutgoingKind,
    amount: Money,
    creditor: str,
    creditor_account: str,
    text: str,
    debit_account: str,
    now: datetime,
    refers_to: str = "",
    by: str = SYSTEM,
) -> Outgoing:
    """
    Order a transfer to `creditor_account`; it is paid once a statement shows it.

    It leaves the book account `debit_account` then, and OutgoingPaid is published. A second time
    returns the order as it stands. Raises BadAccount, ProviderRefused without an account of
    the currency, or OutgoingDiffers.
    """
    require_payable(creditor, creditor_account)
    own = await find_account(tx, amount.currency)
    order = Outgoing(
        outgoing_id=outgoing_id,
        kind=kind,
        refers_to=refers_to,
        end_to_end_id=f"TS{outgoing_id.hex}",
        account=own.account,
        amount_minor=amount.minor,
        currency=amount.currency,
        creditor=creditor,
        creditor_account=creditor_account,
        text=text,
        debit_account=debit_account,
    )
    if not await store.add_outgoing(tx, order, now=now):
        known = await store.find_outgoing(tx, outgoing_id)
        told = (order.amount_minor, order.currency, order.creditor_account)
        if known is None or told != (known.amount_minor, known.currency, known.creditor_account):
            raise OutgoingDiffers(f"transfer {outgoing_id} was ordered otherwise before")
        return known
    event = model.OutgoingRequested(
        outgoing_id, kind, amount.minor, amount.currency, order.end_to_end_id
    )
    await _record(tx, order, event, by, now)
    return order


async def export_outgoing(
    tx: Transaction, *, currency: str, message_id: str, by: str, now: datetime
) -> tuple[BankAccount, Sequence[Outgoing]]:
    """
    Take the orders that wait, to be written into one file for the bank called `message_id`.

    The same `message_id` again returns the same orders, so a file that was lost can be written
    again; an empty one means that nothing waits. Raises ProviderRefused without an account.
    """
    own = await find_account(tx, currency)
    known = await store.list_outgoing(tx, message_id=message_id)
    if known:
        return own, sorted(known, key=lambda order: order.outgoing_id)
    orders = await store.take_to_send(tx, own.account, message_id, limit=EXPORT_MAX)
    for order in orders:
        event = model.OutgoingExported(order.outgoing_id, message_id)
        await _record(tx, order, event, by, now)
    return own, orders


async def recognise(tx: Transaction, lines: Sequence[BankLine], *, now: datetime) -> set[UUID]:
    """
    Say what those lines are that need nobody's judgement; return their ids.

    Our own transfers, by their end-to-end id and exact amount, and the bank's own charges.
    """
    ids = [line.end_to_end_id for line in lines if line.end_to_end_id]
    orders = await store.lock_by_end_to_end(tx, ids)
    known: set[UUID] = set()
    for line in lines:
        order = orders.get(line.end_to_end_id)
        if order is not None and _is_to_pay(order) and books.is_paid_by(order, line):
            await _pay(tx, order, line, now)
            orders[order.end_to_end_id] = await _reread(tx, order)
        elif order is not None and _may_return(order) and books.is_returned_by(order, line):
            await _return(tx, order, line, now)
            orders[order.end_to_end_id] = await _reread(tx, order)
        elif order is None and books.is_charge(line):
            counter = books.counter_account(LineKind.FEE, "", line.currency)
            await _apply(tx, line, LineKind.FEE, counter, now)
        else:
            continue
        known.add(line.line_id)
    return known


def _is_to_pay(order: Outgoing) -> bool:
    return order.status in {OutgoingStatus.REQUESTED, OutgoingStatus.EXPORTED}


def _may_return(order: Outgoing) -> bool:
    # A refund that comes back stays in `unapplied`, where it is owed to the buyer: a person
    # finds out how else to send it.
    return order.status is OutgoingStatus.PAID and order.kind is OutgoingKind.PAYOUT


async def _reread(tx: Transaction, order: Outgoing) -> Outgoing:
    return await store.find_outgoing(tx, order.outgoing_id) or order


async def _pay(tx: Transaction, order: Outgoing, line: BankLine, now: datetime) -> None:
    await _apply(tx, line, LineKind.OUTGOING, order.debit_account, now)
    await store.mark_paid(tx, order.outgoing_id, line.line_id)
    event = model.OutgoingPaid(
        order.outgoing_id, order.kind, order.amount_minor, order.currency, line.line_id
    )
    await _record(tx, order, event, SYSTEM, now)
    refund = await payments.find_refund(tx, order.outgoing_id)
    if order.kind is OutgoingKind.REFUND and refund is not None:
        seen = ProviderRefund(
            provider=books.MANUAL,
            ref=order.end_to_end_id,
            refund_id=order.outgoing_id,
            status=RefundStatus.SUCCEEDED,
            amount_minor=order.amount_minor,
            currency=order.currency,
        )
        await refunds.record_refund(tx, refund_id=order.outgoing_id, seen=seen, now=now)


async def _return(tx: Transaction, order: Outgoing, line: BankLine, now: datetime) -> None:
    await _apply(tx, line, LineKind.OUTGOING_RETURNED, order.debit_account, now)
    await store.mark_returned(tx, order.outgoing_id, line.line_id)
    event = model.OutgoingReturned(
        order.outgoing_id, order.kind, order.amount_minor, order.currency, line.line_id
    )
    await _record(tx, order, event, SYSTEM, now)


async def _apply(
    tx: Transaction, line: BankLine, kind: LineKind, counter: str, now: datetime
) -> None:
    transfer: Transfer = books.applied(line, counter, now)
    await lines_store.apply_line(
        tx, line, kind=kind, party="", match_id=None, transfer_id=transfer.id, now=now
    )
    await record_applied(tx, line, kind, "", by=SYSTEM, now=now)
    await ledger.post(tx, transfer, now=now, by=SYSTEM)


async def _record(tx: Transaction, order: Outgoing, event: Event, by: str, now: datetime) -> None:
    stream = f"bank-outgoing:{order.outgoing_id}"
    await trail.record(tx, Fact(event=event, stream=stream, at=now, by=by))
