"""The verbs of sending owed money again. Each takes the caller's transaction, never commits it."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from tradesense import ledger, payments
from tradesense.infra.db import Transaction
from tradesense.kernel.events import Event
from tradesense.payouts import rules as payout_rules
from tradesense.payouts.model import Payee, Payout
from tradesense.payouts.refusals import UnknownResend
from tradesense.payouts.resending import model, rules, store
from tradesense.payouts.resending.model import Resend, ResendStatus
from tradesense.payouts.service.clearing import require_known, require_sendable
from tradesense.payouts.service.saying import BY, lock, require_told, say
from tradesense.payouts.service.sending import order_transfer
from tradesense.trail.model import Entry


async def propose(
    tx: Transaction,
    *,
    resend_id: UUID,
    payout_id: UUID,
    payee: Payee | None,
    reason: str,
    by: str,
    now: datetime,
) -> Resend:
    """
    Say that what a payout left owed be sent to `payee` (None: where it was sent before).

    Raises BadRequest, BadAccount, UnknownPayout, OwnRequest, NotOwed, ResendPending,
    IdentityUnknown or NotClear.
    """
    why = require_told(reason)
    payout = await lock(tx, payout_id)
    payout_rules.require_not_own(payout, by)
    rules.require_owed(payout, await store.find_standing(tx, payout_id))
    to = payee or payout.payee
    payments.bank.require_payable(to.name, to.account)
    await _require_clear(tx, payout)
    resend = Resend(
        id=resend_id,
        payout_id=payout_id,
        payee=to,
        reason=why,
        proposed_by=by,
        proposed_at=now,
    )
    await store.insert(tx, resend)
    await say(tx, payout, _reasoned(model.ResendProposed, payout, resend, why), by=by, now=now)
    return resend


async def approve(tx: Transaction, *, resend_id: UUID, by: str, now: datetime) -> Resend:
    """
    Agree to what another operator proposed: the transfer is ordered at our bank, once.

    Raises UnknownResend, OwnRequest, AlreadyDecided, AlreadyApproved, IdentityUnknown, NotClear,
    NoBankAccount or BadAccount.
    """
    payout, resend = await _lock(tx, resend_id)
    payout_rules.require_not_own(payout, by)
    rules.require_proposed(resend)
    rules.require_another(resend, by)
    await _require_clear(tx, payout)
    after = replace(resend, status=ResendStatus.SENT, decided_by=by)
    await store.save(tx, after)
    text = f"payout {payout.number} again"
    await order_transfer(tx, payout, order_id=resend.id, payee=resend.payee, text=text, now=now)
    await say(tx, payout, _amounts(model.ResendSent, payout, after), by=by, now=now)
    await _post(tx, payout, payout_rules.sent(payout, resend.id, now), now=now)
    return after


async def reject(
    tx: Transaction, *, resend_id: UUID, reason: str, by: str, now: datetime
) -> Resend:
    """
    Decide against a proposal, also one's own: the money stays owed, and may be proposed anew.

    Raises BadRequest, UnknownResend, OwnRequest or AlreadyDecided.
    """
    why = require_told(reason)
    payout, resend = await _lock(tx, resend_id)
    payout_rules.require_not_own(payout, by)
    rules.require_proposed(resend)
    after = replace(resend, status=ResendStatus.REJECTED, decided_by=by)
    await store.save(tx, after)
    await say(tx, payout, _reasoned(model.ResendRejected, payout, after, why), by=by, now=now)
    return after


async def hear(tx: Transaction, entry: Entry, now: datetime) -> None:
    """Apply what the bank says of a transfer, if that is a resend."""
    outgoing_id = UUID(str(entry.data["outgoing_id"]))
    if await store.find(tx, outgoing_id) is None:
        return  # a payout's first transfer, or a refund of the bank's
    payout, resend = await _lock(tx, outgoing_id)
    match entry.kind:
        case "OutgoingPaid":
            await store.save(tx, replace(resend, status=ResendStatus.PAID))
            await say(tx, payout, _amounts(model.ResendPaid, payout, resend), now=now)
        case "OutgoingReturned":
            await store.save(tx, replace(resend, status=ResendStatus.RETURNED))
            await say(tx, payout, _amounts(model.ResendReturned, payout, resend), now=now)
            await _post(tx, payout, payout_rules.returned(payout, resend.id, now), now=now)
        case _:
            raise ValueError(f"{entry.kind} says nothing about a resend")


async def _lock(tx: Transaction, resend_id: UUID) -> tuple[Payout, Resend]:
    """Hold the payout, as every verb does first; return it, and the resend as it stands then."""
    known = await store.find(tx, resend_id)
    if known is None:
        raise UnknownResend(f"no resend {resend_id}")
    payout = await lock(tx, known.payout_id)
    standing = await store.find(tx, resend_id)
    return payout, standing or known


async def _require_clear(tx: Transaction, payout: Payout) -> None:
    await require_known(tx, payout)
    await require_sendable(tx, payout)


async def _post(
    tx: Transaction, payout: Payout, transfer: ledger.Transfer, *, now: datetime
) -> None:
    await ledger.post(tx, transfer, now=now, by=BY, cause=f"payout:{payout.id}")


def _amounts(
    kind: type[model.ResendSent | model.ResendPaid | model.ResendReturned],
    payout: Payout,
    resend: Resend,
) -> Event:
    """Return a fact of `kind` about all that goes to the trader's bank."""
    return kind(
        payout_id=payout.id,
        challenge_id=payout.challenge_id,
        resend_id=resend.id,
        amount_minor=payout.amount.minor,
        currency=payout.currency,
    )


def _reasoned(
    kind: type[model.ResendProposed | model.ResendRejected],
    payout: Payout,
    resend: Resend,
    reason: str,
) -> Event:
    """Return a fact of `kind` that tells why a person decided so."""
    return kind(
        payout_id=payout.id,
        challenge_id=payout.challenge_id,
        resend_id=resend.id,
        reason=reason,
    )
