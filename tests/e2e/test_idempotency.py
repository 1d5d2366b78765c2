"""Two hundred copies of one request over real HTTP: one effect, one answer, nobody else waits."""

import asyncio
import re
import time
from collections import Counter
from contextlib import asynccontextmanager

import httpx
import psycopg
import pytest

from bare_http import Connection
from idempotency_shop import effects, insist, shop_process
from latency_probe import percentile, probing
from platform_processes import processes
from purchase_world import PLAN
from tradesense.infra.db.gate import PATIENCE_S

COPIES = 200
POOL = 10
TAKES_S = 1.0
# What an unrelated request may wait at worst, as a share of the pool's patience. Without single
# flight and a lock that is only tried, copies hold every connection for as long as they like.
SHARE_MAX = 0.1
ALONE_S = 2.0
CONFLICT = 409


@asynccontextmanager
async def connections(n, *bases):
    """Open `n` connections, in turn to each of `bases`."""
    opened = [await Connection.open(bases[number % len(bases)]) for number in range(n)]
    try:
        yield opened
    finally:
        for each in opened:
            each.close()


async def burst(opened, path, body, headers):
    """Send at once over every connection; return the first answers, and the last ones."""
    first, waited_ms = [], []

    async def one(connection):
        began, heard = time.perf_counter(), []

        async def send():
            heard.append(await connection.post(path, body, headers))
            if len(heard) == 1:
                first.append(heard[0].status_code)
                if heard[0].status_code == CONFLICT:
                    waited_ms.append(1000 * (time.perf_counter() - began))
            return heard[-1]

        return await insist(send)

    last = await asyncio.gather(*map(one, opened))
    tell(f"the {len(waited_ms)} that were told 409", waited_ms)
    return Counter(first), last


def tell(what, measured):
    p50, p99, worst = (percentile(measured, share) for share in (0.5, 0.99, 1))
    times = f"p50 {p50:.1f}, p99 {p99:.1f}, worst {worst:.1f} ms"
    print(f"{what}: {times}, {len(measured)} times")  # noqa: T201 -- pytest shows it
    return p99


@pytest.fixture(params=["with Redis", "without Redis"])
def shop(request, database, valkey_url, tmp_path):
    redis_url = valkey_url if request.param == "with Redis" else ""
    with shop_process(
        database_url=database.app, redis_url=redis_url, home=str(tmp_path), connections=POOL
    ) as (opened, _):
        yield opened


async def test_two_hundred_copies_have_one_effect_and_delay_nobody(shop, db):
    headers = {"Idempotency-Key": "4a7f9c30-burst"}
    with probing(f"{shop.url}/unrelated") as alone:
        await asyncio.sleep(ALONE_S)
    async with connections(COPIES, shop.url) as opened:
        with probing(f"{shop.url}/unrelated") as beside:
            began = time.monotonic()
            first, last = await burst(opened, "/orders", {"takes_s": TAKES_S}, headers)
            took_s = time.monotonic() - began

    print(f"{COPIES} copies, first answers {dict(first)}, all in {took_s:.2f} s")  # noqa: T201 -- shown
    tell("unrelated, alone ", alone)
    assert await effects(db) == 1
    assert {answer.status_code for answer in last} == {201}
    assert len({answer.content for answer in last}) == 1
    marked = sum(answer.headers.get("idempotency-replayed") == "true" for answer in last)
    assert marked == COPIES - 1
    assert first.keys() <= {201, CONFLICT}
    assert first[CONFLICT] >= COPIES / 2  # told while the first was served
    assert tell("unrelated, beside", beside) < SHARE_MAX * 1000 * PATIENCE_S


async def test_the_probe_sees_what_waiting_copies_do(shop):
    """The control: twice as many as the pool, waiting for a lock, delay everybody by seconds."""
    async with connections(2 * POOL, shop.url) as opened:
        with probing(f"{shop.url}/unrelated") as beside:
            headers = {"Idempotency-Key": "naive"}
            await asyncio.gather(*(each.post("/naive-orders", {}, headers) for each in opened))
    tell("unrelated, beside copies that wait", beside)
    assert max(beside) > SHARE_MAX * 1000 * PATIENCE_S


def test_two_hundred_copies_of_a_purchase_over_two_processes_buy_once(
    database, valkey_url, tmp_path
):
    where = {
        "database_url": database.app,
        "owner_url": database.owner,
        "sealer_url": database.sealer,
        "redis_url": valkey_url,
        "home": tmp_path,
    }
    with processes(**where) as one, processes(**where, sandbox_port=one.sandbox_port) as other:
        one.start("sandbox", "api", "sealer")
        other.start("api")
        one.wait_ready()
        other.wait_ready()
        headers = {
            "Idempotency-Key": "order of two hundred",
            "Authorization": one.buyer().client.headers["Authorization"],
        }

        async def buy():
            async with connections(COPIES, one.base, other.base) as opened:
                return await burst(opened, "/api/v1/purchases", {"plan": PLAN}, headers)

        first, last = asyncio.run(buy())
        counts = [counted(each.base) for each in (one, other)]

    print(f"{COPIES} copies, first answers {dict(first)}, counted {counts}")  # noqa: T201 -- shown
    assert {answer.status_code for answer in last} == {201}
    assert len({answer.content for answer in last}) == 1
    with psycopg.connect(database.superuser) as conn:
        assert conn.execute("SELECT count(*) FROM purchases_purchases").fetchone() == (1,)
        assert conn.execute("SELECT count(*) FROM saga_instances").fetchone() == (1,)
    assert sum(count.get("first", 0) for count in counts) == 1
    assert sum(count.get("replay", 0) for count in counts) == COPIES - 1


def counted(base):
    """What `/metrics` says of purchases, by finding."""
    told = httpx.get(f"{base}/metrics").text
    pattern = r"tradesense_idempotency_total\{(.*?)\} ([0-9.]+)"
    counts = {}
    for labels, number in re.findall(pattern, told):
        if 'route="POST /api/v1/purchases"' in labels:
            counts[re.search(r'finding="(\w+)"', labels)[1]] = int(float(number))
    return counts
