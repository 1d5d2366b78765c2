"""Payouts over HTTP: traders ask and read; operators look, approve and refuse."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from tradesense.identity.caller import CallerFromRequest, OperatorFromRequest
from tradesense.identity.model import Caller
from tradesense.infra.db import Transaction
from tradesense.infra.idempotency import OnceFromRequest
from tradesense.infra.runtime import FromRequest
from tradesense.kernel.errors import Forbidden
from tradesense.kernel.ids import derive
from tradesense.payouts.model import WAKE, Identity, Payee, Payout, PayoutStatus, Wish
from tradesense.payouts.refusals import UnknownPayout
from tradesense.payouts.resending import store as resends
from tradesense.payouts.resending.http import router as resending
from tradesense.payouts.resending.http import view as view_resend
from tradesense.payouts.resending.model import ResendStatus
from tradesense.payouts.service import decisions, requests, saying
from tradesense.payouts.store import identities
from tradesense.payouts.store import payouts as store

own = APIRouter(prefix="/api/v1/payouts", tags=["payouts"])
firm = APIRouter(prefix="/api/v1/operations/payouts", tags=["operations"])

SHOWN_MAX = 500
UNSENT = {ResendStatus.PROPOSED, ResendStatus.REJECTED}  # the operators' affair alone
Text = Annotated[str, Field(max_length=saying.REASON_MAX)]


class MayNotWithdraw(Forbidden):
    """An API key acts for one challenge; it neither asks for money nor sees what was paid."""

    code = "payouts.may_not_withdraw"


class Asked(BaseModel):
    """What to pay out, and to whom: a challenge or its funded account, and a bank account."""

    model_config = ConfigDict(extra="forbid")

    challenge_id: UUID | None = None
    account_id: UUID | None = None
    amount_minor: int | None = Field(
        None, strict=True, description="of the profit, in minor units; left out: all of it"
    )
    currency: str | None = Field(None, max_length=3, description="the account's, to be sure")
    payee_name: str = Field(max_length=70, examples=["Ada Lovelace"])
    payee_account: str = Field(max_length=34, examples=["GB33BUKB20201555555555"])


class Refusal(BaseModel):
    """Why a payout is refused."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Text


class Finding(BaseModel):
    """Whether the trader is who they say, and what shows it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    is_verified: bool
    reason: Text


@own.post("", status_code=201)
async def request_payout(
    asked: Asked, caller: CallerFromRequest, once: OnceFromRequest, runtime: FromRequest
) -> Response:
    """Ask for profit of a funded account. The same Idempotency-Key is the same payout."""
    user_id = _require_person(caller)
    payout_id = derive(user_id, "payout", once.key)
    now = runtime.now()
    wish = Wish(
        payee=Payee(name=asked.payee_name, account=asked.payee_account),
        challenge_id=asked.challenge_id,
        account_id=asked.account_id,
        amount_minor=asked.amount_minor,
        currency=asked.currency,
    )

    async def verb(tx: Transaction) -> dict[str, Any]:
        payout = await requests.request(
            tx,
            payout_id=payout_id,
            user_id=user_id,
            wish=wish,
            alone_max=runtime.settings.payout_alone_max,
            now=now,
        )
        return _view(payout)

    answer = await once.answer(verb, principal=f"user:{user_id}", status=201)
    await runtime.redis.publish(WAKE, b"")
    return answer


@own.get("")
async def list_payouts(caller: CallerFromRequest, runtime: FromRequest) -> list[dict[str, Any]]:
    """Return your payouts, the newest first."""
    user_id = _require_person(caller)
    async with runtime.db.reading() as tx:
        return [_view(each) for each in await requests.list_of(tx, user_id=user_id)]


@own.get("/{payout_id}")
async def read_payout(
    payout_id: UUID, caller: CallerFromRequest, runtime: FromRequest
) -> dict[str, Any]:
    """Return one of your payouts, and how it was sent again where it did not reach you."""
    user_id = _require_person(caller)
    async with runtime.db.reading() as tx:
        payout = await requests.get(tx, payout_id, user_id=user_id)
        again = await resends.list_of(tx, payout_id)
    sent_again = [
        {"id": str(each.id), "status": each.status, "payee_account": _end(each.payee.account)}
        for each in again
        if each.status not in UNSENT
    ]
    return {**_view(payout), "sent_again": sent_again}


@firm.get("")
async def list_queue(
    _: OperatorFromRequest,
    runtime: FromRequest,
    *,
    status: PayoutStatus | None = None,
    limit: Annotated[int, Query(ge=1, le=SHOWN_MAX)] = 100,
) -> dict[str, Any]:
    """Return payouts, the oldest first; `status=frozen` are those that wait for operators."""
    async with runtime.db.reading() as tx:
        found = await store.list_payouts(tx, status=status, limit=limit)
        return {"payouts": [await _show(tx, each) for each in found]}


@firm.get("/{payout_id}")
async def show_payout(
    payout_id: UUID, _: OperatorFromRequest, runtime: FromRequest
) -> dict[str, Any]:
    """Return a payout as operators need it: to whom, who the trader is, who approved."""
    async with runtime.db.reading() as tx:
        payout = await store.find(tx, payout_id)
        if payout is None:
            raise UnknownPayout(f"no payout {payout_id}")
        return await _show(tx, payout)


@firm.post("/{payout_id}/approval")
async def approve(
    payout_id: UUID, caller: OperatorFromRequest, once: OnceFromRequest, runtime: FromRequest
) -> Response:
    """Agree that a payout be sent; it is sent when enough operators agree."""
    by, now = f"operator:{caller.user_id}", runtime.now()

    async def verb(tx: Transaction) -> dict[str, Any]:
        return await _show(tx, await decisions.approve(tx, payout_id=payout_id, by=by, now=now))

    answer = await once.answer(verb, principal=str(caller.user_id))
    await runtime.redis.publish(WAKE, b"")
    return answer


@firm.post("/{payout_id}/rejection")
async def reject(
    payout_id: UUID,
    said: Refusal,
    caller: OperatorFromRequest,
    once: OnceFromRequest,
    runtime: FromRequest,
) -> Response:
    """Refuse a payout: the money goes back into the account while that is active."""
    by, now = f"operator:{caller.user_id}", runtime.now()

    async def verb(tx: Transaction) -> dict[str, Any]:
        done = await decisions.reject(tx, payout_id=payout_id, reason=said.reason, by=by, now=now)
        return await _show(tx, done)

    answer = await once.answer(verb, principal=str(caller.user_id))
    await runtime.redis.publish(WAKE, b"")
    return answer


@firm.post("/{payout_id}/identity")
async def decide_identity(
    payout_id: UUID,
    said: Finding,
    caller: OperatorFromRequest,
    once: OnceFromRequest,
    runtime: FromRequest,
) -> Response:
    """Say whether the trader of a payout is who they say; it holds for all their payouts."""
    by, now = f"operator:{caller.user_id}", runtime.now()

    async def verb(tx: Transaction) -> dict[str, Any]:
        decided = await decisions.decide_identity(
            tx,
            payout_id=payout_id,
            is_verified=said.is_verified,
            reason=said.reason,
            by=by,
            now=now,
        )
        return _view_identity(decided)

    answer = await once.answer(verb, principal=str(caller.user_id))
    await runtime.redis.publish(WAKE, b"")
    return answer


def _require_person(caller: Caller) -> UUID:
    if caller.challenge_id is not None:
        raise MayNotWithdraw("sign in to be paid; an API key acts for its challenge only")
    return caller.user_id


def _view(payout: Payout) -> dict[str, Any]:
    """Return a payout as its trader sees it; only the end of the bank account is shown."""
    return {
        "id": str(payout.id),
        "status": payout.status,
        "challenge_id": str(payout.challenge_id),
        "account_id": str(payout.account_id),
        "currency": payout.currency,
        "asked_minor": payout.asked_minor,
        "withdrawn_minor": payout.withdrawn_minor,
        "split_bp": payout.split_bp,
        "share_minor": payout.share_minor,
        "fee_minor": payout.fee_minor,
        "amount_minor": payout.amount.minor,
        "payee_account": _end(payout.payee.account),
        "requested_at": payout.requested_at.isoformat(),
        "reason": payout.reason,
        "left_in": payout.left_in,
    }


def _end(account: str) -> str:
    return f"…{account[-4:]}"


async def _show(tx: Transaction, payout: Payout) -> dict[str, Any]:
    """Return a payout as operators see it."""
    identity = await identities.find_identity(tx, payout.user_id)
    approvals = await store.list_approvals(tx, payout.id)
    return {
        **_view(payout),
        "user_id": str(payout.user_id),
        "payee_name": payout.payee.name,
        "payee_account": payout.payee.account,
        "decision": payout.decision,
        "identity": None if identity is None else _view_identity(identity),
        "approvals": [{"by": each.by, "at": each.at.isoformat()} for each in approvals],
        "approvals_needed": payout.approvals_needed,
        "resends": [view_resend(each) for each in await resends.list_of(tx, payout.id)],
    }


def _view_identity(identity: Identity) -> dict[str, Any]:
    return {
        "user_id": str(identity.user_id),
        "state": identity.state,
        "reason": identity.reason,
        "decided_by": identity.decided_by,
    }


router = APIRouter()
router.include_router(own)
router.include_router(firm)
router.include_router(resending)
