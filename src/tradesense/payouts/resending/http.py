"""Resends over HTTP: operators propose, agree and refuse."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from tradesense.identity.caller import OperatorFromRequest
from tradesense.infra.db import Transaction
from tradesense.infra.idempotency import OnceFromRequest
from tradesense.infra.runtime import FromRequest
from tradesense.kernel.ids import derive
from tradesense.payouts.resending import rules, service, store
from tradesense.payouts.resending.model import Resend, ResendStatus
from tradesense.payouts.service.saying import REASON_MAX

router = APIRouter(prefix="/api/v1/operations", tags=["operations"])

SHOWN_MAX = 500
Text = Annotated[str, Field(max_length=REASON_MAX)]


class Proposal(BaseModel):
    """Why owed money is sent again; and to whom, if not where it was sent before."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Text
    payee_name: str | None = Field(None, max_length=70, examples=["Ada Lovelace"])
    payee_account: str | None = Field(None, max_length=34, examples=["GB33BUKB20201555555555"])


class Objection(BaseModel):
    """Why it is not sent again so."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Text


@router.post("/payouts/{payout_id}/resends", status_code=201)
async def propose(
    payout_id: UUID,
    said: Proposal,
    caller: OperatorFromRequest,
    once: OnceFromRequest,
    runtime: FromRequest,
) -> Response:
    """Propose to send what a payout left owed; another operator has to agree."""
    by, now = f"operator:{caller.user_id}", runtime.now()
    resend_id = derive(caller.user_id, "resend", once.key)
    payee = rules.payee_of(said.payee_name, said.payee_account)

    async def verb(tx: Transaction) -> dict[str, Any]:
        proposed = await service.propose(
            tx,
            resend_id=resend_id,
            payout_id=payout_id,
            payee=payee,
            reason=said.reason,
            by=by,
            now=now,
        )
        return view(proposed)

    return await once.answer(verb, principal=str(caller.user_id), status=201)


@router.get("/resends")
async def list_resends(
    _: OperatorFromRequest,
    runtime: FromRequest,
    *,
    status: ResendStatus | None = None,
    limit: Annotated[int, Query(ge=1, le=SHOWN_MAX)] = 100,
) -> dict[str, Any]:
    """Return resends, the oldest first; `status=proposed` are those that wait for somebody."""
    async with runtime.db.reading() as tx:
        found = await store.list_resends(tx, status=status, limit=limit)
    return {"resends": [view(each) for each in found]}


@router.post("/resends/{resend_id}/approval")
async def approve(
    resend_id: UUID, caller: OperatorFromRequest, once: OnceFromRequest, runtime: FromRequest
) -> Response:
    """Agree to what a colleague proposed: the transfer is ordered at our bank."""
    by, now = f"operator:{caller.user_id}", runtime.now()

    async def verb(tx: Transaction) -> dict[str, Any]:
        return view(await service.approve(tx, resend_id=resend_id, by=by, now=now))

    return await once.answer(verb, principal=str(caller.user_id))


@router.post("/resends/{resend_id}/rejection")
async def reject(
    resend_id: UUID,
    said: Objection,
    caller: OperatorFromRequest,
    once: OnceFromRequest,
    runtime: FromRequest,
) -> Response:
    """Decide against a proposal: the money stays owed, and may be proposed anew."""
    by, now = f"operator:{caller.user_id}", runtime.now()

    async def verb(tx: Transaction) -> dict[str, Any]:
        done = await service.reject(tx, resend_id=resend_id, reason=said.reason, by=by, now=now)
        return view(done)

    return await once.answer(verb, principal=str(caller.user_id))


def view(resend: Resend) -> dict[str, Any]:
    """Return a resend as operators see it."""
    return {
        "id": str(resend.id),
        "payout_id": str(resend.payout_id),
        "status": resend.status,
        "payee_name": resend.payee.name,
        "payee_account": resend.payee.account,
        "reason": resend.reason,
        "proposed_by": resend.proposed_by,
        "proposed_at": resend.proposed_at.isoformat(),
        "decided_by": resend.decided_by,
    }
