"""Shops with and without Redis, and with one that forgets between any two requests."""

from dataclasses import replace

import httpx
import pytest
import redis.asyncio

from idempotency_shop import application, effects
from tradesense.infra.redis import Redis

NOWHERE = "redis://127.0.0.1:1/0"
OWN_NUMBER = 9  # of Valkey's databases: flushing it disturbs nobody


def of_its_own(valkey_url: str) -> str:
    return valkey_url.rsplit("/", 1)[0] + f"/{OWN_NUMBER}"


class Client:
    """Somebody who sends orders to one shop of a runtime."""

    def __init__(self, runtime, *, flush=None) -> None:
        self.runtime = runtime
        self.app = application(runtime)
        self._flush = flush
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://shop")

    async def send(self, key=None, *, to="/orders", method="POST", headers=None, **order):
        """Send an order under `key`, if any; then Redis may forget."""
        said = {**({"Idempotency-Key": key} if key else {}), **(headers or {})}
        body = {} if {"content", "json"} & order.keys() else {"json": {"qty": 1, **order}}
        raw = {name: order[name] for name in ("content", "json") if name in order}
        answer = await self.http.request(method, to, headers=said, **body, **raw)
        if self._flush is not None:
            await self._flush()
        return answer

    async def effects(self, what="order") -> int:
        return await effects(self.runtime.db, what)


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
