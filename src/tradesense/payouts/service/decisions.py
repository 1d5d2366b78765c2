"""The verbs of operators: who the trader is, and whether the payout may be sent."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from tradesense import sagas, trail
from tradesense.infra.db import Transaction
from tradesense.kernel.events import Event
from tradesense.payouts import rules
from tradesense.payouts.model import (
    Approval,
    Decision,
    Identity,
    IdentityAsked,
    IdentityRejected,
    IdentityState,
    IdentityVerified,
    Payout,
    PayoutApproved,
    PayoutRejected,
)
from tradesense.payouts.service.clearing import require_sendable
from tradesense.payouts.service.saying import BY, lock, require_told, say
from tradesense.payouts.store import identities
from tradesense.payouts.store import payouts as store
from tradesense.trail.model import Fact

NOT_WHO = "payouts.identity"  # why a payout to somebody unknown is refused


async def approve(tx: Transaction, *, payout_id: UUID, by: str, now: datetime) -> Payout:
    """
    Agree that a frozen payout be sent; with enough operators, it is.

    Raises UnknownPayout, OwnRequest, AlreadyDecided, NotFrozen, AlreadyApproved, IdentityUnknown,
    or NotClear while its challenge is suspended or disputed, or once that was revoked.
    """
    payout = await lock(tx, payout_id)
    identity = await identities.find_identity(tx, payout.user_id)
    approvals = await store.list_approvals(tx, payout_id)
    rules.require_approvable(payout, identity, approvals, by)
    await require_sendable(tx, payout)
    await store.insert_approval(tx, payout_id, Approval(by=by, at=now))
    count = len(approvals) + 1
    said = PayoutApproved(
        payout_id=payout.id,
        challenge_id=payout.challenge_id,
        approvals=count,
        needed=payout.approvals_needed,
    )
    await say(tx, payout, said, by=by, now=now)
    decision = rules.decision_after(payout, count)
    if decision is None:
        return payout
    decided = replace(payout, decision=decision)
    await store.save(tx, decided)
    await _signal(tx, decided, decision)
    return decided


async def reject(
    tx: Transaction, *, payout_id: UUID, reason: str, by: str, now: datetime
) -> Payout:
    """
    Refuse a frozen payout: the money goes back into the account while that is active.

    Raises BadRequest, UnknownPayout, OwnRequest, AlreadyDecided or NotFrozen.
    """
    why = require_told(reason)
    payout = await lock(tx, payout_id)
    rules.require_open(payout, by)
    return await _turn_down(tx, payout, why, by=by, now=now)


async def decide_identity(
    tx: Transaction, *, payout_id: UUID, is_verified: bool, reason: str, by: str, now: datetime
) -> Identity:
    """
    Say whether the trader of a payout is who they say; it holds for all their payouts.

    Rejected, what they have on its way and nobody has decided about is refused. A later decision
    replaces an earlier one. Raises BadRequest, UnknownPayout or OwnRequest.
    """
    why = require_told(reason)
    payout = await lock(tx, payout_id)
    rules.require_not_own(payout, by)
    state = IdentityState.VERIFIED if is_verified else IdentityState.REJECTED
    decided = Identity(user_id=payout.user_id, state=state, reason=why, decided_by=by, asked_at=now)
    known = await identities.lock_identity(tx, payout.user_id)
    if known is not None and known.state is state:
        return known
    await _keep(tx, decided, is_new=known is None)
    await _say_identity(tx, decided, by=by, now=now)
    if state is IdentityState.REJECTED:
        await _refuse_undecided(tx, payout.user_id, by=by, now=now)
    return decided


async def keep_identity(
    tx: Transaction, *, payout_id: UUID, state: IdentityState, reason: str, now: datetime
) -> None:
    """
    Keep what a check of the trader's identity says; what people have decided stands above it.

    Where it is pending, a person must look: it waits among what operators are asked.
    """
    payout = await lock(tx, payout_id)
    known = await identities.lock_identity(tx, payout.user_id)
    is_pending = state is IdentityState.PENDING
    if known is None or (known.state is IdentityState.PENDING and not is_pending):
        said = Identity(
            user_id=payout.user_id,
            state=state,
            reason=reason,
            decided_by=None if is_pending else BY,
            asked_at=now,
        )
        await _keep(tx, said, is_new=known is None)
        await _say_identity(tx, said, by=BY, now=now)
        known = said
    if known.state is IdentityState.REJECTED:
        await _refuse_undecided(tx, payout.user_id, by=BY, now=now)


async def _refuse_undecided(tx: Transaction, user_id: UUID, *, by: str, now: datetime) -> None:
    for payout in await store.lock_undecided(tx, user_id):
        await _turn_down(tx, payout, NOT_WHO, by=by, now=now)


async def _turn_down(
    tx: Transaction, payout: Payout, why: str, *, by: str, now: datetime
) -> Payout:
    after = replace(payout, decision=Decision.REJECTED, reason=why)
    await store.save(tx, after)
    rejected = PayoutRejected(payout_id=payout.id, challenge_id=payout.challenge_id, reason=why)
    await say(tx, after, rejected, by=by, now=now)
    await _signal(tx, after, Decision.REJECTED)
    return after


async def _signal(tx: Transaction, payout: Payout, decision: Decision) -> None:
    await sagas.signal(tx, saga_id=payout.id, name=rules.DECISION, data={"outcome": decision.value})


async def _keep(tx: Transaction, identity: Identity, *, is_new: bool) -> None:
    if is_new:
        await identities.insert_identity(tx, identity)
    else:
        await identities.save_identity(tx, identity)


async def _say_identity(tx: Transaction, identity: Identity, *, by: str, now: datetime) -> None:
    said: Event
    match identity.state:
        case IdentityState.PENDING:
            said = IdentityAsked(user_id=identity.user_id)
        case IdentityState.VERIFIED:
            said = IdentityVerified(user_id=identity.user_id)
        case IdentityState.REJECTED:
            said = IdentityRejected(user_id=identity.user_id, reason=identity.reason)
    stream = f"identity:{identity.user_id}"
    await trail.record(tx, Fact(event=said, stream=stream, at=now, by=by))
