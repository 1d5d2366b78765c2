"""
What a provider shows of disputes, kept and booked.

    opened, amount withdrawn     debit disputes-held       credit clearing
    won                          debit clearing            credit disputes-held
    lost                         debit chargebacks         credit disputes-held
    reversed, after all          debit disputes-held       credit chargebacks, and as won

(What was lost before it was earned is taken from deferred revenue instead: it never was ours.)
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from tradesense import ledger, trail
from tradesense.infra.db import Transaction
from tradesense.kernel.events import Event
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.ledger.model import Transfer
from tradesense.payments import model, rules, standing
from tradesense.payments.model import (
    Dispute,
    DisputeStatus,
    Fate,
    Payment,
    ProviderDispute,
    Receipt,
)
from tradesense.payments.store import disputes as store
from tradesense.trail.model import Fact


async def note_seen(
    tx: Transaction,
    payment: Payment,
    receipt: Receipt,
    seen: Sequence[ProviderDispute],
    *,
    now: datetime,
) -> list[Transfer]:
    """
    Keep the disputes of a receipt as the provider shows them now; return what the books lack.

    A view seen before changes nothing, and what has ended stays as it ended, but for one thing:
    a bank may give back what was lost. The payment is held by `tx`.
    """
    known = {each.ref: each for each in await store.list_disputes(tx, payment.payment_id)}
    transfers: list[Transfer] = []
    for shown in seen:
        before = known.get(shown.ref)
        if before is not None and before.status is not DisputeStatus.OPEN:
            if (before.status, shown.status) == (DisputeStatus.LOST, DisputeStatus.WON):
                transfers += await _reverse(tx, payment, before, now)
            continue
        after, booked = _follow(payment, receipt, before, shown, now)
        transfers += booked
        if after == before:
            continue
        await store.save(tx, after, now=now)
        if before is None:
            await _record(tx, after, _opened(after), now)
        if after.status is not DisputeStatus.OPEN:
            _, kept = await standing.restate(tx, payment)
            await _record(tx, after, _ended(after, kept), now)
    return transfers


async def _reverse(
    tx: Transaction, payment: Payment, lost: Dispute, now: datetime
) -> list[Transfer]:
    """
    Keep that what was lost is ours again; return what the books lack.

    It comes back from where it was written off to, whatever was earned meanwhile.
    """
    won = replace(lost, status=DisputeStatus.WON)
    transfers = []
    if lost.ended_id is not None:
        written_off = await ledger.find_transfer(tx, lost.ended_id)
        if written_off is None:
            raise LookupError(f"no transfer {lost.ended_id} of dispute {lost.ref} in the books")
        held, bearer = written_off.credit, written_off.debit
        clearing = rules.clearing_account(lost.provider, lost.currency)
        undone = _transfer(lost, "reversed", held, bearer, now)
        back = _transfer(lost, "won", clearing, held, now)
        transfers = [replace(undone, reverses=written_off.id), back]
        won = replace(won, reversal_id=undone.id, ended_id=back.id)
    await store.save(tx, won, now=now)
    await standing.restate(tx, payment)
    reversed_ = model.DisputeReversed(
        payment_id=won.payment_id,
        purchase_id=won.purchase_id,
        provider=won.provider,
        dispute_ref=won.ref,
        amount_minor=won.amount_minor,
        currency=won.currency,
    )
    await _record(tx, won, reversed_, now)
    return transfers


def _follow(
    payment: Payment,
    receipt: Receipt,
    before: Dispute | None,
    shown: ProviderDispute,
    now: datetime,
) -> tuple[Dispute, list[Transfer]]:
    """Return the dispute as it stands now, and the transfers that bring the books there."""
    after = before or Dispute(
        provider=shown.provider,
        ref=shown.ref,
        payment_id=payment.payment_id,
        purchase_id=payment.purchase_id,
        payment_ref=receipt.provider_ref,
        status=DisputeStatus.OPEN,
        amount_minor=shown.amount_minor,
        currency=shown.currency,
        reason=shown.reason,
    )
    transfers = []
    after = replace(after, status=shown.status)
    clearing = rules.clearing_account(after.provider, after.currency)
    held = f"disputes-held:{after.currency}"
    has_books = rules.has_books(after.currency)
    is_taken = shown.is_withdrawn or shown.status is DisputeStatus.LOST
    if is_taken and after.held_id is None and has_books:
        taken = _transfer(after, "held", held, clearing, now)
        transfers.append(taken)
        after = replace(after, held_id=taken.id)
    if after.held_id is not None and shown.status is DisputeStatus.WON:
        back = _transfer(after, "won", clearing, held, now)
        transfers.append(back)
        after = replace(after, ended_id=back.id)
    if after.held_id is not None and shown.status is DisputeStatus.LOST:
        is_earned = payment.is_earned or receipt.fate is Fate.RETURNED
        bearer = rules.spent_account(is_earned=is_earned, currency=after.currency, by_force=True)
        gone = _transfer(after, "lost", bearer, held, now)
        transfers.append(gone)
        after = replace(after, ended_id=gone.id)
    return after, transfers


def _transfer(dispute: Dispute, what: str, debit: str, credit: str, now: datetime) -> Transfer:
    return Transfer(
        id=derive(dispute.payment_id, "dispute", dispute.provider, dispute.ref, what),
        debit=debit,
        credit=credit,
        amount=Money(dispute.amount_minor, dispute.currency),
        reason=f"dispute {what}",
        effective_at=now,
    )


def _opened(dispute: Dispute) -> Event:
    return model.DisputeOpened(
        payment_id=dispute.payment_id,
        purchase_id=dispute.purchase_id,
        provider=dispute.provider,
        dispute_ref=dispute.ref,
        amount_minor=dispute.amount_minor,
        currency=dispute.currency,
        reason=dispute.reason,
    )


def _ended(dispute: Dispute, kept_minor: int) -> Event:
    if dispute.status is DisputeStatus.WON:
        return model.DisputeWon(
            payment_id=dispute.payment_id,
            purchase_id=dispute.purchase_id,
            provider=dispute.provider,
            dispute_ref=dispute.ref,
            amount_minor=dispute.amount_minor,
            currency=dispute.currency,
        )
    return model.DisputeLost(
        payment_id=dispute.payment_id,
        purchase_id=dispute.purchase_id,
        provider=dispute.provider,
        dispute_ref=dispute.ref,
        amount_minor=dispute.amount_minor,
        currency=dispute.currency,
        kept_minor=kept_minor,
    )


async def _record(tx: Transaction, dispute: Dispute, event: Event, now: datetime) -> None:
    stream = f"payment:{dispute.payment_id}"
    await trail.record(tx, Fact(event=event, stream=stream, at=now, by="system:payments"))
