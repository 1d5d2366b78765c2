"""The websocket of trade updates: what it answers to nonsense, and to a database that is away."""

import json
from dataclasses import replace

import pytest
from fastapi import FastAPI

from faults import Cut, wire
from tradesense import identity
from tradesense.infra.db import Database
from tradesense.trading.alpaca.stream import TRY_AGAIN_LATER
from tradesense.trading.http import router


async def talk(runtime, *messages):
    """Say `messages` to the websocket, then leave; return what it said."""
    app = FastAPI()
    app.state.runtime = runtime
    app.include_router(router)
    coming = [{"type": "websocket.connect"}, *messages, {"type": "websocket.disconnect"}]
    said = []

    async def receive():
        following = coming.pop(0)
        return following() if callable(following) else following

    async def send(message):
        said.append(message)

    scope = {"type": "websocket", "path": "/stream", "headers": [], "query_string": b""}
    await app({**scope, "subprotocols": [], "app": app}, receive, send)
    return said


def text(words):
    return {"type": "websocket.receive", "text": words}


def sign_in(key_id, secret="wrong"):
    data = {"key_id": key_id, "secret_key": secret}
    return text(json.dumps({"action": "authenticate", "data": data}))


@pytest.mark.parametrize(
    "first",
    [
        sign_in("PKNOBODY"),
        sign_in("\ud800", "\ud800"),
        sign_in("a\0b"),
        sign_in(["PKNOBODY"], {"a": 1}),
        text("[" * 100_000),
        text('{"a":' * 100_000),
        text("1"),
        text("{"),
        {"type": "websocket.receive", "bytes": b"\xff\xfe"},
    ],
    ids=lambda message: str(message)[:60],
)
async def test_whoever_shows_no_key_is_told_so_and_left(runtime, first):
    accepted, answer, closed = await talk(runtime, first)

    assert accepted["type"] == "websocket.accept"
    assert "unauthorized" in str(answer)
    assert (closed["type"], closed["code"]) == ("websocket.close", 1000)


@pytest.fixture
async def known(runtime):
    """The first message of a client whose key is right."""
    secret, user_id = identity.instance_secret(runtime.settings), runtime.new_id()

    async def issue(tx):
        await identity.sign_up(
            tx, user_id=user_id, email="ada@example.com", password_hash="-", now=runtime.now()
        )
        return await identity.issue_key(
            tx, user_id=user_id, challenge_id=runtime.new_id(), request_key="one",
            instance_secret=secret, now=runtime.now(),
        )  # fmt: skip

    issued = await runtime.db.run(issue, key="known key")
    return sign_in(issued.key_id, issued.secret)


async def test_while_the_database_is_away_nobody_can_sign_in_and_is_sent_to_try_again(
    runtime, known
):
    async with Database.open("postgresql://nobody@127.0.0.1:1/nothing") as absent:
        _, closed = await talk(replace(runtime, db=absent), known)

    assert (closed["type"], closed["code"]) == ("websocket.close", TRY_AGAIN_LATER)


async def test_a_client_that_listens_once_the_database_is_away_is_sent_to_try_again(
    runtime, known, database
):
    async with wire(database.app) as wired, Database.open(wired.url) as db:

        def listen():
            wired.on_sent = lambda _: Cut(is_delivered=False)
            return text('{"action": "listen", "data": {"streams": ["trade_updates"]}}')

        _, answer, closed = await talk(replace(runtime, db=db), known, listen)

    assert '"authorized"' in answer["text"]
    assert (closed["type"], closed["code"]) == ("websocket.close", TRY_AGAIN_LATER)
    assert wired.cuts
