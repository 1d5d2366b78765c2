"""The sandbox over HTTP: who may ask, what they ask for, and headers as Stripe sets them."""

import asyncio
import base64
import binascii
import hmac
import json
import os
import signal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tradesense.app.sandbox import control
from tradesense.app.sandbox.house import Sandbox
from tradesense.app.sandbox.mollie import answers, payments
from tradesense.app.sandbox.mollie.web import Mollie, refusal
from tradesense.app.sandbox.pages import ask_page, pay_page, refused_page
from tradesense.app.sandbox.store import Json
from tradesense.app.sandbox.stripe import sessions
from tradesense.app.sandbox.stripe.answers import Refused
from tradesense.app.sandbox.stripe.call import Call
from tradesense.app.sandbox.stripe.endpoints import Reply, reply
from tradesense.app.sandbox.wire import read_params, suffer
from tradesense.app.sandbox.world.faults import REFUSING, Fault, strike


class Stripe:
    """Stripe's API, and the page on which its buyers pay."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def api(self, request: Request) -> Response:
        """Serve everything under /v1."""
        key = request.headers.get("idempotency-key") or None
        self.require_key(request)
        params = await read_params(request)
        early = await asyncio.to_thread(self._strike, f"{request.method} {request.url.path}")
        refused = await suffer(request, early, _refused_by(early))
        if refused is not None:
            return refused
        call = self._sandbox.call(params, key=key)
        made = await asyncio.to_thread(reply, call, request.method, request.url.path)
        if made.fault is not None and made.fault.kind == "die_before_answer":
            os.kill(os.getpid(), signal.SIGKILL)
        self._sandbox.wake()
        answer = _response(call, made, request)
        return await suffer(request, made.fault, answer) or answer

    async def show(self, request: Request) -> Response:
        """Show a person what there is to pay, or ask them as their bank would."""
        secret = request.query_params.get("client_secret", "")
        opened = await asyncio.to_thread(self._open, request.path_params["ref"], secret)
        if opened is None:
            return HTMLResponse(refused_page(home=self._sandbox.home), 404)
        page = ask_page if opened["status"] == "requires_action" else pay_page
        return HTMLResponse(page(opened, home=self._sandbox.home))

    async def pay(self, request: Request) -> Response:
        """Do what a person chose on the page, and show what came of it."""
        form = await read_params(request)
        secret, ref = str(form.get("client_secret", "")), request.path_params["ref"]
        if await asyncio.to_thread(self._open, ref, secret) is None:
            return HTMLResponse(refused_page(home=self._sandbox.home), 404)
        await asyncio.to_thread(self._act, ref, form)
        self._sandbox.wake()
        return RedirectResponse(f"/pay/{ref}?client_secret={secret}", 303)

    def _strike(self, target: str) -> Fault | None:
        with self._sandbox.store.commit():
            return strike(self._sandbox.store, REFUSING, target)

    def _open(self, ref: str, secret: str) -> Json | None:
        """Return what the page shows: the payment intent, or what it will be made of."""
        call = self._sandbox.call({})
        with self._sandbox.store.commit():
            found = self._sandbox.store.find_any(ref)
            expected = f"{ref}_secret_{call.secret_of(ref)}"
            if found is None or not hmac.compare_digest(expected.encode(), secret.encode()):
                return None
            match found["object"]:
                case "payment_intent":
                    return found
                case "checkout.session":
                    return _session(call, sessions.current(call, ref))
                case "mollie_payment":
                    return _mollie(payments.current(call, ref), secret)
                case _:
                    return None

    def _act(self, ref: str, form: dict[str, Any]) -> None:
        call = self._sandbox.call({})
        try:
            with self._sandbox.store.commit():
                if "confirmed" in form:
                    confirmed = form["confirmed"] == "yes"
                    control.authenticate(call, {"ref": ref, "confirmed": confirmed})
                else:
                    control.pay(call, {"ref": ref, "method": form.get("payment_method", "")})
        except (Refused, answers.Refused):
            return  # paid or cancelled meanwhile; the page says so

    def require_key(self, request: Request) -> None:
        """Raise Refused unless the request is signed with our key."""
        given = _given_key(request)
        if not given:
            raise Refused(
                401,
                "You did not provide an API key. You need to provide your API key in the "
                "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
                "YOUR_SECRET_KEY').",
            )
        if not self._sandbox.is_key(given):
            raise Refused(401, f"Invalid API Key provided: {given[:8]}****")


def create_app(sandbox: Sandbox) -> Starlette:
    """Return the application."""
    stripe = Stripe(sandbox)
    return Starlette(
        routes=[
            Route("/pay/{ref}", stripe.show, methods=["GET"]),
            Route("/pay/{ref}", stripe.pay, methods=["POST"]),
            *control.routes(sandbox, stripe.require_key),
            Route("/v1/{path:path}", stripe.api, methods=["GET", "POST", "DELETE"]),
            Route("/v2/{path:path}", Mollie(sandbox).api, methods=["GET", "POST", "DELETE"]),
        ],
        exception_handlers={Refused: _refusal, answers.Refused: refusal},
    )


def _session(call: Call, session: Json) -> Json:
    """Return a session as the intent that it is, or will be when the buyer first pays."""
    ours = {
        "id": session["id"],
        "amount": session["amount_total"],
        "client_secret": session["sandbox_secret"],
        "currency": session["currency"],
        "last_payment_error": None,
        "status": "canceled" if session["status"] == "expired" else "requires_payment_method",
    }
    if session["payment_intent"] is None:
        return ours
    intent = call.get("payment_intent", session["payment_intent"], param="intent")
    kept = ("status", "last_payment_error", "amount", "currency")
    return ours | {name: intent[name] for name in kept}


def _mollie(payment: Json, secret: str) -> Json:
    """Return a payment at Mollie as the page shows it."""
    status = {"open": "requires_payment_method", "paid": "succeeded"}.get(payment["status"])
    if payment["status"] == "authorized":
        status = "requires_capture"
    return {
        "id": payment["id"],
        "amount": payment["amount"],
        "client_secret": secret,
        "currency": payment["currency"],
        "last_payment_error": None,
        "status": "requires_action" if payment["asks_buyer"] else status or "canceled",
    }


def _refused_by(fault: Fault | None) -> Response | None:
    """Return the answer of a Stripe that does nothing, if that is the fault."""
    if fault is None or fault.kind not in {"answer_429", "answer_503"}:
        return None
    if fault.kind == "answer_503":
        error = {"message": "The server is overloaded.", "type": "api_error"}
        return JSONResponse({"error": error}, 503)
    error = {
        "message": "Too many requests.",
        "type": "invalid_request_error",
        "code": "rate_limit",
    }
    headers = None if fault.retry_after is None else {"Retry-After": fault.retry_after}
    return JSONResponse({"error": error}, 429, headers)


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
