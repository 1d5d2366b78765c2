"""The trading API over HTTP, against the real engine: shapes, refusals, whose account it is."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from tradesense import identity
from tradesense.app import errors
from tradesense.trading.http import router
from tradesense.trading.model import OrderRequest, OrderType, Side, TimeInForce
from tradesense.trading.service import request_order
from trading_desk import Desk
from trading_world import EURUSD, a_setup

SATURDAY = datetime(2014, 5, 3, 12, 0, tzinfo=UTC)


class Floor:
    """A running engine, an app, and a client with the key of challenge 1."""

    def __init__(self, desk, client):
        self.desk, self.client = desk, client

    async def order(self, **fields):
        wire = {"symbol": "EUR/USD", "side": "buy", "type": "market", "time_in_force": "gtc"}
        return await self.client.post("/v2/orders", json=wire | {"qty": "1000"} | fields)

    async def get(self, path, **params):
        answer = await self.client.get(path, params=params or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def until(self, path, wanted):
        """Ask again until what was asked for is there: the engine has its own pace."""
        async with asyncio.timeout(10):
            while not wanted(found := await self.get(path)):
                await asyncio.sleep(0.01)
        return found


@pytest.fixture
async def floor(runtime, db, clock, database):
    desk = Desk(db, clock, database)
    app = FastAPI()
    app.state.runtime = runtime
    app.include_router(router)
    errors.install(app)
    for number in (1, 2):
        await desk.open(a_setup(number))
    await desk.quote(140_000, 140_010)
    await desk.settle()
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://floor", headers=await key(runtime, 1)
    )
    async with desk.engine() as engine, client, asyncio.TaskGroup() as group:
        tasks = [group.create_task(engine.run()), group.create_task(engine.waker.listen())]
        yield Floor(desk, client)
        for task in tasks:
            task.cancel()


async def key(runtime, number):
    """Return the headers of a trader whose only challenge is `number`."""
    user_id = UUID(int=number)
    await runtime.db.repeat(
        lambda tx: identity.sign_up(
            tx,
            user_id=user_id,
            email=f"trader{number}@example.com",
            password_hash="none",
            now=runtime.now(),
        )
    )
    issued = await runtime.db.repeat(
        lambda tx: identity.issue_key(
            tx,
            user_id=user_id,
            challenge_id=a_setup(number).challenge_id,
            request_key=str(number),
            instance_secret=identity.instance_secret(runtime.settings),
            now=runtime.now(),
        )
    )
    return {"APCA-API-KEY-ID": issued.key_id, "APCA-API-SECRET-KEY": issued.secret}


async def test_the_account_has_every_field_that_bots_read(floor):
    await floor.order(qty="100000")
    await floor.desk.quote(140_110, 140_120)
    account = await floor.until("/v2/account", lambda found: found["equity"] == "100100.00")

    assert account["status"] == "ACTIVE"
    assert account["currency"] == "USD"
    assert account["long_market_value"] == "140110.00"
    assert account["cash"] == "-40010.00"
    assert account["initial_margin"] == "4670.34"
    assert account["buying_power"] == "2862889.80"
    assert account["multiplier"] == "30"
    assert account["daytrade_count"] == 0
    assert account["trading_blocked"] is False


async def test_a_market_order_is_filled_in_the_answer(floor):
    answer = await floor.order(client_order_id="mine")

    order = answer.json()
    assert answer.status_code == 200
    order = await floor.until(f"/v2/orders/{order['id']}", lambda found: found["filled_at"])
    assert (order["status"], order["filled_avg_price"], order["filled_qty"]) == (
        "filled", "1.40010", "1000",
    )  # fmt: skip
    found = await floor.get("/v2/orders:by_client_order_id", client_order_id="mine")
    assert found["id"] == order["id"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"qty": "0"}, "above zero"),
        ({"qty": "-5"}, "above zero"),
        ({"qty": "NaN"}, "decimal number"),
        ({"qty": "Infinity"}, "decimal number"),
        ({"qty": "1e999999"}, "decimal number"),
        ({"qty": "1e300"}, "too large"),
        ({"qty": "99999999999999999"}, "at most"),
        ({"qty": "1.5"}, "at most 0 digits"),
        ({"qty": "1000." + "0" * 40 + "1"}, "at most 0 digits"),
        ({"qty": "\u0661\u0660\u0660\u0660"}, "decimal number"),  # 1000 in Arabic digits
        ({"qty": None}, "decimal number"),
        ({"qty": True}, "decimal number"),
        ({"qty": ["1"]}, "decimal number"),
        ({"symbol": "XXX/USD"}, "unknown symbol"),
        ({"symbol": None}, "unknown symbol"),
        ({"side": "hold"}, "side is one of"),
        ({"type": "limit"}, "limit_price is a decimal"),
        ({"type": "limit", "limit_price": "1.234567"}, "at most 5 digits"),
        ({"type": "limit", "limit_price": "0"}, "above zero"),
        ({"type": "market", "limit_price": "1.2"}, "has no limit_price"),
        ({"type": "trailing_stop"}, "type is one of"),
        ({"type": "stop", "stop_price": "1.5", "time_in_force": "ioc"}, "waits"),
        ({"order_class": "bracket"}, "order_class is simple"),
        ({"client_order_id": "x" * 129}, "128"),
        ({"notional": "100", "qty": "5"}, "not both"),
    ],
)
async def test_bad_orders_get_a_clear_answer_and_change_nothing(floor, fields, said):
    answer = await floor.order(**fields)

    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == 42210000
    assert said in answer.json()["message"]
    assert await floor.get("/v2/orders", status="all") == []


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"qty": NaN}', b'"buy"', b"\xff", b"[" * 99_999])
async def test_a_body_that_is_no_json_object_is_refused(floor, body):
    answer = await floor.client.post("/v2/orders", content=body)

    assert answer.status_code == 422


@pytest.mark.parametrize("number", ["1e400", "1e99999999999999999999", "9" * 100])
async def test_a_json_number_beyond_all_bounds_is_refused(floor, number):
    body = '{"symbol": "EUR/USD", "side": "buy", "qty": %s}' % number  # noqa: UP031 -- braces
    answer = await floor.client.post("/v2/orders", content=body)

    assert answer.status_code == 422
    assert re.search("beyond all bounds|too large|at most 64 digits", answer.json()["message"])
    assert await floor.get("/v2/orders", status="all") == []


async def test_numbers_are_taken_exactly_whether_text_or_json(floor):
    await floor.order(type="limit", limit_price=1.00001, qty=1000.0)
    await floor.order(type="limit", limit_price="1.00001", qty="1e3")

    found = await floor.until("/v2/orders", lambda orders: len(orders) == 2)
    assert {order["limit_price"] for order in found} == {"1.00001"}
    assert {order["qty"] for order in found} == {"1000"}


async def test_notional_becomes_whole_units_at_the_latest_price(floor):
    answer = await floor.client.post(
        "/v2/orders",
        json={"symbol": "EURUSD", "side": "buy", "notional": "1000", "time_in_force": "gtc"},
    )

    assert answer.json()["qty"] == "714"  # 1000 / 1.40010 = 714.2


async def test_a_client_order_id_works_once(floor):
    assert (await floor.order(client_order_id="one")).status_code == 200
    again = await floor.order(client_order_id="one", qty="5")

    assert again.status_code == 422
    assert "unique" in again.json()["message"]
    assert len(await floor.get("/v2/orders", status="all")) == 1


async def test_refusals_of_the_engine_are_the_answer_and_are_kept(floor):
    answer = await floor.order(qty="5000000", client_order_id="big")
    if answer.status_code == 200:  # a slow machine: the order was still pending after 50 ms
        assert answer.json()["status"] == "pending_new"
    else:
        assert answer.status_code == 403
        assert answer.json() == {"code": 40310000, "message": "insufficient buying power"}

    found = await floor.until(
        "/v2/orders:by_client_order_id?client_order_id=big",
        lambda order: order["status"] == "rejected",
    )
    assert found["reason"] == "insufficient_margin"


async def test_a_closed_market_refuses(floor):
    floor.desk.clock.set(SATURDAY)
    answer = await floor.order(client_order_id="weekend")

    found = await floor.until(
        "/v2/orders:by_client_order_id?client_order_id=weekend",
        lambda order: order["status"] == "rejected",
    )
    assert found["reason"] == "market_closed"
    assert answer.status_code in {200, 403}
    clock_ = await floor.get("/v2/clock")
    assert clock_["is_open"] is False
    assert clock_["next_open"] == "2014-05-04T21:00:00.000000Z"


async def test_orders_wait_are_listed_and_cancelled(floor):
    placed = (await floor.order(type="stop", stop_price="1.5")).json()
    await floor.until("/v2/orders", lambda orders: [each["status"] for each in orders] == ["new"])

    answer = await floor.client.delete(f"/v2/orders/{placed['id']}")
    assert answer.status_code == 204
    order = await floor.until(
        f"/v2/orders/{placed['id']}", lambda found: found["status"] == "canceled"
    )
    assert order["canceled_at"] is not None
    again = await floor.client.delete(f"/v2/orders/{placed['id']}")
    assert again.status_code == 422
    assert await floor.get("/v2/orders") == []
    assert len(await floor.get("/v2/orders", status="closed")) == 1


async def test_all_orders_are_cancelled_with_one_status_each(floor):
    for price in ("1.1", "1.2"):
        await floor.order(type="limit", limit_price=price)

    answer = await floor.client.delete("/v2/orders")

    assert answer.status_code == 207
    assert [each["status"] for each in answer.json()] == [200, 200]
    await floor.until("/v2/orders", lambda orders: orders == [])


async def test_more_orders_than_a_list_shows_are_all_cancelled(floor, runtime):
    """501: what one page of the list holds, and one more; asked for at once, not over HTTP."""
    account_id, count = a_setup(1).account_id, 501

    async def place(tx):
        for number in range(count):
            order = OrderRequest(
                client_order_id=f"order {number}", symbol="EUR/USD", side=Side.BUY,
                type=OrderType.LIMIT, tif=TimeInForce.GTC, qty=1_000, limit_price=100_000,
            )  # fmt: skip
            await request_order(tx, account_id=account_id, order=order, now=runtime.now())

    await runtime.db.run(place, key="many orders")
    answer = await floor.client.delete("/v2/orders")

    assert len(answer.json()) == count
    await floor.until("/v2/orders", lambda orders: orders == [])


@pytest.mark.parametrize("written", ["EUR/USD", "EURUSD", "eur/usd", "EUR%2FUSD"])
async def test_a_position_is_found_by_any_spelling_of_its_symbol(floor, written):
    await floor.order(side="sell", qty="3000")
    await floor.until("/v2/positions", lambda found: found)

    position = await floor.get(f"/v2/positions/{written}")

    assert (position["qty"], position["side"], position["avg_entry_price"]) == (
        "-3000", "short", "1.400000000",
    )  # fmt: skip
    assert position["market_value"].startswith("-")
    assert await floor.get(f"/v2/positions/{position['asset_id']}") == position


@pytest.mark.parametrize(
    ("params", "left"), [({}, None), ({"qty": "1000"}, "2000"), ({"percentage": "50"}, "1500")]
)
async def test_a_position_is_closed_whole_or_in_part(floor, params, left):
    await floor.order(qty="3000")
    await floor.until("/v2/positions", lambda found: found)

    answer = await floor.client.delete("/v2/positions/EUR/USD", params=params)

    assert answer.status_code == 200
    assert answer.json()["side"] == "sell"
    found = await floor.until(
        "/v2/positions", lambda found: [each["qty"] for each in found] == ([left] if left else [])
    )
    assert len(found) == (left is not None)


async def test_all_positions_are_closed_with_one_status_each(floor):
    await floor.order(qty="3000")
    await floor.order(type="limit", limit_price="1.0")
    await floor.until("/v2/positions", lambda found: found)

    answer = await floor.client.delete("/v2/positions", params={"cancel_orders": "true"})

    assert answer.status_code == 207
    ((each),) = answer.json()
    assert (each["symbol"], each["status"]) == (EURUSD, 200)
    await floor.until("/v2/positions", lambda found: found == [])
    await floor.until("/v2/orders", lambda found: found == [])


async def test_a_limit_counts_only_the_orders_that_were_asked_for(floor):
    bought = (await floor.order(type="limit", limit_price="1.0")).json()
    floor.desk.clock.set(floor.desk.clock.now() + timedelta(seconds=1))
    await floor.desk.quote(140_000, 140_010)
    await floor.order(type="limit", limit_price="2.0", side="sell")
    await floor.until("/v2/orders", lambda found: len(found) == 2)

    for asked in ({"side": "buy"}, {"side": "buy", "symbols": "eurusd,BTC/USD"}):
        (found,) = await floor.get("/v2/orders", limit=1, **asked)
        assert found["id"] == bought["id"]
    assert await floor.get("/v2/orders", symbols="BTC/USD") == []


async def test_what_is_not_there_is_404(floor):
    for path in (
        "/v2/positions/EUR/USD", "/v2/positions/XXX", f"/v2/orders/{UUID(int=5)}",
        "/v2/assets/XXX", "/v2/orders:by_client_order_id?client_order_id=none",
    ):  # fmt: skip
        answer = await floor.client.get(path)
        assert answer.status_code == 404, path
        assert set(answer.json()) == {"code", "message"}
    assert (await floor.client.delete("/v2/positions/EUR/USD")).status_code == 404
    assert (await floor.client.delete(f"/v2/orders/{UUID(int=5)}")).status_code == 404
    assert (await floor.client.get("/v2/orders/no-uuid")).status_code == 422


async def test_another_accounts_orders_are_not_there(floor, runtime):
    mine = (await floor.order(type="limit", limit_price="1.0")).json()
    stranger = await key(runtime, 2)

    for method in ("GET", "DELETE"):
        answer = await floor.client.request(method, f"/v2/orders/{mine['id']}", headers=stranger)
        assert answer.status_code == 404
    listed = await floor.client.get("/v2/orders", params={"status": "all"}, headers=stranger)
    assert listed.json() == []
    await floor.until(f"/v2/orders/{mine['id']}", lambda order: order["status"] == "new")


async def test_wrong_keys_are_refused(floor):
    wrong = {"APCA-API-KEY-ID": "PKNOBODY", "APCA-API-SECRET-KEY": "wrong"}

    answer = await floor.client.get("/v2/account", headers=wrong)

    assert answer.status_code == 401
    assert set(answer.json()) == {"code", "message"}


async def test_assets_activities_history_and_quotes_have_their_shapes(floor):
    await floor.order()
    (asset,) = await floor.get("/v2/assets")
    assert (asset["class"], asset["shortable"], asset["marginable"]) == ("crypto", True, True)
    assert await floor.get("/v2/assets/EUR/USD") == asset

    (fill,) = await floor.until("/v2/account/activities/FILL", lambda found: found)
    assert (fill["price"], fill["qty"], fill["side"]) == ("1.40010", "1000", "buy")
    floor.desk.clock.set(floor.desk.clock.now() + timedelta(seconds=1))
    await floor.desk.quote(140_010)
    history = await floor.until("/v2/account/portfolio/history", lambda found: found["equity"])
    assert history["equity"][-1] == 100_000.0
    quotes = await floor.get("/v1beta3/crypto/us/latest/quotes", symbols="EUR/USD")
    assert quotes["quotes"]["EUR/USD"]["bp"] == 1.4001
    assert (await floor.get("/v2/account/configurations"))["no_shorting"] is False


async def test_the_wire_is_plain_json(floor):
    answer = await floor.client.get("/v2/account")

    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.content)["id"] == str(UUID(int=1))
