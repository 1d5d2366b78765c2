"""Closed periods: what is recorded late is dated late."""

import asyncio
from datetime import timedelta

import psycopg
import pytest

from tradesense import ledger, trail
from tradesense.kernel.ids import derive
from tradesense.ledger import PeriodClosed

DAY = timedelta(days=1)


async def close(books, until):
    await books.do(ledger.close_period, until=until, by="operator:jane")


async def test_nothing_becomes_effective_in_a_closed_period(books):
    await close(books, books.now)

    with pytest.raises(PeriodClosed, match="date it later"):
        await books.post(books.transfer(effective_at=books.now - timedelta(microseconds=1)))
    await books.post(books.transfer(effective_at=books.now))


async def test_what_stands_already_may_be_said_again_after_its_period_closed(books):
    await books.post(books.transfer())
    await close(books, books.now + DAY)

    await books.post(books.transfer())
    with pytest.raises(PeriodClosed):
        await books.do(
            ledger.reverse, transfer_id=derive("sale"), reversal_id=derive("undo"), reason="typo"
        )


async def test_a_period_closes_once_and_never_reopens(books):
    await close(books, books.now)
    await close(books, books.now)
    with pytest.raises(PeriodClosed, match="never reopens"):
        await close(books, books.now - DAY)
    await close(books, books.now + DAY)

    told = await books.read(trail.read_stream, "ledger:periods")
    assert [(entry.kind, entry.by) for entry in told] == [("PeriodEnded", "operator:jane")] * 2


async def test_closing_waits_for_who_is_posting_and_those_after_it_are_refused(books, db):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def post_slowly(tx):
        await ledger.post(tx, books.transfer("early"), now=books.now)
        begun.set()
        await go_on.wait()

    async with asyncio.TaskGroup() as group:
        slow = group.create_task(db.run(post_slowly, key="slow"))
        await begun.wait()
        closing = group.create_task(close(books, books.now + DAY))
        await asyncio.sleep(0.2)
        assert not closing.done()
        go_on.set()
    await slow
    assert await books.balance(books.clearing) == 54_000
    with pytest.raises(PeriodClosed):
        await books.post(books.transfer("late"))


async def test_the_database_itself_keeps_periods_closed(books, database):
    await close(books, books.now)

    with psycopg.connect(database.owner) as conn, pytest.raises(psycopg.errors.OperationalError):
        conn.execute(
            """
            INSERT INTO ledger_transfers
              (id, debit, credit, amount_minor, currency, reason, effective_at, payload_sha256)
            VALUES (gen_random_uuid(), 'bank:USD', 'rounding:USD', 1, 'USD', 'forged', %s,
                    sha256(''))
            """,
            (books.now - DAY,),
        )
