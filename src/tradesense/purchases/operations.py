"""What operators do about money that was paid: send it back, and see what could not be sent."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from tradesense import payments
from tradesense.identity.caller import OperatorFromRequest
from tradesense.infra.db import Transaction
from tradesense.infra.idempotency import OnceFromRequest
from tradesense.infra.plain import Said
from tradesense.infra.runtime import FromRequest
from tradesense.kernel.ids import derive
from tradesense.payments.model import Refund, RefundStatus
from tradesense.purchases import service

router = APIRouter(prefix="/api/v1/operations", tags=["operations"])

LIST_MAX = 500


class RefundWish(BaseModel):
    """How much of a payment goes back (default: the rest), and why."""

    model_config = ConfigDict(extra="forbid", strict=True)

    amount_minor: int | None = Field(None, description="in minor units of the payment's currency")
    reason: Said = Field(min_length=3, max_length=200)


@router.post("/payments/{payment_id}/refunds", status_code=202)
async def refund(
    payment_id: UUID,
    wish: RefundWish,
    operator: OperatorFromRequest,
    once: OnceFromRequest,
    runtime: FromRequest,
) -> Response:
    """Send money back to the buyer. All of it, while the challenge runs, revokes the challenge."""
    by = f"operator:{operator.user_id}"
    refund_id = derive(payment_id, "refund by operator", by, once.key)
    now = runtime.now()

    async def verb(tx: Transaction) -> dict[str, Any]:
        made = await service.refund(
            tx,
            payment_id=payment_id,
            refund_id=refund_id,
            amount_minor=wish.amount_minor,
            reason=wish.reason,
            by=by,
            now=now,
        )
        return _view(made)

    answer = await once.answer(verb, principal=by, status=202)
    await runtime.redis.publish("payments", b"refund")
    return answer


@router.get("/refunds")
async def list_refunds(
    _: OperatorFromRequest,
    runtime: FromRequest,
    status: Annotated[RefundStatus, Query()] = RefundStatus.FAILED,
    limit: Annotated[int, Query(ge=1, le=LIST_MAX)] = 100,
) -> list[dict[str, Any]]:
    """List the newest refunds of a status; those that failed wait for somebody to act."""
    async with runtime.db.reading() as tx:
        found = await payments.list_by_status(tx, status, limit=limit)
    return [{**_view(each), "requested_at": requested_at} for each, requested_at in found]


@router.post("/refunds/{refund_id}/again", status_code=202)
async def send_again(
    refund_id: UUID, operator: OperatorFromRequest, once: OnceFromRequest, runtime: FromRequest
) -> Response:
    """Ask the provider once more for a refund that has failed, as a new one."""
    by = f"operator:{operator.user_id}"
    now = runtime.now()

    async def verb(tx: Transaction) -> dict[str, Any]:
        return _view(await payments.send_again(tx, refund_id=refund_id, by=by, now=now))

    answer = await once.answer(verb, principal=by, status=202)
    await runtime.redis.publish("payments", b"refund")
    return answer


def _view(refund: Refund) -> dict[str, Any]:
    return {
        "id": refund.refund_id,
        "payment_id": refund.payment_id,
        "purchase_id": refund.purchase_id,
        "provider": refund.provider,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "status": refund.status,
        "reason": refund.reason,
        "trouble": refund.trouble,
        "asked_by": refund.asked_by,
    }
