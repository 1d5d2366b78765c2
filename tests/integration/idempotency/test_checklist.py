"""Every line of the checklist as a row, over a shop with each kind of Redis."""

import asyncio
import json

import psycopg
import pytest
from prometheus_client import REGISTRY

from idempotency_shop import SECRET_SHOWN, Order
from tradesense.app.processes import scheduler
from tradesense.infra.idempotency import Answer

K1, K2 = "7b1c59ae-first", "0f3d62c8-other"  # keys like a client's
ROWS = {}


def row(sentence):
    """Put a test into the table."""

    def add(check):
        ROWS[sentence] = check
        return check

    return add


@pytest.fixture
def moves_time(database):
    """Let the day of every kept answer end now, as seen by the database; Redis forgets sooner."""

    def move(hours):
        with psycopg.connect(database.owner) as conn:
            conn.execute(
                "UPDATE infra_idempotency SET expires_at = expires_at - make_interval(hours => %s)",
                (hours,),
            )

    return move


@pytest.mark.parametrize("sentence", ROWS)
async def test_the_checklist(sentence, shop, moves_time):
    shop.move_time = moves_time
    await ROWS[sentence](shop)


def problem(answer, status, code):
    """Whether `answer` is that problem, in the words of RFC 9457."""
    said = answer.json()
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert (answer.status_code, said["status"], said["code"]) == (status, status, code)
    assert said["type"] == f"urn:tradesense:{code}"
    return True


def same(answer, first):
    """Whether `answer` is the first again, byte for byte and marked."""
    assert "idempotency-replayed" not in first.headers
    assert answer.headers["idempotency-replayed"] == "true"
    assert (answer.status_code, answer.content) == (first.status_code, first.content)
    unlike = {"idempotency-replayed", "set-cookie"}
    told, before = (
        [(name, value) for name, value in each.headers.multi_items() if name not in unlike]
        for each in (answer, first)
    )
    return told == before


@row("a missing key is 400")
async def _(shop):
    assert problem(await shop.send(), 400, "idempotency.key_missing")
    assert await shop.effects() == 0


@row("255 characters are a key, 256 are 400")
async def _(shop):
    long = ("0123456789abcdef" * 16)[:255]
    assert (await shop.send(long)).status_code == 201
    assert problem(await shop.send(long + "x"), 400, "idempotency.key_unusable")
    assert await shop.effects() == 1


@row("what cannot be printed is 400")
async def _(shop):
    for unprintable in (b"7b1c59ae\tfirst", "7b1c59ae-fürst".encode(), b"7b1c59ae\x7ffirst"):
        answer = await shop.send(headers={"Idempotency-Key": unprintable})
        assert problem(answer, 400, "idempotency.key_unusable")
    assert await shop.effects() == 0


@row("a key that is easily met again is 400")
async def _(shop):
    for weak in ("1", "order", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "test-2"):
        assert problem(await shop.send(weak), 400, "idempotency.key_unusable")
    assert await shop.effects() == 0


@row("a key in quotes (RFC 8941) is the same key")
async def _(shop):
    first = await shop.send(K1)
    assert same(await shop.send(f'"{K1}"'), first)
    assert await shop.effects() == 1


@row("two keys are 400")
async def _(shop):
    two = [("Idempotency-Key", K1), ("Idempotency-Key", K2)]
    answer = await shop.http.post("/orders", json={"qty": 1}, headers=two)
    assert problem(answer, 400, "idempotency.key_unusable")
    assert await shop.effects() == 0


@row("another principal, method or route is another request")
async def _(shop):
    answers = [
        await shop.send(K1),
        await shop.send(K1, headers={"X-Who": "bob"}),
        await shop.send(K1, method="PUT"),
        await shop.send(K1, to="/shops/west/orders"),
    ]
    assert [answer.status_code for answer in answers] == [201] * 4
    assert await shop.effects() == 4


@row("the same JSON in other words is the same request")
async def _(shop):
    typed = {"Content-Type": "application/json"}
    first = await shop.send(K1, content=b'{"qty": 2, "mood": "calm"}', headers=typed)
    again = await shop.send(K1, content=b'{"mood":"calm","qty":2}', headers=typed)
    assert same(again, first)
    assert await shop.effects() == 1


@row("another payload, query or part of the path is 422")
async def _(shop):
    await shop.send(K1, to="/shops/west/orders")
    for other in (
        await shop.send(K1, to="/shops/west/orders", qty=2),
        await shop.send(K1, to="/shops/west/orders?gift=yes"),
        await shop.send(K1, to="/shops/east/orders"),
    ):
        assert problem(other, 422, "idempotency.key_reused")
    assert await shop.effects() == 1


@row("copies in one process: 409 and Retry-After at once, one effect")
async def _(shop):
    loop, begun, ended = asyncio.get_running_loop(), {}, {}

    async def timed(number):
        begun[number] = loop.time()
        answer = await shop.send(K1, takes_s=0.5)
        ended[number] = loop.time()
        return answer

    answers = await asyncio.gather(*(timed(number) for number in range(12)))
    first = next(answer for answer in answers if answer.status_code == 201)
    for number, answer in enumerate(answers):
        if answer is not first:
            assert problem(answer, 409, "idempotency.still_served")
            assert int(answer.headers["retry-after"]) >= 1
            assert ended[number] - begun[number] < 0.5  # not as long as the verb
    assert same(await shop.send(K1, takes_s=0.5), first)
    assert (await shop.effects(), shop.app.state.served) == (1, 1)


@row("a copy in another process: 409 and Retry-After at once, one effect")
async def _(shop):
    elsewhere = type(shop)(shop.runtime)
    async with elsewhere.http:
        serving = asyncio.ensure_future(shop.send(K1, takes_s=0.5))
        while not shop.app.state.served:
            await asyncio.sleep(0.01)
        copy = await elsewhere.send(K1, takes_s=0.5)
        assert problem(copy, 409, "idempotency.still_served")
        assert copy.headers["retry-after"] == "1"
        assert not serving.done()
        first = await serving
        assert same(await elsewhere.send(K1, takes_s=0.5), first)
    assert await shop.effects() == 1


@row("a 2xx is kept and given again byte for byte")
async def _(shop):
    first = await shop.send(K1, qty=3)
    assert first.json() == {"qty": 3, "secret": SECRET_SHOWN, "served": 1}
    for _ in range(3):
        assert same(await shop.send(K1, qty=3), first)
    assert (await shop.effects(), shop.app.state.served) == (1, 1)


@row("a definite 4xx is kept, its effect undone")
async def _(shop):
    first = await shop.send(K1, mood="greedy")
    assert problem(first, 409, "shop.too_large")
    assert same(await shop.send(K1, mood="greedy"), first)
    assert (await shop.effects(), shop.app.state.served) == (0, 1)


@row("a refusal that passes is not kept")
async def _(shop):
    for number, (mood, status) in enumerate({"hasty": 429, "unknown": 401}.items()):
        key = f"{K1}-{number}"
        answers = [await shop.send(key, mood=mood) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [status, status]
        assert all("idempotency-replayed" not in answer.headers for answer in answers)
    assert (await shop.effects(), shop.app.state.served) == (0, 4)


@row("a 5xx is not kept, nor is its effect")
async def _(shop):
    for number, (mood, status) in enumerate({"away": 503, "lost": 503, "broken": 500}.items()):
        key = f"{K1}-{number}"
        answers = [await shop.send(key, mood=mood) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [status, status]
        assert all("idempotency-replayed" not in answer.headers for answer in answers)
    assert (await shop.effects(), shop.app.state.served) == (0, 6)


@row("a replay sets no cookie")
async def _(shop):
    first = await shop.send(K1, mood="with a cookie")
    again = await shop.send(K1, mood="with a cookie")
    assert first.headers["set-cookie"] == "session=1"
    assert "set-cookie" not in again.headers
    assert same(again, first)
    assert again.headers["x-served-by"] == "us"


@row("an answer is kept for a day of the database's time")
async def _(shop):
    first = await shop.send(K1)
    shop.move_time(hours=23)
    assert same(await shop.send(K1), first)
    shop.move_time(hours=1)
    await shop.forget()
    later = await shop.send(K1)
    assert (later.status_code, later.json()["served"]) == (201, 2)
    assert same(await shop.send(K1), later)
    assert await shop.effects() == 2


@row("the scheduler forgets what is past its day, and nothing else")
async def _(shop):
    await shop.send(K1)
    shop.move_time(hours=25)
    await shop.send(K2)
    chore = next(each for each in scheduler.CHORES if each.name == "forget old keys and answers")
    await chore.do(shop.runtime)
    async with shop.runtime.db.reading() as tx:
        kept = await (await tx.execute("SELECT key FROM infra_idempotency")).fetchall()
    assert [each["key"] for each in kept] == [K2]


@row("what became of a request is counted, by route")
async def _(shop):
    before = counted()
    await shop.send(K1)
    await shop.send(K1)
    await shop.send(K1, qty=2)
    shop.move_time(hours=25)
    await shop.forget()
    await shop.send(K1)
    slow = [asyncio.ensure_future(shop.send(K2, takes_s=0.2)) for _ in range(2)]
    await asyncio.gather(*slow)
    wanted = {"first": 2, "replay": 1, "mismatch": 1, "expired": 1, "conflict": 1}
    assert {name: counted()[name] - before[name] for name in wanted} == wanted


def counted():
    names = ("first", "replay", "conflict", "mismatch", "takeover", "expired")
    return {
        name: REGISTRY.get_sample_value(
            "tradesense_idempotency_total", {"route": "POST /orders", "finding": name}
        )
        or 0
        for name in names
    }


@row("what is kept cannot be read, nor the payload guessed")
async def _(shop):
    first = await shop.send(K1)
    async with shop.runtime.db.reading() as tx:
        kept = await (await tx.execute("SELECT * FROM infra_idempotency")).fetchone()
    assert SECRET_SHOWN in first.text
    assert SECRET_SHOWN.encode() not in kept["answer"]
    await shop.send(K2)  # the same payload under another key
    async with shop.runtime.db.reading() as tx:
        cursor = await tx.execute("SELECT DISTINCT payload FROM infra_idempotency")
        assert len(await cursor.fetchall()) == 2


@row("a route may do without a key, and then serves each request")
async def _(shop):
    answers = [await shop.send(to="/relaxed-orders") for _ in range(2)]
    assert [answer.json()["served"] for answer in answers] == [1, 2]
    first = await shop.send(K1, to="/relaxed-orders")
    assert same(await shop.send(K1, to="/relaxed-orders"), first)
    assert problem(await shop.send("1", to="/relaxed-orders"), 400, "idempotency.key_unusable")
    assert await shop.effects() == 3


@row("a body that is no JSON is compared byte for byte")
async def _(shop):
    bad = [await shop.send(K1, content=body) for body in (b"{", b"[")]
    assert [answer.status_code for answer in bad] == [422, 422]  # the endpoint never ran
    assert (await shop.send(K1)).status_code == 201


def test_an_answer_renders_models_and_plain_values():
    assert json.loads(Answer.of(Order(qty=1)).body) == {"qty": 1, "mood": "calm", "takes_s": 0.0}
    assert Answer.of({"qty": 2**60}).body == b'{"qty":"1152921504606846976"}'
    assert Answer.of([], status=202).response().status_code == 202
    assert Answer.empty().response().headers.get("content-type") is None
