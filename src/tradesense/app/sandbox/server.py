"""The sandbox over HTTP: who may ask, what they ask for, and headers as Stripe sets them."""

import asyncio
import base64
import binascii
import hmac
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from tradesense.app.sandbox.pages import pay_page, refused_page
from tradesense.app.sandbox.store import Store
from tradesense.app.sandbox.stripe import intents
from tradesense.app.sandbox.stripe.answers import Refused, make_id
from tradesense.app.sandbox.stripe.call import Call
from tradesense.app.sandbox.stripe.endpoints import Reply, reply
from tradesense.app.sandbox.stripe.forms import Params, parse
from tradesense.infra.clock import Clock

BODY_MAX = 1 << 20
FAULTS = ("answer_500", "die_before_answer", "lose_webhook")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """What the requests share."""

    store: Store
    clock: Clock
    api_key: str
    pay_base: str
    home: str
    wake: Callable[[], None]

    def call(self, params: Params, *, key: str | None = None) -> Call:
        """Return a request that happens now; without a `key` its ids follow from chance."""
        seed = key or os.urandom(16).hex()
        return Call(
            store=self.store,
            params=params,
            now=int(self.clock.now().timestamp()),
            seed=seed,
            idempotency_key=key,
            request_id=make_id("req", os.urandom(16).hex()),
            signing_key=self.api_key.encode(),
            pay_base=self.pay_base,
        )

    async def api(self, request: Request) -> Response:
        """Serve everything under /v1."""
        key = request.headers.get("idempotency-key") or None
        self._require_key(request)
        params = await _params(request)
        call = self.call(params, key=key)
        made = await asyncio.to_thread(reply, call, request.method, request.url.path)
        if made.is_fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        self.wake()
        return _response(call, made, request)

    async def fault(self, request: Request) -> Response:
        """Plant a fault: {"kind", "target" (a pattern with * and ?), "times"}."""
        self._require_key(request)
        asked = await _json(request)
        kind, target = asked.get("kind"), asked.get("target")
        times = asked.get("times", 1)
        if kind not in FAULTS or not isinstance(target, str) or not isinstance(times, int):
            raise Refused(400, f"kind: {', '.join(FAULTS)}; target: a pattern; times: a count")
        await asyncio.to_thread(self._plant, str(kind), target, times)
        return Response("{}", media_type="application/json")

    async def show(self, request: Request) -> Response:
        """Show a person what there is to pay."""
        secret = request.query_params.get("client_secret", "")
        intent = await asyncio.to_thread(self._open, request.path_params["intent"], secret)
        if intent is None:
            return HTMLResponse(refused_page(home=self.home), 404)
        return HTMLResponse(pay_page(intent, home=self.home))

    async def pay(self, request: Request) -> Response:
        """Pay by the card a person chose, and show what came of it."""
        form = await _params(request)
        secret = str(form.get("client_secret", ""))
        intent_id = request.path_params["intent"]
        if await asyncio.to_thread(self._open, intent_id, secret) is None:
            return HTMLResponse(refused_page(home=self.home), 404)
        await asyncio.to_thread(self._charge, intent_id, str(form.get("payment_method", "")))
        self.wake()
        return RedirectResponse(f"/pay/{intent_id}?client_secret={secret}", 303)

    def _open(self, intent_id: str, secret: str) -> dict[str, Any] | None:
        with self.store.commit():
            intent = self.store.find("payment_intent", intent_id)
        expected = "" if intent is None else str(intent["client_secret"])
        is_right = hmac.compare_digest(expected.encode(), secret.encode())
        return intent if is_right else None

    def _charge(self, intent_id: str, method: str) -> None:
        call = self.call({"payment_method": method})
        try:
            with self.store.commit():
                intents.confirm(call, intent_id)
        except Refused:
            return  # paid or cancelled meanwhile; the page says so

    def _plant(self, kind: str, target: str, times: int) -> None:
        with self.store.commit():
            self.store.add_fault(kind, target, times)

    def _require_key(self, request: Request) -> None:
        given = _given_key(request)
        if not given:
            raise Refused(
                401,
                "You did not provide an API key. You need to provide your API key in the "
                "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
                "YOUR_SECRET_KEY').",
            )
        if not hmac.compare_digest(given.encode(), self.api_key.encode()):
            raise Refused(401, f"Invalid API Key provided: {given[:8]}****")


def create_app(sandbox: Sandbox) -> Starlette:
    """Return the application."""
    return Starlette(
        routes=[
            Route("/pay/{intent}", sandbox.show, methods=["GET"]),
            Route("/pay/{intent}", sandbox.pay, methods=["POST"]),
            Route("/sandbox/faults", sandbox.fault, methods=["POST"]),
            Route("/v1/{path:path}", sandbox.api, methods=["GET", "POST", "DELETE"]),
        ],
        exception_handlers={Refused: _refusal},
    )


def _given_key(request: Request) -> str:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX:
            raise Refused(413, "The request is too large.")
    return body


async def _params(request: Request) -> Params:
    if request.method == "POST":
        return parse(await _body(request))
    return parse(request.url.query.encode())


async def _json(request: Request) -> dict[str, Any]:
    try:
        asked = json.loads(await _body(request))
    except ValueError:
        raise Refused(400, "Invalid JSON.") from None
    if not isinstance(asked, dict):
        raise Refused(400, "Expected a JSON object.")
    return asked


async def _refusal(_: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise error
    body = json.dumps({"error": error.error}, indent=2)
    return Response(body, error.status, media_type="application/json")


def _response(call: Call, made: Reply, request: Request) -> Response:
    headers = {"Request-Id": call.request_id}
    if version := request.headers.get("stripe-version"):
        headers["Stripe-Version"] = version
    if call.idempotency_key:
        headers["Idempotency-Key"] = call.idempotency_key
    if made.is_replayed and made.answer.request_id != call.request_id:
        headers["Idempotent-Replayed"] = "true"
        headers["Original-Request"] = made.answer.request_id
    if made.answer.status >= 500:  # noqa: PLR2004 -- a stored failure is only replayed by a retry
        headers["Stripe-Should-Retry"] = "false"
    return Response(made.answer.body, made.answer.status, headers, "application/json")
