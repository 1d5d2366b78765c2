"""Connections are lent for as long as somebody is willing to wait, and never longer."""

import asyncio
import time

import pytest
from psycopg import errors

from faults import stopped
from gate_world import Marking, make_marks, marks_in
from tradesense.infra.db import Database, inside_transaction
from tradesense.kernel.errors import TimedOut, Unavailable

pytestmark = pytest.mark.usefixtures("marks")


@pytest.fixture
async def marks(owner_db):
    await make_marks(owner_db)


async def test_a_hung_server_holds_nobody_past_their_patience(database, db):
    async with Database.open(database.app, max_size=1) as far:

        async def who(tx):
            return tx.info.backend_pid

        pid = await far.repeat(who)
        with stopped(pid):
            began = time.monotonic()
            with pytest.raises(TimedOut):
                await far.run(Marking(), key="one", patience_s=0.5)
            assert time.monotonic() - began < 1.5
            with pytest.raises(Unavailable):
                async with far.reading(patience_s=0.5) as tx:
                    await tx.execute(f"SELECT pg_terminate_backend({pid}), pg_sleep(30)")
        await far.run(Marking(), key="two")
    assert await marks_in(db) == ["mark"]


async def test_everybody_busy_is_said_in_time(database):
    has_begun, may_end = asyncio.Event(), asyncio.Event()

    async def dawdle(tx):
        has_begun.set()
        await tx.execute("SELECT 1")
        await may_end.wait()

    async with Database.open(database.app, max_size=1) as narrow:
        busy = asyncio.ensure_future(narrow.repeat(dawdle))
        await has_begun.wait()
        with pytest.raises(TimedOut, match="busy"):
            await narrow.repeat(dawdle, patience_s=0.2)
        may_end.set()
        await busy
        await narrow.repeat(dawdle)


async def test_nobody_there_is_said_in_time():
    async with Database.open("postgresql://nobody@127.0.0.1:1/nothing") as absent:
        began = time.monotonic()
        with pytest.raises(Unavailable, match="cannot reach"):
            await absent.run(Marking(), key="one", patience_s=0.3)
        with pytest.raises(Unavailable, match="cannot reach"):
            async with absent.reading(patience_s=0.3):
                pytest.fail("it opened")
        assert time.monotonic() - began < 1


async def test_reading_is_one_snapshot_and_may_not_write(db):
    async with db.reading() as tx:
        assert await (await tx.execute("SELECT FROM marks")).fetchall() == []
        await asyncio.ensure_future(_write_from_outside(db))
        assert await (await tx.execute("SELECT FROM marks")).fetchall() == []
        with pytest.raises(errors.ReadOnlySqlTransaction):
            await tx.execute("INSERT INTO marks VALUES ('x')")
    assert await marks_in(db) == ["mark"]


async def _write_from_outside(db):
    inside_transaction.set(False)  # another task, as another request would be
    await db.run(Marking(), key="one")


async def test_idle_connections_are_used_again(database):
    async def who(tx):
        return tx.info.backend_pid

    async with Database.open(database.app) as fresh:
        assert len({await fresh.repeat(who) for _ in range(5)}) == 1
        async with fresh.reading() as tx:
            pid = tx.info.backend_pid
        assert pid == await fresh.repeat(who)


async def idle_too_long(tx):
    """Do nothing for longer than the server waits, as a process that was frozen does."""
    await tx.execute("SET LOCAL idle_in_transaction_session_timeout = '50ms'")
    await asyncio.sleep(0.2)


async def test_a_reader_that_was_frozen_may_read_again(db):
    async def read():
        async with db.reading() as tx:
            await idle_too_long(tx)
            await tx.execute("SELECT FROM marks")

    with pytest.raises(Unavailable, match="went away"):
        await read()
    assert await marks_in(db) == []


async def test_a_verb_that_was_frozen_runs_again(db):
    mark, attempts = Marking(), []

    async def freeze_once(tx):
        attempts.append(tx)
        if len(attempts) == 1:
            await idle_too_long(tx)
        return await mark(tx)

    await db.run(freeze_once, key="one")
    assert len(attempts) == 2
    assert await marks_in(db) == ["mark"]
