"""Whether the platform has come to rest."""

import time
from datetime import timedelta

import pytest

from purchase_world import PURCHASE, Shop
from tradesense import bus
from tradesense.app.quiet import quiet
from tradesense.kernel.instants import to_us
from tradesense.purchases.jobs import PAY_WITHIN_S

COST_MAX_S = 0.005


@pytest.fixture
async def shop(runtime, sealer_db, tmp_path):
    return Shop(runtime, sealer_db, tmp_path)


async def reasons(runtime):
    async with runtime.db.reading() as tx:
        return set(await quiet(tx, clock_us=to_us(runtime.now())))


# These need the engine and the feed, which do not run here.
ELSEWHERE = {
    "the feed is behind the clock",
    "the engine has commands to stamp",
    "the engine is behind the tape",
}


async def test_each_thing_that_is_left_to_do_is_a_reason(shop, runtime, clock):
    assert "no consumer has subscribed yet" in await reasons(runtime)
    await shop.buy()
    assert {"entries are not sealed", "a saga is due"} <= await reasons(runtime)

    await shop.work()
    assert await reasons(runtime) <= ELSEWHERE  # it waits for the buyer

    clock.set(clock.now() + timedelta(seconds=PAY_WITHIN_S))
    assert await reasons(runtime) - ELSEWHERE == {"a saga is due"}

    shop.till.faults["cancel"] = ["away"]
    await shop.work()
    assert await reasons(runtime) - ELSEWHERE == {
        "a provider is to be told of a cancellation or a refund"
    }

    await shop.end()
    assert await reasons(runtime) <= ELSEWHERE


async def test_a_paid_purchase_leaves_a_command_for_the_engine(shop, runtime):
    await shop.buy()
    await shop.work()
    shop.till.pay()
    await shop.end()

    assert "the engine has commands to stamp" in await reasons(runtime)


async def test_a_consumer_that_waits_for_its_next_try_is_a_reason_a_dead_letter_is_none(
    shop, runtime
):
    await shop.buy()
    await shop.work()

    async def wait(tx, retry_at):
        await tx.execute(
            """
            INSERT INTO bus_waits (consumer, stream, entry_id, version, kind, tries, trouble,
              retry_at) VALUES ('purchases', 'payment:x', 1, 1, 'X', 1, 'x', %s)
            ON CONFLICT (consumer, stream) DO UPDATE SET retry_at = excluded.retry_at
            """,
            (retry_at,),
        )

    await runtime.db.repeat(lambda tx: wait(tx, runtime.now()))
    assert await reasons(runtime) - ELSEWHERE == {"a consumer has entries to apply"}
    await runtime.db.repeat(lambda tx: wait(tx, None))
    assert await reasons(runtime) <= ELSEWHERE
    await runtime.db.repeat(
        lambda tx: tx.execute("DELETE FROM bus_waits")  # the test's own, of no real entry
    )


async def test_asking_is_cheap(shop, runtime):
    await runtime.db.repeat(lambda tx: bus.subscribe(tx, ()))
    await shop.buy(PURCHASE)
    await shop.work()
    took = []
    for _ in range(20):
        async with runtime.db.reading() as tx:
            began = time.perf_counter()
            await quiet(tx, clock_us=to_us(runtime.now()))
            took.append(time.perf_counter() - began)

    assert sorted(took)[5] < COST_MAX_S
