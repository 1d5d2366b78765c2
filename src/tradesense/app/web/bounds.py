"""What a stranger may make us hold in memory before we know what is asked, and by whom."""

from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

BODY_MAX = 1024 * 1024  # the largest request of ours has a few thousand bytes
HEAD_MAX = 64 * 1024  # what common proxies allow, and more
WEBSOCKET_MESSAGE_MAX = 64 * 1024

_REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class BoundedBody:
    """Answers 413 as soon as a request's body is announced, or turns out, larger than BODY_MAX."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; its body is counted while the application reads it."""
        left = BODY_MAX

        async def counted() -> Message:
            nonlocal left
            if _announced(scope) > BODY_MAX:
                raise _too_large()
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise _too_large()
            return message

        await self._app(scope, counted if scope["type"] == "http" else receive, send)


def _too_large() -> HTTPException:
    said = f"a body has at most {BODY_MAX} bytes"
    return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, said)


def _announced(scope: Scope) -> int:
    # A number, or the HTTP parser would not have let it through.
    return max((int(value) for name, value in scope["headers"] if name == b"content-length"),
               default=0)  # fmt: skip


class BoundedHead(HttpToolsProtocol):
    """uvicorn's HTTP, which by itself reads a head without end; answers 431 beyond HEAD_MAX."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._unparsed = 0

    def data_received(self, data: bytes) -> None:
        """Count what comes until the parser has made something of it."""
        self._unparsed += len(data)
        super().data_received(data)
        if self._unparsed > HEAD_MAX and not self.transport.is_closing():
            self.transport.write(_REFUSAL)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """Start to count anew: the head is complete."""
        self._unparsed = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Start to count anew: what comes is the body, which is counted elsewhere."""
        self._unparsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Start to count anew: what comes is the next head."""
        self._unparsed = 0
        super().on_message_complete()
