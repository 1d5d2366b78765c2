"""A request sent again gets the first answer and has no second effect."""

import asyncio
import time
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from faults import Cut, wire
from tradesense.infra.db import Database
from tradesense.infra.idempotency import (
    Answer,
    OnceFromRequest,
    StillServed,
    forget_answers,
    once,
)
from tradesense.kernel.errors import Conflict, Throttled, TradeSenseError
from tradesense.kernel.instants import from_us

SECRET = "sk_shown_once"


class Order(BaseModel):
    qty: int
    mood: str = "calm"


class TooLarge(Conflict):
    code = "test.too_large"


def application(runtime):
    """A shop with one endpoint: orders are marks in a table; some are refused."""
    app = FastAPI()
    app.state.runtime = runtime
    app.state.served = 0

    @app.post("/orders")
    async def place(order: Order, once: OnceFromRequest) -> Response:
        async def verb(tx):
            app.state.served += 1
            await tx.execute("INSERT INTO infra_leases (name, token) VALUES (%s, 1)", (order.mood,))
            if order.mood == "slow":
                await tx.execute("SELECT pg_sleep(0.3)")
            if order.qty > 10:
                raise TooLarge(f"{order.qty} is too much")
            if order.mood == "hasty":
                raise Throttled("later", retry_after_s=1)
            return {"qty": order.qty, "secret": SECRET, "served": app.state.served}

        return await once.answer(verb, scope="user:1", status=201)

    @app.exception_handler(TradeSenseError)
    async def refuse(_, error):
        status = getattr(error, "http_status", 409 if isinstance(error, Conflict) else 422)
        return JSONResponse(
            {"code": error.code, "detail": str(error)}, status, {"set-cookie": "a=b", "x-who": "us"}
        )

    return app


@pytest.fixture
async def shop(runtime):
    app = application(runtime)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://shop"
    ) as client:
        client.app = app
        yield client


async def place(shop, key, **order):
    return await shop.post("/orders", json={"qty": 1, **order}, headers={"Idempotency-Key": key})


async def effects(db):
    async with db.reading() as tx:
        found = await (await tx.execute("SELECT name FROM infra_leases")).fetchall()
    return sorted(row["name"] for row in found)


async def test_the_same_request_gets_the_same_bytes(shop, db):
    first = await place(shop, "k1")
    again = await place(shop, "k1")
    assert (first.status_code, first.json()["served"]) == (201, 1)
    assert "idempotency-replayed" not in first.headers
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    assert await effects(db) == ["calm"]


async def test_another_key_is_another_request(shop, db):
    await place(shop, "k1", mood="a")
    await place(shop, "k2", mood="b")
    assert await effects(db) == ["a", "b"]


async def test_the_same_key_for_another_request_is_refused(shop, db):
    await place(shop, "k1")
    other = await place(shop, "k1", qty=2)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency.key_reused")
    assert await effects(db) == ["calm"]


@pytest.mark.parametrize("key", ["", "k" * 256, "a\tb"])
async def test_a_missing_or_unusable_key_is_refused_before_anything_happens(shop, db, key):
    answer = await place(shop, key)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency.key_missing")
    assert await effects(db) == []


async def test_no_header_at_all_is_a_missing_key(shop):
    answer = await shop.post("/orders", json={"qty": 1})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency.key_missing")


async def test_a_key_of_255_characters_is_fine(shop):
    assert (await place(shop, "k" * 255)).status_code == 201


async def test_a_refusal_undoes_the_verb_and_is_kept(shop, db):
    first = await place(shop, "k1", qty=11)
    again = await place(shop, "k1", qty=11)
    assert (first.status_code, first.json()["detail"]) == (409, "11 is too much")
    assert (again.status_code, again.content) == (409, first.content)
    assert again.headers["x-who"] == "us"
    assert "set-cookie" not in again.headers
    assert shop.app.state.served == 1
    assert await effects(db) == []


async def test_later_is_no_answer_to_keep(shop, db):
    await place(shop, "k1", mood="hasty")
    await place(shop, "k1", mood="hasty")
    assert shop.app.state.served == 2
    assert await effects(db) == []


async def test_copies_sent_at_once_have_one_effect_and_one_answer(shop, db):
    answers = await asyncio.gather(*(place(shop, "k1", mood="slow") for _ in range(12)))
    assert {answer.content for answer in answers} == {answers[0].content}
    assert shop.app.state.served == 1
    assert await effects(db) == ["slow"]


async def test_a_copy_in_another_process_is_told_to_wait(db, database):
    async def slow(tx):
        await tx.execute("SELECT pg_sleep(1)")
        return Answer.of("first")

    def request(tx):
        return once(tx, scope="user:1", key="k1", payload=b"", secret=b"s" * 32, verb=slow)

    async with Database.open(database.app) as elsewhere:
        first = asyncio.ensure_future(elsewhere.run(request, key="first"))
        await asyncio.sleep(0.2)
        began = time.monotonic()
        with pytest.raises(StillServed):
            await db.run(request, key="second")
        assert time.monotonic() - began < 0.5
        assert await db_answer(db, request) == (await first).body


async def db_answer(db, request):
    """Ask until the first has been answered, as a client would."""
    while True:
        try:
            return (await db.repeat(request)).body
        except StillServed:
            await asyncio.sleep(0.05)


async def test_a_lost_answer_to_commit_is_no_second_effect(runtime, database, db):
    async with wire(database.app) as line, Database.open(line.url) as far:
        line.on_sent = lambda data: (
            Cut(is_delivered=True) if b"COMMIT\x00" in data and not line.cuts else None
        )
        app = application(replace(runtime, db=far))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://shop"
        ) as client:
            first = await place(client, "k1")
            again = await place(client, "k1")
        assert line.cuts == 1
    assert (first.status_code, again.content) == (201, first.content)
    assert await effects(db) == ["calm"]


async def test_what_is_stored_cannot_be_read_without_the_secret(shop, db):
    await place(shop, "k1")
    async with db.reading() as tx:
        stored = await (await tx.execute("SELECT answer FROM infra_idempotency")).fetchone()
    assert SECRET.encode() not in stored["answer"]


async def test_old_answers_are_forgotten(shop, db):
    await place(shop, "k1", mood="a")
    assert await db.repeat(lambda tx: forget_answers(tx, before=from_us(0))) == 0
    async with db.reading() as tx:
        later = await (await tx.execute("SELECT clock_timestamp() AS at")).fetchone()
    assert await db.repeat(lambda tx: forget_answers(tx, before=later["at"])) == 1
    assert (await place(shop, "k1", mood="b")).json()["served"] == 2


def test_answers_render_models_and_plain_values():
    assert Answer.of(Order(qty=1)).body == b'{"qty":1,"mood":"calm"}'
    assert Answer.of({"qty": 2**60}).body == b'{"qty":"1152921504606846976"}'
    assert Answer.of([], status=202).response().status_code == 202
