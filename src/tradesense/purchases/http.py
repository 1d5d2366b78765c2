"""Purchases over HTTP: parse, authorise, call one verb, answer."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from tradesense import payments
from tradesense.identity.caller import CallerFromRequest
from tradesense.identity.model import Caller
from tradesense.infra.db import Transaction
from tradesense.infra.idempotency import OnceFromRequest
from tradesense.infra.runtime import FromRequest
from tradesense.kernel.errors import Forbidden
from tradesense.kernel.ids import derive
from tradesense.payments.model import Payment, PaymentStatus
from tradesense.purchases import service
from tradesense.purchases.model import WAKE, Purchase, PurchaseStatus

router = APIRouter(prefix="/api/v1/purchases", tags=["purchases"])


class MayNotBuy(Forbidden):
    """An API key acts for one challenge; it neither buys nor sees what its owner bought."""

    code = "purchases.may_not_buy"


class Order(BaseModel):
    """What to buy and, if the buyer wants to be sure, at what price."""

    model_config = ConfigDict(extra="forbid", strict=True)

    plan: str = Field(max_length=100, examples=["ftmo-2step-100k"])
    amount_minor: int | None = Field(None, description="expected price, in minor units")
    currency: str | None = Field(None, max_length=3, examples=["USD"])


@router.post("", status_code=201)
async def open_purchase(
    order: Order,
    caller: CallerFromRequest,
    once: OnceFromRequest,
    runtime: FromRequest,
) -> Response:
    """Order a challenge. Send an Idempotency-Key; the same key is the same purchase."""
    user_id = _require_person(caller)
    purchase_id = derive(user_id, "purchase", once.key)
    now = runtime.now()

    async def verb(tx: Transaction) -> dict[str, Any]:
        purchase = await service.open_purchase(
            tx,
            purchase_id=purchase_id,
            user_id=user_id,
            plan=order.plan,
            amount_minor=order.amount_minor,
            currency=order.currency,
            now=now,
        )
        return _view(purchase, None)

    answer = await once.answer(verb, principal=f"user:{user_id}", status=201)
    await runtime.redis.publish(WAKE, b"")
    return answer


@router.get("")
async def list_purchases(caller: CallerFromRequest, runtime: FromRequest) -> list[dict[str, Any]]:
    user_id = _require_person(caller)
    async with runtime.db.reading() as tx:
        return [_view(each, None) for each in await service.list_of(tx, user_id=user_id)]


@router.get("/{purchase_id}")
async def read_purchase(
    purchase_id: UUID, caller: CallerFromRequest, runtime: FromRequest
) -> dict[str, Any]:
    user_id = _require_person(caller)
    async with runtime.db.reading() as tx:
        purchase = await service.get(tx, purchase_id, user_id=user_id)
        payment = await payments.find_payment(tx, purchase.payment_id)
    return _view(purchase, payment)


def _require_person(caller: Caller) -> UUID:
    if caller.challenge_id is not None:
        raise MayNotBuy("sign in to buy; an API key acts for its challenge only")
    return caller.user_id


def _view(purchase: Purchase, payment: Payment | None) -> dict[str, Any]:
    is_active = purchase.status is PurchaseStatus.ACTIVE
    return {
        "id": purchase.id,
        "status": purchase.status,
        "plan": purchase.plan,
        "amount_minor": purchase.price.minor,
        "currency": purchase.price.currency,
        "opened_at": purchase.opened_at,
        "reason": purchase.reason,
        "challenge_id": purchase.challenge_id if is_active else None,
        "payment": None if payment is None else _view_payment(payment),
    }


def _view_payment(payment: Payment) -> dict[str, Any] | None:
    """Return what the buyer needs to pay; nothing until the provider knows of the payment."""
    if payment.provider_ref is None:
        return None
    can_pay = payment.status is PaymentStatus.OFFERED and not payment.is_cancel_requested
    return {
        "provider": payment.provider,
        "intent_id": payment.provider_ref,
        "status": payment.status,
        "client_secret": payment.client_secret if can_pay else None,
        "pay_url": payment.pay_url if can_pay else None,
    }
