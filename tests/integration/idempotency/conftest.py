"""Shops with and without Redis, and with one that forgets between any two requests."""

from dataclasses import replace

import pytest
import redis.asyncio

from idempotency_shop import Client
from tradesense.infra.redis import Redis

NOWHERE = "redis://127.0.0.1:1/0"
OWN_NUMBER = 9  # of Valkey's databases: flushing it disturbs nobody


def of_its_own(valkey_url: str) -> str:
    return valkey_url.rsplit("/", 1)[0] + f"/{OWN_NUMBER}"


@pytest.fixture
def own_redis_url(valkey_url):
    return of_its_own(valkey_url)


@pytest.fixture(params=["with Redis", "without Redis", "Redis away", "Redis flushed"])
async def shop(request, runtime, own_redis_url):
    """A shop's client, with each kind of Redis."""
    urls = {"without Redis": "", "Redis away": NOWHERE}
    async with (
        Redis.open(urls.get(request.param, own_redis_url)) as ours,
        redis.asyncio.Redis.from_url(own_redis_url) as admin,
    ):
        flush = admin.flushdb if request.param == "Redis flushed" else None
        client = Client(replace(runtime, redis=ours), flush=flush)
        client.forget = admin.flushdb
        async with client.http:
            yield client
