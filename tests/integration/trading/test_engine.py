"""The engine on real PostgreSQL: one commit holds everything, and a restart changes nothing."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tradesense import trading
from tradesense.infra.lease import LeaseLost, hold
from tradesense.infra.policies import own_policy
from tradesense.infra.redis import Redis
from tradesense.kernel.errors import Invalid, Unavailable
from tradesense.market.model import Kind
from tradesense.trading.running.loop import Engine
from tradesense.trading.running.publishing import Publisher
from tradesense.trading.running.wake import Waker
from trading_desk import ACCOUNT, Desk
from trading_world import EURUSD, a_setup, daily


@pytest.fixture
def desk(db, clock, database):
    return Desk(db, clock, database)


async def test_what_is_asked_is_filled_recorded_and_stamped(desk):
    await desk.open(a_setup())
    await desk.quote(140_000, 140_010)
    order_id = await desk.order(1_000, "first")

    await desk.settle()

    (order,) = await desk.rows("SELECT * FROM trading_orders")
    assert (order["order_id"], order["status"], order["filled_price"]) == (
        order_id, "filled", 140_010,
    )  # fmt: skip
    assert await desk.kinds() == ["AccountOpened", "OrderAccepted", "OrderFilled"]
    stamps = await desk.rows("SELECT input_seq, after_price_seq FROM trading_commands ORDER BY id")
    assert [tuple(row.values()) for row in stamps] == [(1, 1), (2, 1)]


async def test_a_restart_before_every_input_gives_the_same_as_none(desk):
    await desk.open(a_setup())
    for bid in (140_000, 139_900, 139_800):
        await desk.quote(bid)
        await desk.order(100_000, f"at {bid}")
        await desk.settle()
    await desk.order(5, "far", limit=100_000)
    await desk.settle()

    book = await desk.settle()

    account = book.accounts[ACCOUNT]
    assert account.positions[EURUSD].qty == 300_000
    assert account.positions[EURUSD].cost == 100_000 * (140_000 + 139_900 + 139_800)
    assert [order.client_order_id for order in account.orders] == ["far"]
    assert (account.input_seq, account.fills, account.days_opened) == (5, 3, 1)


async def test_a_breach_is_concluded_in_the_same_commit_or_not_at_all(desk):
    await desk.open(a_setup())
    await desk.quote(140_000)
    await desk.order(1_000_000, "all in")
    await desk.settle()
    await desk.quote(139_000)

    desk.fails = True
    with pytest.raises(Unavailable):
        await desk.settle()
    assert await desk.rows("SELECT * FROM trading_outcomes") == []
    assert (await desk.rows("SELECT price_seq FROM trading_engines"))[0]["price_seq"] == 1

    desk.fails = False
    await desk.settle()
    await desk.settle()

    ((outcome, now),) = desk.concluded
    assert (outcome.guard, outcome.value_minor) == ("daily loss", 9_000_000)
    assert now == desk.clock.now()
    assert (await desk.kinds())[-3:] == ["GuardBreached", "OrderFilled", "AccountClosed"]


async def test_a_closed_account_still_answers(desk):
    await desk.open(a_setup())
    await desk.quote(140_000)
    await desk.order(1_000_000, "all in")
    await desk.settle()
    await desk.quote(139_000)
    await desk.settle()
    await desk.order(1_000, "too late")

    book = await desk.settle()

    assert ACCOUNT not in book.accounts
    late = await desk.rows("SELECT * FROM trading_orders WHERE client_order_id = 'too late'")
    assert [(row["status"], row["reason"]) for row in late] == [("rejected", "account_not_active")]


async def test_an_engine_that_lost_its_lease_commits_nothing(desk):
    await desk.open(a_setup())
    async with hold(desk.db, "engine") as lease:
        old = replace(lease, token=lease.token - 1)
        engine = Engine(
            db=desk.db, lease=old, now=desk.clock.now, is_driven=False, conclude=desk.conclude,
            waker=Waker(desk.urls.app, own_policy("tests")), publisher=Publisher(Redis("")),
        )  # fmt: skip
        with pytest.raises(LeaseLost):
            await engine.advance(await engine.load())

    assert await desk.rows("SELECT * FROM trading_accounts") == []


async def test_under_a_driven_clock_commands_wait_for_every_price_up_to_now(desk):
    await desk.open(a_setup())
    await desk.quote(140_000)
    await desk.settle(is_driven=True)
    assert await desk.rows("SELECT * FROM trading_accounts") == []

    await desk.quote(140_100)
    await desk.put(kind=Kind.CLOCK)
    await desk.settle(is_driven=True)

    (account,) = await desk.rows("SELECT * FROM trading_accounts")
    assert account["opened_seq"] == 3

    desk.clock.set(desk.clock.now() + timedelta(seconds=1))
    await desk.order(1_000, "first")
    await desk.settle(is_driven=True)
    assert await desk.rows("SELECT * FROM trading_orders") == []
    await desk.put(kind=Kind.CLOCK)
    await desk.settle(is_driven=True)
    assert len(await desk.rows("SELECT * FROM trading_orders")) == 1


async def test_a_notice_wakes_the_running_engine(desk):
    await desk.open(a_setup())
    async with desk.engine() as engine, asyncio.timeout(10), asyncio.TaskGroup() as group:
        running = group.create_task(engine.run())
        listening = group.create_task(engine.waker.listen())
        await desk.quote(140_000)
        await desk.order(1_000, "first")
        while not await desk.rows("SELECT * FROM trading_fills"):
            await asyncio.sleep(0.005)
        running.cancel()
        listening.cancel()


async def test_the_same_client_order_id_is_refused_and_changes_nothing(desk):
    await desk.open(a_setup())
    await desk.order(1_000, "first")
    with pytest.raises(trading.DuplicateClientOrderId):
        await desk.order(2_000, "first")

    await desk.quote(140_000)
    await desk.settle()
    assert len(await desk.rows("SELECT * FROM trading_orders")) == 1


async def test_opening_twice_opens_once(desk):
    await desk.open(a_setup())
    await desk.open(a_setup())
    await desk.settle()

    assert await desk.kinds() == ["AccountOpened"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"initial_minor": 0}, "starts with"),
        ({"initial_minor": 10**12}, "starts with"),
        ({"leverage": 0}, "leverage"),
        ({"currency": "XXX"}, "unknown currency"),
        ({"reset": "midnight"}, "no reset"),
        ({"reset": "00:00 Europe/Nowhere"}, "no reset"),
        ({"instruments": ()}, "different symbols"),
        ({"guards": (daily(), daily())}, "different names"),
    ],
)
async def test_a_setup_that_no_engine_could_run_is_refused(desk, changes, said):
    with pytest.raises(Invalid, match=said):
        await desk.open(a_setup(**changes))
    assert await desk.rows("SELECT * FROM trading_commands") == []


async def test_nothing_is_asked_of_an_account_that_nobody_opened(desk):
    with pytest.raises(trading.UnknownAccount):
        await desk.order(1_000, "first")
    with pytest.raises(trading.UnknownAccount):
        await desk.close("second")


@pytest.mark.breaks_invariants
async def test_the_past_cannot_be_rewritten_by_the_app(desk):
    await desk.open(a_setup())
    await desk.quote(140_000)
    await desk.order(1_000, "first")
    await desk.settle()

    statements = (
        "UPDATE trading_fills SET price = 1",
        "DELETE FROM trading_fills",
        "DELETE FROM trading_commands",
        "UPDATE trading_commands SET body = '{}'",
        "INSERT INTO trading_commands (input_seq) VALUES (1)",
    )
    for statement in statements:
        with pytest.raises(Exception, match=r"permission denied|append-only"):
            await desk.ask(lambda tx, statement=statement: tx.execute(statement))
