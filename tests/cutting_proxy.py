"""
A proxy on loopback that cuts the connection at a chosen byte of a request or of its answer.

A cut *at* a byte lets all before it pass, and not it. What was cut, and where, is kept: a fault
test proves that its fault happened.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

from wire_places import middle_of

REQUEST, ANSWER = "request", "answer"
AFTER_CONNECT = "after connect"
DELIVERED = "delivered, no byte of the answer"
ABANDONED = "delivered, nobody waits for the answer"
ANSWERED = "answered, before close"
EDGES = (AFTER_CONNECT, DELIVERED, ABANDONED, ANSWERED)  # between the bytes


class Ending(StrEnum):
    FIN = "fin"
    RST = "rst"
    HANG = "hang"  # nothing more comes, until the client has had enough


@dataclass(frozen=True)
class Cut:
    """One of EDGES, a place of `wire_places`, or a part in 1,000 of all bytes of both messages."""

    place: str
    ending: Ending
    permille: int | None = None

    def in_request(self, request: bytes, answer_length: int) -> int | None:
        """Return at which byte of the request to cut, None to let it pass."""
        if self.permille is not None:
            at = self.permille * (len(request) + answer_length) // 1_000
            return at if at < len(request) else None
        if self.place == AFTER_CONNECT:
            return 0
        if not self.place.startswith(REQUEST):
            return None
        at = middle_of(request, REQUEST, self.place)
        assert at is not None, f"no {self.place} in {request!r}"
        return at

    def in_answer(self, request: bytes, answer: bytes, answer_length: int) -> int:
        """Return how much of the answer passes."""
        if self.permille is not None:
            at = self.permille * (len(request) + answer_length) // 1_000 - len(request)
            return min(at, len(answer))
        if self.place in {DELIVERED, ABANDONED}:
            return 0
        if self.place == ANSWERED:
            return len(answer)
        at = middle_of(answer, ANSWER, self.place)
        assert at is not None, f"no {self.place} in {answer!r}"
        return at


@dataclass(frozen=True)
class Target:
    """The request to cut: how it begins, and what it has in it."""

    begins: str
    contains: str = ""

    def is_met(self, request: bytes) -> bool:
        return request.startswith(self.begins.encode()) and self.contains.encode() in request


@dataclass(frozen=True)
class Struck:
    """A cut that happened: at byte `at` of the request, or else of the answer."""

    target: Target
    cut: Cut
    request: bytes
    answer: bytes
    side: str
    at: int


@dataclass
class Proxy:
    """`watched` keeps the messages of requests that are not cut; `is_down` resets all others."""

    upstream: int
    port: int = 0
    is_down: bool = False
    armed: dict[Target, Cut] = field(default_factory=dict)
    watched: dict[Target, tuple[bytes, bytes]] = field(default_factory=dict)
    watching: list[Target] = field(default_factory=list)
    answer_length: int = 0  # of what `watched` saw: a part of all bytes is one of these
    struck: list[Struck] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Refuse every connection, until it listens again."""
        assert self._server is not None
        self._server.close()
        for writer in self._open:
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(ConnectionError):
                while (request := await _message(reader)) is not None:
                    if not await self._pass_on(request, reader, writer):
                        return
        finally:
            self._open.discard(writer)
            writer.close()

    async def _pass_on(
        self, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Serve one request; return whether the connection goes on."""
        target = next((each for each in self.armed if each.is_met(request)), None)
        if target is not None:
            await self._cut(target, self.armed.pop(target), request, reader, writer)
            return False
        if self.is_down:
            _reset(writer)
            return False
        answer = await self._ask(request)
        for each in self.watching:
            if each.is_met(request):
                self.watched.setdefault(each, (request, answer))
        writer.write(answer)
        await writer.drain()
        return True

    async def _cut(
        self,
        target: Target,
        cut: Cut,
        request: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        at = cut.in_request(request, self.answer_length)
        if at is not None or cut.place == ABANDONED:
            part = request if at is None else request[:at]
            side, answer, at = REQUEST, b"", len(part)
            theirs = await self._send(part)
        else:
            theirs, answer = None, await self._ask(request)
            side, at = ANSWER, cut.in_answer(request, answer, self.answer_length)
            writer.write(answer[:at])
            await writer.drain()
        self.struck.append(Struck(target, cut, request, answer, side, at))
        if cut.ending is Ending.HANG:
            await reader.read()  # until the client gives up
        for each in (writer, *([] if theirs is None else [theirs])):
            _reset(each) if cut.ending is Ending.RST else each.close()

    async def _send(self, part: bytes) -> asyncio.StreamWriter | None:
        """Send what is left of a request; return the connection, None if there is nothing."""
        if not part:
            return None
        _, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        writer.write(part)
        await writer.drain()
        return writer

    async def _ask(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        try:
            writer.write(request)
            await writer.drain()
            return (await _message(reader)) or b""
        finally:
            writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a machine that has forgotten it would."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _message(reader: asyncio.StreamReader) -> bytes | None:
    """Return one HTTP message with its body; None at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        assert name.lower() != b"transfer-encoding", "the proxy knows whole bodies only"
        if name.lower() == b"content-length":
            length = int(value)
    return head + await reader.readexactly(length)


@asynccontextmanager
async def cutting_proxy(upstream: int) -> AsyncIterator[Proxy]:
    proxy = Proxy(upstream)
    await proxy.listen()
    try:
        yield proxy
    finally:
        proxy.refuse()
