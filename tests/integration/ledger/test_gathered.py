"""Transfers left to be written together: found by whatever comes later, undone with their block."""

import asyncio

import pytest

from saga_world import BANK, DEFERRED, transfer
from tradesense import ledger, sagas, trail
from tradesense.infra.db import LeftUndone, gathered
from tradesense.kernel.ids import derive

MADE = sagas.Saga(id=derive("gathered"), kind="test", version=1)


@pytest.fixture
def post(runtime):
    async def post(tx, name, debit=BANK, credit=DEFERRED):
        now = runtime.now()
        await ledger.post(tx, transfer(MADE, name, debit, credit, now), now=now)

    return post


async def count(tx):
    cursor = await tx.execute("SELECT count(*) AS n FROM ledger_transfers")
    return (await cursor.fetchone())["n"]


async def stands(runtime):
    async with runtime.db.reading() as tx:
        return (await ledger.balance_of(tx, BANK)).minor


async def run(runtime, verb):
    await runtime.db.run(verb, key="the one")


async def test_what_was_left_is_written_at_the_end_in_one_statement(runtime, post):
    async def verb(tx):
        async with gathered(tx):
            await post(tx, "a")
            await post(tx, "b")
        assert await count(tx) == 2

    await run(runtime, verb)
    async with runtime.db.reading() as tx:
        cursor = await tx.execute("SELECT count(DISTINCT cmin::text) AS n FROM ledger_transfers")
        assert (await cursor.fetchone())["n"] == 1
        entries = await trail.read_stream(tx, f"ledger:{derive(MADE.id, 'a')}")
    assert [entry.kind for entry in entries] == ["TransferPosted"]
    assert await stands(runtime) == 200


@pytest.mark.parametrize("way", ["statement", "cursor", "many", "savepoint"])
async def test_whatever_is_said_later_finds_what_was_left_before(runtime, post, way):
    async def verb(tx):
        async with gathered(tx):
            await post(tx, "a")
            match way:
                case "statement":
                    assert await count(tx) == 1
                case "cursor" | "many":
                    async with tx.cursor() as cursor:
                        ask = "SELECT 1 / (SELECT count(*) FROM ledger_transfers WHERE %s = 1)"
                        if way == "many":
                            await cursor.executemany(ask, [(1,), (1,)])
                        else:
                            await cursor.execute(ask, (1,))
                case "savepoint":
                    async with tx.transaction(force_rollback=True):
                        assert await count(tx) == 1

    await run(runtime, verb)
    assert await stands(runtime) == 100


async def test_what_was_left_in_a_savepoint_is_undone_with_it(runtime, post):
    async def verb(tx):
        async with gathered(tx):
            await post(tx, "a")
            with pytest.raises(ZeroDivisionError):  # noqa: PT012 -- the block raises
                async with tx.transaction():
                    await post(tx, "b")
                    raise ZeroDivisionError
            await post(tx, "c")

    await run(runtime, verb)
    assert await stands(runtime) == 200


async def test_a_block_that_raises_is_undone_and_the_rest_stays(runtime, post):
    async def verb(tx):
        await post(tx, "before")
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 -- the block raises
            async with gathered(tx):
                await post(tx, "a")
                assert await count(tx) == 2
                await post(tx, "b")
                raise ZeroDivisionError
        assert await count(tx) == 1
        async with gathered(tx):
            await post(tx, "after")

    await run(runtime, verb)
    assert await stands(runtime) == 200


async def test_what_stands_already_undoes_the_block(runtime, post):
    async def verb(tx):
        await post(tx, "a")
        with pytest.raises(LeftUndone):  # noqa: PT012 -- the block raises
            async with gathered(tx):
                await post(tx, "b")
                await post(tx, "a", BANK, "fees:outside:USD")
        assert await count(tx) == 1

    await run(runtime, verb)


async def test_a_closed_period_undoes_the_block(runtime, post):
    now = runtime.now()
    await runtime.db.run(
        lambda tx: ledger.close_period(
            tx, until=now.replace(year=now.year + 1), by="operator:a", now=now
        ),
        key="close",
    )

    async def verb(tx):
        with pytest.raises(LeftUndone):
            async with gathered(tx):
                await post(tx, "a")
        with pytest.raises(ledger.PeriodClosed):  # said again with care, it says why
            await post(tx, "a")

    await run(runtime, verb)


async def test_a_refusal_that_somebody_swallows_undoes_the_block_all_the_same(runtime, post):
    async def verb(tx):
        await post(tx, "a")
        with pytest.raises(LeftUndone):  # noqa: PT012 -- the block raises
            async with gathered(tx):
                await post(tx, "a")
                try:
                    await count(tx)
                except LeftUndone:
                    await post(tx, "b")
        assert await count(tx) == 1

    await run(runtime, verb)


async def test_a_block_in_a_block_is_undone_alone(runtime, post):
    async def verb(tx):
        async with gathered(tx):
            await post(tx, "a")
            with pytest.raises(ZeroDivisionError):  # noqa: PT012 -- the block raises
                async with gathered(tx):
                    await post(tx, "b")
                    assert await count(tx) == 2
                    raise ZeroDivisionError
            async with gathered(tx), gathered(tx):
                await post(tx, "c")
        assert await count(tx) == 2

    await run(runtime, verb)
    assert await stands(runtime) == 200


async def test_a_bounded_account_is_judged_at_once_among_what_waits(runtime, post):
    async def verb(tx):
        async with gathered(tx):
            await post(tx, "a")
            with pytest.raises(ledger.Overdrawn):
                await post(tx, "b", "trader-payable:t1:USD", BANK)
            await post(tx, "c")

    await run(runtime, verb)
    assert await stands(runtime) == 200


async def test_of_two_blocks_with_the_same_transfer_one_is_written(runtime, post):
    undone = []

    async def verb(tx):
        try:
            async with gathered(tx):
                await post(tx, "a")
        except LeftUndone as error:
            undone.append(error)

    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(runtime.db.run(verb, key=f"verb {number}"))

    assert len(undone) >= 5
    assert await stands(runtime) == 100
