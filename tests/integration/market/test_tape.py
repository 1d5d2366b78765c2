"""The tape's tables: appended in order or not at all, by nobody changed."""

from datetime import date

import psycopg
import pytest

from conftest import broken_invariants
from price_files import ticks_of
from tradesense.kernel.errors import InvariantBroken
from tradesense.kernel.instants import to_us
from tradesense.market import (
    Kind,
    Status,
    TapeItem,
    TapeMoved,
    append,
    latest_quotes,
    open_files,
    read_blocks,
    read_tape,
    request_flush,
    tape_end,
)


@pytest.fixture
def price(clock):
    def make(seq, bid=138_000, status=Status.VALID, symbol="EUR/USD", after_us=0):
        at_us = to_us(clock.now()) + after_us
        return TapeItem(seq, Kind.QUOTE, at_us, symbol, bid, bid + 10, status)

    return make


async def test_what_is_appended_is_read_back_equal(db, price):
    items = [
        price(1),
        price(2, status=Status.CROSSED),
        TapeItem(3, Kind.CLOCK, 5),
        TapeItem(4, Kind.RESET, 6, reset="00:00 UTC", day=date(2014, 5, 2)),
        price(5)._replace(synthetic=True),
    ]
    await db.run(lambda tx: append(tx, items), key="1")

    async with db.reading() as tx:
        assert await read_tape(tx, after=0, limit=10) == items
        assert await read_tape(tx, after=2, limit=2) == items[2:4]
        assert await tape_end(tx) == 5


async def test_readers_are_woken_at_commit(db, database, price):
    async with await psycopg.AsyncConnection.connect(database.app, autocommit=True) as listener:
        await listener.execute("LISTEN tape")
        await db.run(lambda tx: append(tx, [price(1), price(2)]), key="1")
        woken = [note.payload async for note in listener.notifies(timeout=5, stop_after=1)]
    assert woken == ["2"]


@pytest.mark.parametrize("first", [1, 2, 4])
async def test_items_that_do_not_follow_the_last_are_refused(db, price, first):
    await db.run(lambda tx: append(tx, [price(1), price(2)]), key="1")
    with pytest.raises(TapeMoved):
        await db.run(lambda tx: append(tx, [price(first)]), key="2")
    async with db.reading() as tx:
        assert await tape_end(tx) == 2


async def test_items_with_a_gap_are_refused(db, price):
    with pytest.raises(InvariantBroken):
        await db.run(lambda tx: append(tx, [price(1), price(3)]), key="1")


async def test_the_latest_quote_is_the_latest_that_may_judge(db, price):
    items = [
        price(1, 138_000),
        price(2, 138_001, after_us=5),
        price(3, 139_000, Status.CROSSED, after_us=9),
        price(4, 150_000, Status.CROSSED, symbol="GBP/USD"),
        price(5, 138_002, Status.LATE),
    ]
    await db.run(lambda tx: append(tx, items[:3]), key="1")
    await db.run(lambda tx: append(tx, items[3:]), key="2")

    async with db.reading() as tx:
        assert await latest_quotes(tx) == {"EUR/USD": items[1]}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE market_tape SET bid = bid + 1",
        "DELETE FROM market_tape",
        "TRUNCATE market_tape",
        "UPDATE market_blocks SET sha256 = ''",
        "DELETE FROM market_blocks",
        "DELETE FROM market_position",
        "INSERT INTO market_position VALUES (false, 0, 0, 0, 0)",
    ],
)
async def test_the_app_can_add_to_the_tape_and_change_nothing(db, price, statement):
    await db.run(lambda tx: append(tx, [price(1)]), key="1")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await db.run(lambda tx: tx.execute(statement), key="2")


@pytest.mark.breaks_invariants
async def test_a_price_changed_by_the_owner_breaks_the_seal(
    tape, owner_db, clock, tmp_path, database
):
    source = open_files([ticks_of(tmp_path, clock.now(), count=300, every_ms=1)])
    clock.set(clock.now().replace(hour=9))
    async with tape.played(source):
        await tape.at(clock.now())
    await owner_db.repeat(
        lambda tx: tx.execute("UPDATE market_tape SET ask = ask + 1 WHERE price_seq = 17")
    )

    assert "market: the text of a sealed block has the hash that was sealed" in broken_invariants(
        database.superuser
    )
    async with tape.runtime.db.reading() as tx:
        with pytest.raises(InvariantBroken, match="block 1 to 256 of EUR/USD"):
            await read_blocks(tx, "EUR/USD", 1, 300)


async def test_a_flush_of_what_is_not_there_yet_means_what_is(db, price):
    await db.run(lambda tx: append(tx, [price(1), price(2)]), key="1")
    assert await db.repeat(lambda tx: request_flush(tx, up_to=99)) == 2
    assert await db.repeat(request_flush) == 2
