"""Processes that die or freeze at the worst moment: one effect, and its answer for who asks on."""

import asyncio
import signal
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import psycopg
import pytest

from faults import Cut, stopped, wire
from idempotency_shop import Client, Till, effects, insist, shop_process
from tradesense.infra.db import Database

KEY = "9d40ce12-death"
LEASE_S = 1.0


@pytest.fixture(params=["with Redis", "without Redis"])
def where(request, database, own_redis_url, tmp_path):
    """What every process of one shop has in common."""
    return {
        "database_url": database.app,
        "redis_url": own_redis_url if request.param == "with Redis" else "",
        "home": str(tmp_path),
        "lease_s": LEASE_S,
    }


@pytest.fixture
def till(tmp_path):
    return Till(tmp_path / "till")


@asynccontextmanager
async def customer(shop):
    async with httpx.AsyncClient(base_url=shop.url, timeout=30) as http:

        async def send(path, trouble="", **order):
            headers = {"Idempotency-Key": KEY, "X-Trouble": trouble}
            return await http.post(path, json=order, headers=headers)

        yield send


def is_sleeping(database):
    """Whether a verb is in the middle of its transaction."""
    query = """
        SELECT count(*) FROM pg_stat_activity
        WHERE wait_event = 'PgSleep' AND datname = current_database()
    """
    with psycopg.connect(database.superuser) as conn:
        return conn.execute(query).fetchone()[0] > 0


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def test_killed_between_claim_and_commit_nothing_has_happened(where, database, db):
    with shop_process(**where) as (first, process), shop_process(**where) as (second, _):
        async with customer(first) as send, customer(second) as send_again:
            lost = asyncio.ensure_future(send("/orders", takes_s=1.5))
            await until(lambda: is_sleeping(database))
            process.send_signal(signal.SIGKILL)
            with pytest.raises(httpx.TransportError):
                await lost
            answer = await insist(lambda: send_again("/orders", takes_s=1.5))
    assert (answer.status_code, answer.json()["served"]) == (201, 1)
    assert "idempotency-replayed" not in answer.headers
    assert await effects(db) == 1


@pytest.mark.parametrize(
    "moment",
    [
        "dies before",  # the claim and its intent are committed; nobody was called
        "dies after",  # it has happened; whoever takes over finds it by asking
    ],
)
async def test_killed_between_claim_and_answer_it_is_done_once(where, till, db, moment):
    with shop_process(**where) as (first, process), shop_process(**where) as (second, _):
        async with customer(first) as send, customer(second) as send_again:
            with pytest.raises(httpx.TransportError):
                await send("/errands", moment)
            assert process.wait() == -signal.SIGKILL
            assert till.done == (1 if moment == "dies after" else 0)
            answer = await insist(lambda: send_again("/errands"))
    assert answer.status_code == 201
    assert (len(till.asked), till.done) == (1, 1)
    assert [await effects(db, what) for what in ("intent", "receipt")] == [1, 1]


async def test_who_was_frozen_and_taken_over_changes_nothing(where, till, db):
    with shop_process(**where) as (first, process), shop_process(**where) as (second, _):
        async with customer(first) as send, customer(second) as send_again:
            late = asyncio.ensure_future(send("/errands", takes_s=0.5))
            await until(lambda: till.asked)
            with stopped(process.pid):
                answer = await insist(lambda: send_again("/errands", takes_s=0.5))
                assert not late.done()
            assert (await late).status_code in {201, 409}
            again = await insist(lambda: send("/errands", takes_s=0.5))
    assert answer.status_code == 201
    assert again.content == answer.content
    assert (len(till.asked), await effects(db, "receipt")) == (1, 1)


async def test_a_lost_answer_to_commit_is_no_second_effect(runtime, database, db):
    async with wire(database.app) as line, Database.open(line.url) as far:
        line.on_sent = lambda data: (
            Cut(is_delivered=True) if b"COMMIT\x00" in data and not line.cuts else None
        )
        shop = Client(replace(runtime, db=far))
        async with shop.http:
            first, again = await shop.send(KEY), await shop.send(KEY)
        assert line.cuts == 1
    assert (first.status_code, again.content) == (201, first.content)
    assert await effects(db) == 1
