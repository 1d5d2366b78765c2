"""Webhooks over HTTP: prove, keep, answer; what they mean is found out afterwards."""

import asyncio
import json
from typing import ClassVar, cast

import structlog
from fastapi import APIRouter, FastAPI, Request, Response

from tradesense.infra.clock import SystemClock
from tradesense.infra.runtime import FromRequest, Runtime
from tradesense.kernel.errors import Invalid, OutcomeUnknown, Unavailable
from tradesense.payments.bank.http import router as bank
from tradesense.payments.model import Webhook
from tradesense.payments.providers.stripe_shapes import PROVIDER, intent_of
from tradesense.payments.reconciliation.http import router as reconciliation
from tradesense.payments.webhooks import inbox
from tradesense.payments.webhooks.http import router as operations
from tradesense.payments.webhooks.signature import find_flaw

router = APIRouter()
router.include_router(operations)
router.include_router(bank)
router.include_router(reconciliation)

BODY_MAX = 256 * 1024  # many times the largest event of one-off payments
EVENT_ID_MAX = 100
REFUSALS_WAITING_MAX = 16
REFUSAL_PATIENCE_S = 2.0

log = structlog.get_logger()


class BadWebhook(Invalid):
    """The call is not the provider's, or not one we can read. Nothing of it is kept."""

    code = "payments.bad_webhook"
    http_status: ClassVar[int] = 400


class Refusals:
    """
    Puts refused calls on the trail, one at a time.

    Anybody can send a forged call. One writer means that a flood of them takes one connection;
    what comes faster than it can write is counted, and the count is recorded with the next one.
    """

    def __init__(self) -> None:
        self._writing = asyncio.Semaphore(1)
        self._waiting = 0
        self._unrecorded = 0

    async def record(self, runtime: Runtime, body: bytes, reason: str) -> None:
        """Record that `body` was refused for `reason`, or count it."""
        if self._waiting >= REFUSALS_WAITING_MAX:
            self._unrecorded += 1
            return
        self._waiting += 1
        try:
            async with self._writing:
                await self._record(runtime, body, reason)
        finally:
            self._waiting -= 1

    async def _record(self, runtime: Runtime, body: bytes, reason: str) -> None:
        unrecorded, self._unrecorded = self._unrecorded, 0
        try:
            await runtime.db.run(
                lambda tx: inbox.refuse(
                    tx,
                    provider=PROVIDER,
                    body=body,
                    reason=reason,
                    unrecorded=unrecorded,
                    now=runtime.now(),
                ),
                key=f"payments:refused:{runtime.new_id()}",
                patience_s=REFUSAL_PATIENCE_S,
            )
        except (Unavailable, OutcomeUnknown) as error:
            # A forger is told no all the same; the count is kept for the next entry.
            self._unrecorded += unrecorded + 1
            log.warning("payments.refusal_unrecorded", reason=reason, error=str(error))


def _refusals_of(app: FastAPI) -> Refusals:
    """Return the one writer of this process."""
    if not hasattr(app.state, "refused_webhooks"):
        app.state.refused_webhooks = Refusals()
    return cast(Refusals, app.state.refused_webhooks)


# A signature's age is judged by the wall clock: the provider does not follow a driven one.
_wall = SystemClock()


@router.post("/webhooks/stripe", tags=["webhooks"])
async def receive_stripe(request: Request, runtime: FromRequest) -> Response:
    """Keep a call of Stripe's; 200 once it is durable, also if we have it already."""
    body = await _read(request)
    signature = request.headers.get("stripe-signature", "")
    try:
        webhook = _proven(body, signature, runtime)
    except BadWebhook as refused:
        await _refusals_of(request.app).record(runtime, body, str(refused))
        raise
    is_new = await runtime.db.run(
        lambda tx: inbox.receive(tx, webhook=webhook, now=webhook.received_at),
        key=f"payments:received:{runtime.new_id()}",
    )
    if is_new:
        await runtime.redis.publish("payments", b"webhook")
    return Response(status_code=200)


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
    except ValueError:
        raise BadWebhook("the body is signed, but no JSON") from None
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


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX:
            raise BadWebhook(f"a webhook has at most {BODY_MAX} bytes")
    return bytes(body)
