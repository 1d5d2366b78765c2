"""The desk: many callers, few transactions, and each caller's own outcome."""

import asyncio

import pytest

from tradesense import ledger
from tradesense.kernel.errors import Rejected, Unavailable
from tradesense.kernel.ids import derive
from tradesense.ledger import InvalidTransfer, Overdrawn, PeriodClosed, TransferMismatch
from tradesense.ledger.jobs import Desk


async def outcome_of(submitting):
    try:
        await submitting
    except Rejected as refusal:
        return type(refusal)
    return None


async def test_one_bad_transfer_never_rejects_its_batch(books, db):
    await books.post(books.share(100))
    await books.do(ledger.close_period, until=books.now, by="operator:jane")
    asked = {
        "good": [books.transfer("good")],
        "nothing": [books.transfer("nothing", 0)],
        "off the chart": [books.transfer("off", credit="cash:USD")],
        "too much": [books.payout(101, "too much")],
        "half bad": [books.transfer("half"), books.payout(101, "half bad")],
        "closed": [books.transfer("closed", effective_at=books.now.replace(day=1))],
        "undoes nothing": [books.transfer("undo", reverses=derive("nobody's"))],
        "first": [books.transfer("same", 1)],
        "first again": [books.transfer("same", 1)],
        "other content": [books.transfer("same", 2)],
        "enough": [books.payout(100, "enough")],
        "no more": [books.payout(1, "no more")],
    }

    async with Desk.open(db, lambda: books.now) as desk:
        told = await asyncio.gather(*(outcome_of(desk.submit(*each)) for each in asked.values()))

    assert dict(zip(asked, told, strict=True)) == {
        "good": None,
        "nothing": InvalidTransfer,
        "off the chart": InvalidTransfer,
        "too much": Overdrawn,
        "half bad": Overdrawn,
        "closed": PeriodClosed,
        "undoes nothing": InvalidTransfer,
        "first": None,
        "first again": None,
        "other content": TransferMismatch,
        "enough": None,
        "no more": Overdrawn,
    }
    assert await books.balance(books.clearing) == 54_001
    assert await books.balance(books.jane) == 0


async def test_many_callers_share_few_transactions(books, db):
    async with Desk.open(db, lambda: books.now) as desk, asyncio.TaskGroup() as group:
        for number in range(1_000):
            group.create_task(desk.submit(books.transfer(f"sale {number}", 1)))

    assert await books.balance(books.clearing) == 1_000
    transactions = await books.read(count_transactions)
    assert transactions <= 20


async def count_transactions(tx):
    cursor = await tx.execute("SELECT count(DISTINCT xid::text) AS n FROM trail_entries")
    return (await cursor.fetchone())["n"]


async def test_two_desks_that_say_the_same_post_it_once(books, db):
    await books.post(books.share(500))
    async with (
        Desk.open(db, lambda: books.now) as one,
        Desk.open(db, lambda: books.now) as other,
        asyncio.TaskGroup() as group,
    ):
        for number in range(200):
            for desk in (one, other):
                group.create_task(desk.submit(books.transfer(f"sale {number}", 1)))
                group.create_task(desk.submit(books.payout(2, f"payout {number}")))

    assert await books.balance(books.clearing) == 200
    assert await books.balance(books.jane) == 100


async def test_a_caller_that_goes_away_takes_nobody_along(books, db):
    async with Desk.open(db, lambda: books.now) as desk, asyncio.TaskGroup() as group:
        gone = group.create_task(desk.submit(books.transfer("gone", 1)))
        stays = group.create_task(desk.submit(books.transfer("stays", 10)))
        await asyncio.sleep(0)
        gone.cancel()
        await stays

    assert await books.balance(books.clearing) in (10, 11)


async def test_what_was_submitted_is_posted_before_the_desk_closes(books, db):
    async with asyncio.TaskGroup() as group:
        async with Desk.open(db, lambda: books.now) as desk:
            waiting = group.create_task(desk.submit(books.transfer()))
            await asyncio.sleep(0)
        assert waiting.done()
    assert await books.balance(books.clearing) == 54_000

    with pytest.raises(Unavailable):
        await desk.submit(books.transfer("late"))


async def test_the_database_goes_away_and_everybody_is_told_or_served(books, db, superuser):
    async def submit(desk, number):
        try:
            await desk.submit(books.transfer(f"sale {number}", 1))
        except Unavailable:
            return 0
        return 1

    async with Desk.open(db, lambda: books.now) as desk, asyncio.TaskGroup() as group:
        tries = [group.create_task(submit(desk, number)) for number in range(300)]
        await asyncio.sleep(0.02)
        superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test'"
        )

    assert sum(task.result() for task in tries) == await books.balance(books.clearing) == 300
