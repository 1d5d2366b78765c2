"""What means one thing only passes as it is; what could mean two is refused, and told where."""

import httpx
import pytest
from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel

from tradesense.app import errors
from tradesense.infra.plain import Moment, Said, require_plain


class Told(BaseModel):
    """Words, and whatever else."""

    words: Said
    more: dict[str, object] = {}
    at: Moment | None = None


@pytest.fixture
async def ask():
    app = FastAPI(dependencies=[Depends(require_plain)])
    errors.install(app)

    @app.post("/api/told/{name}")
    async def tell(name: str, told: Told) -> tuple[str, Told]:
        return name, told

    @app.post("/api/raw")
    async def take(request: Request) -> int:
        return len(await request.body())

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:

        async def post(content, path="/api/told/me"):
            headers = {"Content-Type": "application/json"}
            return await client.post(path, content=content, headers=headers)

        yield post


FINE = [
    '{"words": "two\\nlines"}',
    '{"words": "\N{GRINNING FACE} \\ud83d\\ude00 \N{HEBREW LETTER ALEF}"}',
    '{"words": "\\\\u0000 is how a NUL is written"}',
    '{"words": "a", "more": {"words": "b", "deeper": [{"words": "c"}, {"words": "d"}]}}',
    '\N{ZERO WIDTH NO-BREAK SPACE}{"words": "a byte order mark before it"}',
    '{"words": "a", "at": "0001-01-01T00:00:00Z"}',
    '{"words": "a", "at": "9999-12-31T23:59:59+00:01"}',
]


@pytest.mark.parametrize("body", FINE)
async def test_what_is_plain_passes(ask, body):
    answer = await ask(body.encode())
    assert answer.status_code == 200, answer.text


ODD = [
    (rb'{"words": "a\u0000b"}', "words holds a NUL character"),
    (rb'{"words": "a", "more": {"b": [{"c": ["\u0000"]}]}}', "c holds a NUL character"),
    (rb'{"words": "a", "more": {"b\u0000": 1}}', "more holds a NUL character"),
    (rb'{"words": "a\ud800"}', "words holds half a character"),
    (rb'{"words": "\ude00\ud83d"}', "words holds half a character"),
    (b'{"words": "a", "words": "a"}', "says words twice"),
    (b'{"words": "a", "more": {"b": 1, "b": 1}}', "says b twice"),
    (b'{"words": "a", "more": {"b": NaN}}', "NaN is not a number"),
    (b'{"words": "a", "more": {"b": -Infinity}}', "-Infinity is not a number"),
    ('{"words": "a"}'.encode("utf-16"), "the body is no UTF-8, from byte 0 on"),
    (b'{"words": "  \\n"}', "say it in words"),
    (b'{"words": "a", "at": "0001-01-01T00:00:00+00:01"}', "no calendar of ours"),
    (b'{"words": "a", "at": "9999-12-31T23:59:59-00:01"}', "no calendar of ours"),
]


@pytest.mark.parametrize(("body", "says"), ODD)
async def test_what_is_odd_is_refused_where_it_stands(ask, body, says):
    answer = await ask(body)
    assert (answer.status_code, says in answer.text) == (422, True), answer.text


@pytest.mark.parametrize("path", ["/api/told/a%00b", "/api/told/me?a%00=1", "/api/told/me?a=%00"])
async def test_addresses_are_read_as_strictly(ask, path):
    answer = await ask(b'{"words": "a"}', path)
    assert (answer.status_code, answer.json()["code"]) == (422, "unreadable")


async def test_a_route_that_reads_its_body_itself_gets_it_as_it_came(ask):
    body = b'{"a": 1, "a": "\\u0000"}'
    assert (await ask(body, "/api/raw")).json() == len(body)
