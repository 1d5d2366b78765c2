"""A bot written for Alpaca (alpaca-py, unchanged) against our api and engine as processes."""

import asyncio
import json
import sys
import time
import warnings
from datetime import timedelta
from uuid import UUID

import pytest
import websockets

from running_platform import environment
from tradesense import identity, trading
from tradesense.infra.clock import DrivenClock
from tradesense.market.model import Kind
from trading_desk import ACCOUNT, Desk
from trading_world import FRIDAY, a_setup

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it uses an old part of websockets
    from alpaca.common.exceptions import APIError
    from alpaca.trading.client import TradingClient
    from alpaca.trading.enums import (
        OrderSide,
        OrderStatus,
        PositionSide,
        QueryOrderStatus,
        TimeInForce,
    )
    from alpaca.trading.requests import (
        ClosePositionRequest,
        GetOrdersRequest,
        LimitOrderRequest,
        MarketOrderRequest,
        StopOrderRequest,
    )
    from alpaca.trading.stream import TradingStream

# alpaca-py leaves the closing of its connections to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

TRADER = UUID(int=77)
START_PATIENCE_S = 30.0


class Bot:
    """alpaca-py's clients, and the prices they see. Blocking calls run beside the loop."""

    def __init__(self, desk, url, issued):
        self.desk, self.url = desk, url
        self.key = (issued.key_id, issued.secret)
        self.client = TradingClient(*self.key, url_override=url)

    async def ask(self, name, *arguments):
        return await asyncio.to_thread(getattr(self.client, name), *arguments)

    async def price(self, bid, ask):
        """One quote and the clock's step, one second on."""
        self.desk.clock.set(self.desk.clock.now() + timedelta(seconds=1))
        await self.desk.quote(bid, ask)
        await self.desk.put(kind=Kind.CLOCK)

    async def until(self, wanted, name, *arguments):
        async with asyncio.timeout(20):
            while not wanted(found := await self.ask(name, *arguments)):
                await asyncio.sleep(0.02)
        return found


@pytest.fixture
async def bot(db, database, valkey_url, settings, tmp_path):
    clock = DrivenClock.create(tmp_path / "clock", FRIDAY)
    desk = Desk(db, clock, database)
    variables = environment(
        tmp_path,
        TRADESENSE_DATABASE_URL=database.app,
        TRADESENSE_OWNER_URL=database.owner,
        TRADESENSE_SEALER_URL=database.sealer,
        TRADESENSE_REDIS_URL=valkey_url,
        TRADESENSE_SECRET=settings.secret,
        TRADESENSE_CLOCK="driven",
    )
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tradesense.app.processes", name, env=variables
        )
        for name in ("api", "engine")
    ]
    try:
        await desk.open(a_setup())
        await desk.quote(140_000, 140_010)
        await desk.put(kind=Kind.CLOCK)
        url = f"http://127.0.0.1:{variables['TRADESENSE_PORT']}"
        bot = Bot(desk, url, await issue_key(db, settings, clock))
        await wait_open(bot)
        yield bot
    finally:
        for process in started:
            process.terminate()
        for process in started:
            assert await asyncio.wait_for(process.wait(), 20) == 0


async def issue_key(db, settings, clock):
    await db.repeat(
        lambda tx: identity.sign_up(
            tx, user_id=TRADER, email="bot@example.com", password_hash="none", now=clock.now()
        )
    )
    return await db.repeat(
        lambda tx: identity.issue_key(
            tx,
            user_id=TRADER,
            challenge_id=a_setup().challenge_id,
            request_key="bot",
            instance_secret=identity.instance_secret(settings),
            now=clock.now(),
        )
    )


async def wait_open(bot):
    give_up = time.monotonic() + START_PATIENCE_S
    while True:
        try:
            return await bot.ask("get_account")
        except (APIError, OSError):
            assert time.monotonic() < give_up, "no account within 30 s"
            await asyncio.sleep(0.05)


def market_order(qty, side=OrderSide.BUY, **fields):
    return MarketOrderRequest(
        symbol="EUR/USD", qty=qty, side=side, time_in_force=TimeInForce.GTC, **fields
    )


def far_limit():
    return LimitOrderRequest(
        symbol="EUR/USD",
        qty=5_000,
        side=OrderSide.BUY,
        limit_price=1.39,
        time_in_force=TimeInForce.GTC,
    )


async def test_a_bot_reads_trades_and_closes(bot):
    account = await bot.ask("get_account")
    assert (account.currency, account.equity, account.multiplier) == ("USD", "100000.00", "30")
    clock = await bot.ask("get_clock")
    assert clock.is_open
    assert [asset.symbol for asset in await bot.ask("get_all_assets")] == ["EUR/USD"]

    bought = await bot.ask("submit_order", market_order(10_000, client_order_id="first"))
    bought = await bot.until(
        lambda order: order.status is OrderStatus.FILLED, "get_order_by_id", bought.id
    )
    assert (bought.filled_avg_price, bought.filled_qty) == ("1.40010", "10000")
    assert (await bot.ask("get_order_by_client_id", "first")).id == bought.id

    limit = await bot.ask("submit_order", far_limit())
    stop = await bot.ask(
        "submit_order",
        StopOrderRequest(
            symbol="EURUSD", qty=2_000, side=OrderSide.SELL, stop_price=1.39950,
            time_in_force=TimeInForce.DAY,
        ),
    )  # fmt: skip
    open_ = await bot.until(lambda orders: len(orders) == 2, "get_orders")
    assert {order.id for order in open_} == {limit.id, stop.id}

    await bot.price(139_940, 139_950)  # the stop fills at the first quote beyond
    stop = await bot.until(
        lambda order: order.status is OrderStatus.FILLED, "get_order_by_id", stop.id
    )
    assert stop.filled_avg_price == "1.39940"

    await bot.ask("cancel_order_by_id", limit.id)
    limit = await bot.until(
        lambda order: order.status is OrderStatus.CANCELED, "get_order_by_id", limit.id
    )
    assert limit.canceled_at is not None

    (position,) = await bot.ask("get_all_positions")
    assert (position.symbol, position.qty, position.side) == (
        "EUR/USD", "8000", PositionSide.LONG,
    )  # fmt: skip
    assert (await bot.ask("get_open_position", "EUR/USD")).qty == "8000"

    await bot.ask("close_position", "EUR/USD", ClosePositionRequest(percentage="25"))
    await bot.until(lambda found: found.qty == "6000", "get_open_position", "EURUSD")
    (closed,) = await bot.ask("close_all_positions")
    assert closed.status == 200
    assert await bot.until(lambda found: found == [], "get_all_positions") == []

    everything = await bot.ask("get_orders", GetOrdersRequest(status=QueryOrderStatus.ALL))
    assert len(everything) == 5
    account = await bot.ask("get_account")
    assert account.equity == account.cash == "99993.00"  # 10,000 bought at 1.40010, sold lower


async def refusal(bot, order):
    """Return the refusal; a slow machine answers `pending_new` now and then, then we ask again."""
    async with asyncio.timeout(20):
        while True:
            try:
                await bot.ask("submit_order", order)
            except APIError as refused:
                return refused


async def test_a_bot_gets_clear_refusals(bot):
    for order, status in (
        (market_order(50_000_000), 403),
        (MarketOrderRequest(symbol="XXX/USD", qty=1, side="buy", time_in_force="gtc"), 422),
    ):
        refused = await refusal(bot, order)
        assert refused.status_code == status
        assert refused.message
    with pytest.raises(APIError) as missing:
        await bot.ask("get_open_position", "EUR/USD")
    assert missing.value.status_code == 404
    with pytest.raises(APIError) as stranger:
        await asyncio.to_thread(
            TradingClient("PKNOBODY", "wrong", url_override=bot.url).get_account
        )
    assert stranger.value.status_code == 401


async def test_a_bot_hears_of_every_change_of_its_orders(bot):
    heard, stream = [], TradingStream(*bot.key, url_override=f"ws{bot.url[4:]}/stream")

    async def hear(update):
        heard.append(update)

    stream.subscribe_trade_updates(hear)
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        running = group.create_task(stream._run_forever())  # noqa: SLF001 -- run() wants a thread
        while not heard:  # it does not say when it listens
            await bot.ask("submit_order", far_limit())
            await asyncio.sleep(0.1)
        bought = await bot.ask("submit_order", market_order(1_000))
        waiting = await bot.ask("submit_order", far_limit())
        await bot.ask("cancel_order_by_id", waiting.id)
        while not any(update.event == "canceled" for update in heard):
            await asyncio.sleep(0.01)
        running.cancel()
        await stream.close()

    ours = [update for update in heard if update.order.id in {bought.id, waiting.id}]
    assert [update.event for update in ours] == ["new", "fill", "new", "canceled"]
    fill = ours[1]
    assert (fill.price, fill.qty, fill.position_qty) == (1.4001, 1_000, 1_000)
    assert fill.order.status is OrderStatus.FILLED
    assert ours[2].order.status is OrderStatus.NEW
    assert ours[3].order.id == waiting.id


async def test_the_stream_answers_in_kind_and_strangers_hear_nothing(bot):
    key_id, secret = bot.key
    for speak in (str, str.encode):
        async with asyncio.timeout(20), websockets.connect(f"ws{bot.url[4:]}/stream") as socket:
            for action, data in (
                ("authenticate", {"key_id": key_id, "secret_key": secret}),
                ("listen", {"streams": ["trade_updates", "something_else"]}),
            ):
                await socket.send(speak(json.dumps({"action": action, "data": data})))
                answer = await socket.recv()
                assert type(answer) is type(speak(""))
            assert json.loads(answer) == {
                "stream": "listening",
                "data": {"streams": ["trade_updates"]},
            }
            await bot.ask("submit_order", market_order(1_000))
            update = json.loads(await socket.recv())
        assert (update["stream"], update["data"]["event"]) == ("trade_updates", "new")

    wrong = '{"action":"authenticate","data":{"key_id":"PKNOBODY","secret_key":"x"}}'
    for said in (wrong, "[]", "{", "5"):
        async with asyncio.timeout(20), websockets.connect(f"ws{bot.url[4:]}/stream") as socket:
            await socket.send(said)
            assert json.loads(await socket.recv())["data"]["status"] == "unauthorized"
            with pytest.raises(websockets.ConnectionClosed):
                await socket.recv()


async def test_a_halted_bot_may_only_close_and_a_flat_one_is_paid(bot):
    desk = bot.desk

    async def firm(verb, **fields):
        now = desk.clock.now()
        await desk.ask(lambda tx: verb(tx, account_id=ACCOUNT, now=now, **fields))

    bought = await bot.ask("submit_order", market_order(100_000))
    await bot.until(lambda order: order.status is OrderStatus.FILLED, "get_order_by_id", bought.id)
    await firm(trading.request_halt, reason=trading.Reason.PAYMENT_DISPUTED)
    account = await bot.until(lambda found: found.trading_blocked, "get_account")
    assert (account.buying_power, account.account_blocked) == ("0.00", False)
    refused = await refusal(bot, market_order(1_000))
    assert (refused.status_code, "account_halted" in refused.message) == (403, True)

    await bot.price(140_110, 140_120)
    await bot.ask("close_position", "EUR/USD")
    await bot.until(lambda found: found == [], "get_all_positions")
    await firm(trading.request_withdrawal, withdrawal_id=UUID(int=1), amount_minor=None)
    await firm(trading.request_resume)
    await bot.until(lambda found: not found.trading_blocked, "get_account")
    await firm(trading.request_withdrawal, withdrawal_id=UUID(int=2), amount_minor=None)
    await bot.until(lambda found: found.equity == "100000.00", "get_account")
    again = await bot.ask("submit_order", market_order(1_000))
    await bot.until(lambda order: order.status is OrderStatus.FILLED, "get_order_by_id", again.id)
    told = [kind for kind in await desk.kinds() if not kind.startswith("Order")]
    assert told == [
        "AccountOpened", "AccountHalted", "WithdrawalRefused", "AccountResumed", "Withdrawn",
    ]  # fmt: skip
