"""While the database is away a route waits, or refuses, and never acts without it."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from faults import Cut, wire
from idempotency_shop import Client
from tradesense.infra.db import Database
from tradesense.infra.idempotency import StoreDown

KEY = "e83b90f2-store"


@pytest.fixture
async def line(database):
    """The wire to the database; `line.is_down` cuts whatever is sent over it."""
    async with wire(database.app) as laid:
        laid.is_down = False
        laid.on_sent = lambda _: Cut(is_delivered=False) if laid.is_down else None
        yield laid


@asynccontextmanager
async def shop_over(line, runtime):
    async with Database.open(line.url) as far:
        client = Client(replace(runtime, db=far))
        async with client.http:
            yield client


async def test_a_route_that_waits_serves_when_the_database_is_back(line, runtime):
    async with shop_over(line, runtime) as shop:
        line.is_down = True
        waiting = asyncio.ensure_future(shop.send(KEY))
        await asyncio.sleep(2 * StoreDown.REFUSE.value)
        assert not waiting.done()
        line.is_down = False
        answer = await waiting
        assert (answer.status_code, await shop.effects()) == (201, 1)


async def test_a_route_that_refuses_says_so_in_its_patience(line, runtime):
    async with shop_over(line, runtime) as shop:
        line.is_down = True
        loop = asyncio.get_running_loop()
        began = loop.time()
        answer = await shop.send(KEY, to="/impatient-orders")
        took_s = loop.time() - began
        line.is_down = False
        assert (answer.status_code, answer.json()["code"]) == (503, "timed_out")
        assert answer.headers["retry-after"] == "1"
        assert took_s < StoreDown.WAIT.value / 2
        assert await shop.effects() == 0
        assert (await shop.send(KEY, to="/impatient-orders")).status_code == 201


async def test_what_redis_knows_is_answered_meanwhile(line, runtime):
    async with shop_over(line, runtime) as shop:
        first = await shop.send(KEY)
        line.is_down = True
        again = await shop.send(KEY)
        line.is_down = False
        assert again.content == first.content


async def test_copies_of_a_request_that_waits_do_not_wait(line, runtime):
    """They hold no connection, and nothing else is known to be true than: ask again."""
    async with shop_over(line, runtime) as shop:
        line.is_down = True
        sent = [asyncio.ensure_future(shop.send(KEY)) for _ in range(6)]
        done, waiting = await asyncio.wait(sent, timeout=StoreDown.REFUSE.value)
        assert {each.result().status_code for each in done} == {409}
        assert {each.result().headers["retry-after"] for each in done} == {"1"}
        (first,) = waiting
        line.is_down = False
        assert ((await first).status_code, await shop.effects()) == (201, 1)
