"""A stranger cannot fill our memory: heads and bodies have an end, over real sockets."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from fastapi import FastAPI, Request

from tradesense.app import errors
from tradesense.app.web.bounds import BODY_MAX, HEAD_MAX, BoundedBody, BoundedHead

GET = b"GET /size HTTP/1.1\r\nHost: test\r\n"
POST = b"POST /size HTTP/1.1\r\nHost: test\r\n"
LAST = b"Connection: close\r\n"
MEGABYTE = 1024 * 1024


def app() -> FastAPI:
    made = FastAPI()

    @made.api_route("/size", methods=["GET", "POST"])
    async def size(request: Request) -> int:
        return len(await request.body())

    made.add_middleware(BoundedBody)
    errors.install(made)
    return made


@asynccontextmanager
async def served():
    config = uvicorn.Config(app(), port=0, http=BoundedHead, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield server.servers[0].sockets[0].getsockname()[1]
        finally:
            server.should_exit = True


async def said(*parts: bytes) -> tuple[bytes, int]:
    """Send `parts`, or as many as are taken; return the answers, and how many bytes were taken."""
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        taken, answers = 0, b""
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
                taken += len(part)
        except ConnectionError:
            return answers, taken  # it hung up while we were sending, and the answer went with it
        with suppress(ConnectionError):
            while more := await reader.read(65_536):
                answers += more
        writer.close()
        return answers, taken


async def test_requests_of_ordinary_size_pass_also_one_after_the_other_on_one_connection():
    body = b"a" * BODY_MAX
    head = POST + b"X: " + b"a" * (HEAD_MAX - 1000) + b"\r\n"
    answers, _ = await said(
        *(head + b"Content-Length: %d\r\n\r\n" % len(body), body) * 3,
        GET + LAST + b"\r\n",
    )
    assert answers.count(b"HTTP/1.1 200 OK") == 4
    assert answers.count(b"\r\n\r\n%d" % BODY_MAX) == 3


@pytest.mark.parametrize(
    "start",
    [GET + b"X: ", GET + b"X", b"GET /", b"GET /size?"],
    ids=["value", "name", "path", "query"],
)
async def test_a_head_without_end_is_refused(start):
    answers, taken = await said(start, *[b"a" * 65_536] * 200)

    assert b"200 OK" not in answers
    assert not answers or answers.startswith(b"HTTP/1.1 4")
    assert taken < 10 * MEGABYTE  # what lies in the buffers of two sockets


async def test_a_head_of_very_many_fields_is_refused():
    answers, taken = await said(GET, *[b"".join(b"X%d: a\r\n" % n for n in range(9_999))] * 100)

    assert b"200 OK" not in answers
    assert taken < 10 * MEGABYTE


async def test_a_body_that_is_announced_too_large_is_refused_unread():
    answers, _ = await said(POST + LAST + b"Content-Length: 1000000000000\r\n\r\n")

    assert answers.startswith(b"HTTP/1.1 413")
    assert b"a body has at most 1048576 bytes" in answers


async def test_a_body_that_turns_out_too_large_is_refused():
    chunk = b"10000\r\n" + b"a" * 65_536 + b"\r\n"  # the last of 17 is too much
    answers, _ = await said(POST + LAST + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 17)

    assert answers.startswith(b"HTTP/1.1 413")
