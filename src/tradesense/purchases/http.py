"""Purchases over HTTP: parse, authorise, call one verb, answer."""

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from tradesense import payments
from tradesense.identity.caller import CallerFromRequest
from tradesense.identity.model import Caller
from tradesense.infra.db import Transaction
from tradesense.infra.idempotency import OnceFromRequest
from tradesense.infra.runtime import FromRequest
from tradesense.infra.settings import Settings
from tradesense.kernel.errors import Forbidden, Invalid
from tradesense.kernel.ids import derive
from tradesense.payments.model import Attempt, Payment, PaymentStatus, Way
from tradesense.purchases import service
from tradesense.purchases.model import WAKE, Purchase, PurchaseStatus
from tradesense.purchases.operations import router as operators

buyers = APIRouter(prefix="/api/v1/purchases", tags=["purchases"])


class MayNotBuy(Forbidden):
    """An API key acts for one challenge; it neither buys nor sees what its owner bought."""

    code = "purchases.may_not_buy"


class BadReturn(Invalid):
    """Only our own pages are led back to: others could pass themselves off as us."""

    code = "purchases.bad_return_url"


class Order(BaseModel):
    """What to buy and, if the buyer wants to be sure, at what price."""

    model_config = ConfigDict(extra="forbid", strict=True)

    plan: str = Field(max_length=100, examples=["ftmo-2step-100k"])
    amount_minor: int | None = Field(None, description="expected price, in minor units")
    currency: str | None = Field(None, max_length=3, examples=["USD"])
    way: Way = Field(Way.DIRECT, strict=False, description="page: a person pays, on a page")
    return_url: str = Field("", max_length=500, description="where the page leads back to: ours")


class OtherWay(BaseModel):
    """How the buyer would rather pay; all left out: whoever is next."""

    model_config = ConfigDict(extra="forbid", strict=True)

    provider: str | None = Field(None, max_length=32, examples=["stripe"])
    way: Way | None = Field(None, strict=False)
    return_url: str = Field("", max_length=500)


@buyers.post("", status_code=201)
async def open_purchase(
    order: Order,
    caller: CallerFromRequest,
    once: OnceFromRequest,
    runtime: FromRequest,
) -> Response:
    """Order a challenge. Send an Idempotency-Key; the same key is the same purchase."""
    user_id = _require_person(caller)
    return_url = _ours(order.return_url, runtime.settings)
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
            way=order.way,
            return_url=return_url,
            now=now,
        )
        return _view(purchase, None)

    answer = await once.answer(verb, principal=f"user:{user_id}", status=201)
    await runtime.redis.publish(WAKE, b"")
    return answer


@buyers.get("")
async def list_purchases(caller: CallerFromRequest, runtime: FromRequest) -> list[dict[str, Any]]:
    user_id = _require_person(caller)
    async with runtime.db.reading() as tx:
        return [_view(each, None) for each in await service.list_of(tx, user_id=user_id)]


@buyers.get("/{purchase_id}")
async def read_purchase(
    purchase_id: UUID, caller: CallerFromRequest, runtime: FromRequest
) -> dict[str, Any]:
    user_id = _require_person(caller)
    async with runtime.db.reading() as tx:
        purchase = await service.get(tx, purchase_id, user_id=user_id)
        payment = await payments.find_payment(tx, purchase.payment_id)
    return _view(purchase, payment)


@buyers.post("/{purchase_id}/payment", status_code=202)
async def pay_otherwise(
    purchase_id: UUID,
    wish: OtherWay,
    caller: CallerFromRequest,
    once: OnceFromRequest,
    runtime: FromRequest,
) -> Response:
    """
    Ask for another way to pay; the purchase shows it in a moment.

    The present offer can be paid until then, and is withdrawn once there is another. Should both
    be paid, the first counts and the second goes back.
    """
    user_id = _require_person(caller)
    return_url = _ours(wish.return_url, runtime.settings)
    payments.require_known(runtime.settings, wish.provider)

    async def verb(tx: Transaction) -> dict[str, Any]:
        payment = await service.pay_otherwise(
            tx,
            purchase_id,
            user_id=user_id,
            provider=wish.provider,
            way=wish.way,
            return_url=return_url,
        )
        return _view(await service.get(tx, purchase_id, user_id=user_id), payment)

    answer = await once.answer(verb, principal=f"user:{user_id}", status=202)
    await runtime.redis.publish(WAKE, b"")
    return answer


def _require_person(caller: Caller) -> UUID:
    if caller.challenge_id is not None:
        raise MayNotBuy("sign in to buy; an API key acts for its challenge only")
    return caller.user_id


def _view(purchase: Purchase, payment: Payment | None) -> dict[str, Any]:
    has_started = purchase.status in {PurchaseStatus.ACTIVE, PurchaseStatus.REVOKED}
    return {
        "id": purchase.id,
        "status": purchase.status,
        "plan": purchase.plan,
        "amount_minor": purchase.price.minor,
        "currency": purchase.price.currency,
        "opened_at": purchase.opened_at,
        "reason": purchase.reason,
        "challenge_id": purchase.challenge_id if has_started else None,
        "payment": None if payment is None else _view_payment(payment),
    }


def _view_payment(payment: Payment) -> dict[str, Any] | None:
    """Return what the buyer needs to pay; nothing until a provider was asked, or is away."""
    if not payment.attempts and not payment.is_held:
        return None
    offer = payment.offer or _last_shown(payment)
    can_pay = payment.status is PaymentStatus.OFFERED and not payment.is_cancel_requested
    is_delayed = payment.is_held and payment.status is PaymentStatus.REQUESTED
    if offer is None and not is_delayed:
        return None
    return {
        "provider": offer and offer.provider,
        "intent_id": offer and offer.ref,
        "way": offer.way if offer else payment.way,
        "status": payment.status,
        "client_secret": offer.client_secret if offer and can_pay else None,
        "pay_url": offer.pay_url if offer and can_pay else None,
        "is_delayed": is_delayed,
        "is_changing": payment.is_wish_open,
        "attempts": [
            {"provider": each.provider, "status": each.status, "way": each.way}
            for each in payment.attempts
        ],
    }


def _last_shown(payment: Payment) -> Attempt | None:
    shown = [attempt for attempt in payment.attempts if attempt.ref is not None]
    return shown[-1] if shown else None


def _ours(return_url: str, settings: Settings) -> str:
    """Return where a payment page leads back to. Raises BadReturn for anybody else's page."""
    if not return_url:
        return f"{settings.public_url}/"
    try:
        asked, own = urlsplit(return_url), urlsplit(settings.public_url)
        is_ours = (asked.scheme, asked.netloc) == (own.scheme, own.netloc)
    except ValueError:
        is_ours = False
    if not is_ours or not return_url.isascii() or not return_url.isprintable():
        raise BadReturn(f"return_url is a page of ours: {settings.public_url}/...")
    return return_url


router = APIRouter()
router.include_router(buyers)
router.include_router(operators)
