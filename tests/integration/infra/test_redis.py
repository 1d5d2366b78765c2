"""Redis only speeds things up: whatever it does, the caller goes on."""

import asyncio
import signal
import subprocess
import time
from contextlib import aclosing

import pytest

from faults import stopped
from tradesense.infra.embedded import Valkey
from tradesense.infra.redis import Redis


@pytest.fixture
def own_valkey(tmp_path):
    """A Valkey that one test may kill: (server, start, kill)."""
    valkey = Valkey(tmp_path)
    running = []

    def start():
        valkey.prepare()
        running.append(valkey.command().spawn(subprocess.DEVNULL))
        valkey.wait_ready_blocking()

    def kill():
        running[-1].send_signal(signal.SIGKILL)
        running[-1].wait(timeout=5)

    start()
    yield valkey, start, kill, running
    kill()


async def first(messages):
    async with aclosing(messages):
        return await anext(messages)


async def told_until_heard(redis, hearing, message):
    """Publish until the listener, who subscribes in its own time, has heard."""
    while not hearing.done():
        await redis.publish("prices", message)
        await asyncio.sleep(0.02)
    return await hearing


async def test_a_listener_hears_what_is_published(valkey_url):
    async with Redis.open(valkey_url) as redis:
        hearing = asyncio.ensure_future(first(redis.subscribe("prices")))
        assert await told_until_heard(redis, hearing, b"1.0842") == b"1.0842"


async def test_silence_is_no_failure(valkey_url, caplog):
    async with Redis.open(valkey_url) as redis:
        hearing = asyncio.ensure_future(first(redis.subscribe("prices")))
        await asyncio.sleep(0.6)  # longer than a server may take to answer
        assert await told_until_heard(redis, hearing, b"late") == b"late"
    assert caplog.records == []


async def test_without_a_server_nothing_is_said_and_nothing_fails():
    async with Redis.open("") as redis:
        await redis.publish("prices", b"x")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(first(redis.subscribe("prices")), 0.1)


async def test_a_server_that_is_away_costs_nothing_and_is_said_once(caplog):
    async with Redis.open("redis://127.0.0.1:1/0") as redis:
        began = time.monotonic()
        for _ in range(1000):
            await redis.publish("prices", b"x")
        assert time.monotonic() - began < 0.5
    assert [record.getMessage()[:13] for record in caplog.records] == ["Redis is away"]


async def test_a_hung_server_costs_a_quarter_of_a_second_not_more(own_valkey):
    valkey, _, _, running = own_valkey
    async with Redis.open(valkey.url()) as redis:
        await redis.publish("prices", b"x")
        with stopped(running[-1].pid):
            began = time.monotonic()
            for _ in range(100):
                await redis.publish("prices", b"x")
            assert time.monotonic() - began < 1


async def test_a_listener_hears_again_after_the_server_was_killed(own_valkey, caplog):
    valkey, start, kill, _ = own_valkey
    async with Redis.open(valkey.url()) as redis, aclosing(redis.subscribe("prices")) as heard:
        hearing = asyncio.ensure_future(anext(heard))
        assert await told_until_heard(redis, hearing, b"before") == b"before"
        kill()
        hearing = asyncio.ensure_future(anext(heard))
        await redis.publish("prices", b"lost")
        start()
        async with asyncio.timeout(5):
            while (message := await told_until_heard(redis, hearing, b"after")) != b"after":
                hearing = asyncio.ensure_future(anext(heard))
        assert message == b"after"
    said = [record.getMessage() for record in caplog.records]
    assert [line[:13] for line in said] == ["Redis is away", "Redis is back"]
