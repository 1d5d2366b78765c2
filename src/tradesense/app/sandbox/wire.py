"""Reading requests, and breaking connections on demand, below what HTTP frameworks offer."""

import asyncio
import json
import socket
import struct
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tradesense.app.sandbox.stripe.answers import Refused
from tradesense.app.sandbox.stripe.forms import Params, parse
from tradesense.app.sandbox.world.faults import Fault

BODY_MAX = 1 << 20
_CONNECTION = "sandbox.connection"


class CuttableProtocol(HttpToolsProtocol):
    """uvicorn's protocol; a request can reach its own connection, to cut it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {_CONNECTION: {"transport": self.transport}}


async def read_body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX:
            raise Refused(413, "The request is too large.")
    return body


async def read_params(request: Request) -> Params:
    """Return the parameters of Stripe's form encoding, from the body or the query."""
    if request.method == "POST":
        return parse(await read_body(request))
    return parse(request.url.query.encode())


async def read_json(request: Request) -> dict[str, Any]:
    return as_object(await read_body(request))


def as_object(body: bytes) -> dict[str, Any]:
    """Return a JSON object; an empty body is an empty one."""
    try:
        asked = json.loads(body or b"{}")
    except ValueError:
        raise Refused(400, "Invalid JSON.") from None
    if not isinstance(asked, dict):
        raise Refused(400, "Expected a JSON object.")
    return asked


async def suffer(request: Request, fault: Fault | None, answer: Response | None) -> Response | None:
    """
    Let a fault happen to a request and return what it is answered with.

    `answer` is what was to be said, None before anything was done; so is the result if the
    request goes on.
    """
    match None if fault is None else fault.kind:
        case "slow":
            await asyncio.sleep(cast(Fault, fault).delay_s)
        case "hang" | "hang_after":
            await _wait_for_hang_up(request, cast(Fault, fault).delay_s)
            return _cut(request, b"")
        case "reset" | "reset_after":
            return _cut(request, b"")
        case "cut_answer" if answer is not None:
            return _cut(request, _raw(answer)[: cast(Fault, fault).after_bytes])
    return answer


async def _wait_for_hang_up(request: Request, at_most_s: float) -> None:
    try:
        async with asyncio.timeout(at_most_s):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return  # the other side is patient; we are not


def _cut(request: Request, said: bytes) -> Response:
    """End the connection: with a reset, or in the middle of what is `said`."""
    transport = request.scope["extensions"][_CONNECTION]["transport"]
    if transport.is_closing():
        return Response(status_code=500)  # the other side has hung up by itself
    if said:
        transport.write(said)
        transport.close()
    else:
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return Response(status_code=500)  # nobody is there to read it


def _raw(answer: Response) -> bytes:
    head = "".join(f"{name.decode()}: {value.decode()}\r\n" for name, value in answer.raw_headers)
    return f"HTTP/1.1 {answer.status_code} Cut\r\n{head}\r\n".encode() + bytes(answer.body)
