"""Webhooks over HTTP: prove, keep, answer; what they mean is found out afterwards."""

import json

from fastapi import APIRouter, Request, Response

from tradesense.infra.clock import SystemClock
from tradesense.infra.runtime import FromRequest, Runtime
from tradesense.payments.bank.http import router as bank
from tradesense.payments.model import Webhook
from tradesense.payments.providers.stripe_shapes import PROVIDER, intent_of
from tradesense.payments.reconciliation.http import router as reconciliation
from tradesense.payments.webhooks import inbox, mollie
from tradesense.payments.webhooks.http import router as operations
from tradesense.payments.webhooks.refusals import BadWebhook, refusals_of
from tradesense.payments.webhooks.signature import find_flaw

router = APIRouter()
router.include_router(operations)
router.include_router(bank)
router.include_router(reconciliation)

BODY_MAX = 256 * 1024  # many times the largest event of one-off payments
EVENT_ID_MAX = 100

# A signature's age is judged by the wall clock: the provider does not follow a driven one.
_wall = SystemClock()


@router.post("/webhooks/stripe", tags=["webhooks"])
async def receive_stripe(request: Request, runtime: FromRequest) -> Response:
    """Keep a call of Stripe's; 200 once it is durable, also if we have it already."""
    body = await _read(request, BODY_MAX)
    signature = request.headers.get("stripe-signature", "")
    try:
        webhook = _proven(body, signature, runtime)
    except BadWebhook as refused:
        await refusals_of(request.app).record(runtime, PROVIDER, body, str(refused))
        raise
    is_new = await runtime.db.run(
        lambda tx: inbox.receive(tx, webhook=webhook, now=webhook.received_at),
        key=f"payments:received:{runtime.new_id()}",
    )
    if is_new:
        await runtime.redis.publish("payments", b"webhook")
    return Response(status_code=200)


@router.post("/webhooks/mollie", tags=["webhooks"])
async def receive_mollie(
    request: Request, runtime: FromRequest, payment: str = "", proof: str = ""
) -> Response:
    """Keep a call of Mollie's; 200 once it is durable. Calls nobody has read yet become one."""
    body = await _read(request, mollie.BODY_MAX)
    try:
        ref = _mollie_id(body, runtime, payment, proof)
    except BadWebhook as refused:
        await refusals_of(request.app).record(runtime, mollie.PROVIDER, body, str(refused))
        raise
    is_new = await runtime.db.run(
        lambda tx: inbox.receive_about(
            tx, provider=mollie.PROVIDER, object_ref=ref, body=body, now=runtime.now()
        ),
        key=f"payments:received:{runtime.new_id()}",
    )
    if is_new:
        await runtime.redis.publish("payments", b"webhook")
    return Response(status_code=200)


def _mollie_id(body: bytes, runtime: Runtime, payment: str, proof: str) -> str:
    """Return the payment that a call is about. Raises BadWebhook unless we gave its address."""
    flaw = mollie.find_flaw(runtime.settings, payment=payment, proof=proof)
    if flaw is not None:
        raise BadWebhook(flaw)
    ref = mollie.read_id(body)
    if ref is None:
        raise BadWebhook("the body is no form with the id of a payment: id=tr_...")
    return ref


def _proven(body: bytes, signature: str, runtime: Runtime) -> Webhook:
    """Return the event that a call tells of. Raises BadWebhook unless it is the provider's."""
    flaw = find_flaw(
        body,
        signature,
        secrets=runtime.settings.stripe_webhook_secrets,
        now_s=_wall.now().timestamp(),
    )
    if flaw is not None:
        raise BadWebhook(flaw)
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        raise BadWebhook("the body is signed, but no JSON that can be read") from None
    is_event = isinstance(event, dict) and event.get("object") == "event"
    event_id, event_type = (event.get("id"), event.get("type")) if is_event else (None, None)
    if not _is_name(event_id) or not _is_name(event_type):
        raise BadWebhook('the body is signed, but no event: {"object": "event", "id", "type"}')
    return Webhook(
        provider=PROVIDER,
        event_id=str(event_id),
        type=str(event_type),
        object_ref=intent_of(event),
        body=body,
        signature=signature,
        received_at=runtime.now(),
    )


def _is_name(value: object) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= EVENT_ID_MAX
        and value.isascii()
        and value.replace("_", "").replace(".", "").isalnum()
    )


async def _read(request: Request, at_most: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > at_most:
            raise BadWebhook(f"a webhook has at most {at_most} bytes")
    return bytes(body)
