"""Mollie's API over HTTP."""

import asyncio
import os
import signal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tradesense.app.sandbox.house import Sandbox
from tradesense.app.sandbox.mollie.answers import Refused, problem
from tradesense.app.sandbox.mollie.endpoints import Asked, reply
from tradesense.app.sandbox.wire import as_object, read_body, suffer
from tradesense.app.sandbox.world.faults import REFUSING, Fault, strike

_STATUS = {"answer_429": 429, "answer_503": 503}


class Mollie:
    """Everything under /v2."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def api(self, request: Request) -> Response:
        """Serve one request."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._sandbox.is_mollie_key(given.strip()):
            raise Refused(401, "Missing authentication, or failed to authenticate")
        path = request.url.path
        body = as_object(await read_body(request)) if request.method != "GET" else {}
        early = await asyncio.to_thread(self._strike, f"{request.method} {path}")
        refused = await suffer(request, early, _refused_by(early))
        if refused is not None:
            return refused
        call = self._sandbox.call({}, key=request.headers.get("idempotency-key") or None)
        asked = Asked(call, body, {**request.query_params, "path": path})
        made = await asyncio.to_thread(reply, asked, request.method, path)
        if made.fault is not None and made.fault.kind == "die_before_answer":
            os.kill(os.getpid(), signal.SIGKILL)
        self._sandbox.wake()
        answer = Response(made.answer.body, made.answer.status, None, "application/hal+json")
        return await suffer(request, made.fault, answer) or answer

    def _strike(self, target: str) -> Fault | None:
        with self._sandbox.store.commit():
            return strike(self._sandbox.store, REFUSING, target)


async def refusal(_: Request, error: Exception) -> Response:
    """Answer a request that is refused."""
    if not isinstance(error, Refused):
        raise error
    return JSONResponse(error.body, error.status, None, "application/hal+json")


def _refused_by(fault: Fault | None) -> Response | None:
    if fault is None or fault.kind not in _STATUS:
        return None
    status = _STATUS[fault.kind]
    has_wish = fault.kind == "answer_429" and fault.retry_after is not None
    headers = {"Retry-After": str(fault.retry_after)} if has_wish else None
    return JSONResponse(problem(status, "Try again later"), status, headers)
