"""A database that is busy serves what matters most, and tells the others at once when to come."""

import asyncio
import time
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from tradesense.app import errors
from tradesense.app.web.urgency import Urgency, urgency
from tradesense.infra.db import Database
from tradesense.infra.policies import shedding
from tradesense.infra.runtime import FromRequest
from tradesense.resilience import Policy, Priority

PLACES = 4


@pytest.mark.parametrize(
    ("method", "path", "level"),
    [
        ("POST", "/api/v1/purchases", Priority.CRITICAL),
        ("POST", "/v2/orders", Priority.CRITICAL),
        ("DELETE", "/v2/orders/1", Priority.CRITICAL),
        ("POST", "/webhooks/stripe", Priority.CRITICAL),
        ("GET", "/readyz", Priority.CRITICAL),
        ("GET", "/api/v1/operations/breakers", Priority.CRITICAL),
        ("GET", "/api/v1/purchases", Priority.HIGH),
        ("GET", "/v2/account", Priority.HIGH),
        ("GET", "/", Priority.LOW),
        ("HEAD", "/accounts/1", Priority.LOW),
    ],
)
def test_orders_and_money_come_before_looks_and_looks_before_pages(method, path, level):
    assert urgency(method, path) is level


def app_of(runtime):
    app = FastAPI()
    app.state.runtime = runtime
    errors.install(app)
    app.add_middleware(Urgency)

    @app.get("/page")
    @app.get("/api/look")
    @app.post("/api/order")
    async def ask(runtime: FromRequest):
        async with runtime.db.reading() as tx:
            await tx.execute("SELECT pg_sleep(0.5)")

    return app


@pytest.fixture
async def asked(runtime, database):
    policy = Policy("database", shedding(PLACES))
    async with Database.open(database.app, max_size=PLACES, name="test", policy=policy) as db:
        transport = httpx.ASGITransport(app_of(replace(runtime, db=db)))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client, policy


async def test_while_all_connections_are_busy_an_order_waits_and_a_page_is_told_to_come_back(asked):
    client, policy = asked
    async with asyncio.TaskGroup() as group:
        busy = [group.create_task(client.post("/api/order")) for _ in range(PLACES)]
        while policy.snapshot().bulkhead.in_use < PLACES:
            await asyncio.sleep(0.005)
        began = time.monotonic()
        page, look = await client.get("/page"), await client.get("/api/look")
        took_s = time.monotonic() - began
        order = group.create_task(client.post("/api/order"))
    for turned_away in (page, look):
        assert turned_away.status_code == 503
        assert int(turned_away.headers["Retry-After"]) >= 1
        assert turned_away.json()["code"] == "overloaded"
    assert took_s < 0.3  # at once, not after the others
    assert {answer.result().status_code for answer in (*busy, order)} == {200}
    told = policy.snapshot()
    assert (told.refusals["shed"], told.bulkhead.in_use) == (2, 0)
