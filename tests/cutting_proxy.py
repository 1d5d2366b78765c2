"""A proxy on loopback that cuts one connection at a chosen place of a request or its answer."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

# Where a call may break: before it, in each part of the request and of the answer, after it.
PLACES = (
    "before the request", "in the request line", "in the request's headers",
    "in the request's body", "after the request", "in the status line",
    "in the answer's headers", "in the answer's body", "at the last byte", "after the answer",
)  # fmt: skip


@dataclass
class Proxy:
    """`target` is what the first line of the request to be cut begins with; None cuts nothing."""

    upstream: int
    port: int = 0
    target: bytes | None = None
    place: str = ""
    cuts: list[bytes] = field(default_factory=list)

    def arm(self, target: str, place: str) -> None:
        self.target, self.place = target.encode(), place

    async def serve(self, reader, writer):
        try:
            while True:
                request = await _message(reader)
                if request is None:
                    return
                is_cut = self.target is not None and request.startswith(self.target)
                if is_cut:
                    self.target = None
                    self.cuts.append(request.partition(b"\r\n")[0])
                answer = await self._forward(_part(request, self.place) if is_cut else request,
                                             whole=request)  # fmt: skip
                if is_cut:
                    writer.write(_said(answer, self.place))
                    await writer.drain()
                    return
                writer.write(answer)
                await writer.drain()
        finally:
            writer.close()

    async def _forward(self, sent, *, whole):
        """Send a request, or what is left of it; return its answer, nothing for a part."""
        if not sent:
            return b""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        try:
            writer.write(sent)
            await writer.drain()
            return (await _message(reader)) or b"" if sent == whole else b""
        finally:
            writer.close()


def _part(request, place):
    head = request.index(b"\r\n\r\n") + 4
    ends = {
        "before the request": 0,
        "in the request line": 6,
        "in the request's headers": head // 2,
        "in the request's body": head + (len(request) - head) // 2,
    }
    end = ends.get(place, len(request))
    return request[: min(end, len(request) - 1)] if place in ends else request


def _said(answer, place):
    if not answer or place == "after the request":
        return b""
    head = answer.index(b"\r\n\r\n") + 4
    ends = {
        "in the status line": 6,
        "in the answer's headers": head // 2,
        "in the answer's body": head + (len(answer) - head) // 2,
        "at the last byte": len(answer) - 1,
    }
    return answer[: ends.get(place, len(answer))]


async def _message(reader):
    """Return one HTTP message with its body; None at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return head + await reader.readexactly(length)


@asynccontextmanager
async def cutting_proxy(upstream):
    proxy = Proxy(upstream)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
