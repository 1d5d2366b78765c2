"""Copies, second writers, frozen ones, killed servers: nothing is lost, nothing is doubled."""

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import timedelta

import pytest
import pytest_asyncio
import websockets

from bad_input_world import PLAN, nonsense_world
from faults import stopped
from kill_storm import Storm
from running_platform import clean_environment

pytestmark = pytest.mark.asyncio(loop_scope="module")

COPIES, CONNECTIONS = 200, 50
FROZEN_S = 5
STORM_S = 12


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory):
    async with nonsense_world(tmp_path_factory.mktemp("attacked")) as opened:
        yield opened


async def test_two_hundred_copies_of_one_purchase_are_one(world):
    key = "one purchase, sent two hundred times"
    answers = await asyncio.gather(*(world.buy(key, plan=PLAN) for _ in range(COPIES)))
    told = Counter((answer.status_code, answer.text) for answer in answers)
    again = await world.buy(key, plan=PLAN)

    assert {status for status, _ in told} <= {201, 409}  # 409: the first is still being served
    assert {text for status, text in told if status == 201} == {again.text}
    ada = await world.http.get("/api/v1/me", headers=world.ada.bearer())
    assert world.ask(
        f"SELECT count(*) FROM purchases_purchases WHERE user_id = '{ada.json()['user_id']}'"
    ) == [(2,)]  # hers from the beginning, and this one


async def test_one_name_from_fifty_connections_is_one_order(world):
    await world.instance.settle()
    answers = await asyncio.gather(
        *(world.order(client_order_id="same", qty=str(1000 + n)) for n in range(CONNECTIONS))
    )

    assert Counter(answer.status_code for answer in answers) == {200: 1, 422: CONNECTIONS - 1}
    await world.instance.settle()
    (taken,) = [answer for answer in answers if answer.status_code == 200]
    assert world.ask("SELECT qty FROM trading_orders WHERE client_order_id = 'same'") == [
        (int(taken.json()["qty"]),)
    ]


@asynccontextmanager
async def by_hand(world, name):
    """Start one more process `name` of the instance."""
    ours = {f"TRADESENSE_{each}": text for each, text in world.instance.variables.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tradesense.app.processes", name,
        env=clean_environment() | {each: text for each, text in ours.items() if text},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0


ONLY_ONE = ("engine", "feed", "sealer")  # of each, two would write everything twice


def leases(world):
    """Who holds what, and under which token."""
    return {
        name: (holder, token)
        for name, holder, token in world.ask("SELECT name, holder, token FROM infra_leases")
        if name in ONLY_ONE
    }


def tokens(world):
    return {name: token for name, (_, token) in leases(world).items()}


async def pass_time(world, seconds):
    await world.at(world.instance.clock.now() + timedelta(seconds=seconds))


async def test_second_writers_wait_take_over_from_frozen_ones_and_keep_them_out(world):
    pids = {name: world.pid(name) for name in ONLY_ONE}
    first = leases(world)
    async with AsyncExitStack() as stack:
        seconds = {name: await stack.enter_async_context(by_hand(world, name)) for name in ONLY_ONE}
        await asyncio.sleep(2)  # for the second ones to be there, and to see the leases beat
        await pass_time(world, 20)
        assert leases(world) == first
        assert not [name for name, second in seconds.items() if second.returncode is not None]

        with ExitStack() as frozen:
            for pid in pids.values():
                frozen.enter_context(stopped(pid))
            until = time.monotonic() + FROZEN_S
            async with asyncio.timeout(10):
                while tokens(world) != {name: token + 1 for name, (_, token) in first.items()}:
                    await asyncio.sleep(0.05)
            after = leases(world)
            for name, (holder, _) in after.items():
                assert f"/{seconds[name].pid}/" in holder
            await pass_time(world, 20)  # everything goes on: this waits until all is at rest
            await asyncio.sleep(max(0.0, until - time.monotonic()))

        await pass_time(world, 20)
        await asyncio.sleep(1)  # the thawed ones have tried whatever they were about to do
        assert leases(world) == after
        assert {name: world.pid(name) for name in ONLY_ONE} == pids
    await pass_time(world, 20)
    numbers = "SELECT count(*), max(price_seq), count(DISTINCT price_seq) FROM market_tape"
    ((items, last, different),) = world.ask(numbers)
    assert items == last == different


async def test_a_valkey_that_hangs_for_good_costs_time_and_nothing_else(world):
    with stopped(world.pid("valkey")):
        started = time.monotonic()
        buyer = type(world.ada)("patient", world.http, 1)
        await buyer.sign_up()
        await buyer.buy(PLAN)
        await world.instance.settle()
        await buyer.pay((await buyer.purchase())["payment"])
        await buyer.wait_until_active()
        await world.instance.settle()
        await buyer.collect_key((await buyer.purchase())["challenge_id"])
        assert time.monotonic() - started < 10


@asynccontextmanager
async def listening(world):
    address = world.instance.address.replace("http", "ws")
    async with websockets.connect(f"{address}/stream") as socket:
        keys = world.keys(world.ada)
        data = {"key_id": keys["APCA-API-KEY-ID"], "secret_key": keys["APCA-API-SECRET-KEY"]}
        await socket.send(json.dumps({"action": "authenticate", "data": data}))
        assert '"authorized"' in await socket.recv()
        wanted = {"streams": ["trade_updates"]}
        await socket.send(json.dumps({"action": "listen", "data": wanted}))
        assert "trade_updates" in await socket.recv()
        yield socket


async def test_listeners_hear_everything_although_the_database_is_killed(world):
    async with listening(world) as socket, asyncio.timeout(60):
        for number in range(3):
            os.kill(world.pid("postgres"), signal.SIGKILL)
            name = f"listen {number}"
            while (await world.order(client_order_id=name, type="limit",
                                     limit_price="1.0")).status_code == 503:  # fmt: skip
                await asyncio.sleep(0.1)
            told = json.loads(await socket.recv())["data"]
            assert (told["event"], told["order"]["client_order_id"]) == ("new", name)


async def test_a_storm_of_deaths_loses_nothing_that_was_acknowledged_and_doubles_nothing(
    world, chance
):
    storm = Storm(world, chance, STORM_S)
    await storm.rage()
    async with asyncio.timeout(60):
        while not (world.instance.run / "api.pid").exists():
            await asyncio.sleep(0.05)
    await world.instance.settle()

    print(dict(storm.faults), len(storm.orders), "orders", len(storm.purchases), "purchases")  # noqa: T201 -- pytest shows it
    assert sum(n for fault, n in storm.faults.items() if "killed" in fault) >= 3
    known = Counter(
        name for (name,) in world.ask(
            "SELECT client_order_id FROM trading_orders WHERE client_order_id LIKE 'storm-%'"
        )
    )  # fmt: skip
    assert storm.orders <= known.keys()
    assert set(known.values()) <= {1}
    assert storm.purchases <= {str(found) for (found,) in world.ask(
        "SELECT id FROM purchases_purchases")}  # fmt: skip
    assert world.ask("SELECT count(*) FROM bus_dead_letters") == [(0,)]


async def test_after_all_that_every_promise_holds(world):
    told = await world.instance.command("invariants")
    assert told.code == 0, told.said
    told = await world.instance.command("trail", "verify")
    assert told.code == 0, told.said
