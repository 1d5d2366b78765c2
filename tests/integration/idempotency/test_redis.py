"""Redis answers what is complete, for this store, to this request; for all else it is not asked."""

import signal
import subprocess
from dataclasses import replace

import psycopg
import pytest
import redis.asyncio
from prometheus_client import REGISTRY

from faults import stopped
from idempotency_shop import SECRET_SHOWN, Client
from tradesense.infra.db import Database
from tradesense.infra.embedded import Valkey
from tradesense.infra.redis import Redis

KEY = "51c8be07-redis"


@pytest.fixture
def own_valkey(tmp_path):
    """A Valkey that one test may kill: its address and its process."""
    valkey = Valkey(tmp_path)
    valkey.prepare()
    process = valkey.command().spawn(subprocess.DEVNULL)
    valkey.wait_ready_blocking()
    yield valkey.url(), process
    process.kill()
    process.wait()


@pytest.fixture
async def admin(own_redis_url):
    async with redis.asyncio.Redis.from_url(own_redis_url) as client:
        yield client


@pytest.fixture
async def shop(runtime, own_redis_url, admin):
    await admin.flushdb()
    async with Redis.open(own_redis_url) as ours:
        client = Client(replace(runtime, redis=ours))
        async with client.http:
            yield client


def shortcuts():
    labels = {"route": "POST /orders"}
    return REGISTRY.get_sample_value("tradesense_idempotency_shortcuts_total", labels) or 0


async def test_a_replay_takes_no_connection(shop):
    first, before = await shop.send(KEY), shortcuts()
    nowhere = "postgresql://nobody@127.0.0.1:9/none"
    async with Database.open(nowhere, name="test") as away:
        shop.app.state.runtime = replace(shop.runtime, db=away)
        again = await shop.send(KEY)
        shop.app.state.runtime = shop.runtime
    assert (again.content, shortcuts() - before) == (first.content, 1)
    assert again.headers["idempotency-replayed"] == "true"


async def test_what_redis_holds_cannot_be_read_there_and_goes_by_itself(shop, admin):
    await shop.send(KEY)
    (address,) = await admin.keys()
    assert KEY.encode() not in address
    assert SECRET_SHOWN.encode() not in await admin.get(address)
    assert 0 < await admin.ttl(address) <= 600


async def test_another_payload_is_refused_by_the_database(shop):
    await shop.send(KEY)
    before = shortcuts()
    assert (await shop.send(KEY, qty=2)).status_code == 422
    assert shortcuts() == before


async def test_what_is_not_ours_is_not_given(shop, admin, caplog):
    first, before = await shop.send(KEY), shortcuts()
    await shop.send("another-key-of-hers", qty=7)
    ours = await admin.keys()
    values = [await admin.get(address) for address in ours]
    for forged in (b"", b"x" * 100, *values):
        for address in ours:
            await admin.set(address, forged)
        again = await shop.send(KEY)
        assert again.content == first.content
    assert "not ours" in caplog.text
    assert shortcuts() - before <= 1  # its own answer at its own address


async def test_an_answer_that_this_database_never_gave_is_not_given(shop, database, superuser):
    """A database made anew, or restored, while Redis remembers what it had done."""
    await shop.send(KEY)
    before = shortcuts()
    with psycopg.connect(database.owner) as conn:
        conn.execute("TRUNCATE infra_idempotency, infra_leases")
    made_anew = f"{database.name}_anew"
    superuser.execute(f"CREATE DATABASE {made_anew} TEMPLATE tradesense OWNER tradesense_owner")
    url = database.app.replace(database.name, made_anew)
    try:
        async with Database.open(url, name="test") as anew:
            there = Client(replace(shop.runtime, db=anew))
            async with there.http:
                await there.send("a-first-request-to-it")  # it knows which database it speaks to
                answer = await there.send(KEY)
                assert (answer.status_code, answer.json()["served"]) == (201, 2)
                assert await there.effects() == 2
    finally:
        superuser.execute(f"DROP DATABASE {made_anew} WITH (FORCE)")
    assert shortcuts() == before


@pytest.mark.parametrize("fault", ["killed", "hung", "flushed"])
async def test_redis_lost_in_the_middle_changes_no_answer(runtime, own_valkey, fault):
    url, process = own_valkey
    async with Redis.open(url) as ours, redis.asyncio.Redis.from_url(url) as client:
        shop = Client(replace(runtime, redis=ours))
        async with shop.http:
            first = await shop.send(KEY)
            assert (await shop.send(KEY)).content == first.content
            if fault == "killed":
                process.send_signal(signal.SIGKILL)
                process.wait()
            elif fault == "flushed":
                await client.flushall()
            else:
                with stopped(process.pid):
                    again, other = await shop.send(KEY), await shop.send(f"{KEY}-2")
            if fault != "hung":
                again, other = await shop.send(KEY), await shop.send(f"{KEY}-2")
        assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
        assert (other.status_code, await shop.effects()) == (201, 2)
