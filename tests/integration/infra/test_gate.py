"""A verb commits once per key, or not at all, or the gate says that nobody can know."""

import asyncio
import time

import pytest
from psycopg import errors

from faults import Cut, wire
from gate_world import Marking, backend_of, make_marks, marks_in, terminate
from tradesense.infra.db import AlreadyCommitted, Database, inside_transaction
from tradesense.kernel.errors import (
    InvariantBroken,
    OutcomeUnknown,
    Rejected,
    TimedOut,
)

COMMIT = b"COMMIT\x00"  # the whole message: "READ COMMITTED" is another one

pytestmark = pytest.mark.usefixtures("marks")


@pytest.fixture
async def marks(owner_db):
    await make_marks(owner_db)


async def test_a_key_commits_once(db):
    mark = Marking()
    assert await db.run(mark, key="one") == "mark 1"
    with pytest.raises(AlreadyCommitted, match="one"):
        await db.run(mark, key="one")
    assert await marks_in(db) == ["mark"]


async def test_concurrent_calls_with_one_key_commit_once(db):
    mark = Marking()
    ended = await asyncio.gather(
        *(db.run(mark, key="one") for _ in range(8)), return_exceptions=True
    )
    assert sum(isinstance(end, str) for end in ended) == 1
    assert sum(isinstance(end, AlreadyCommitted) for end in ended) == 7
    assert await marks_in(db) == ["mark"]


async def test_what_the_verb_raises_rolls_back_and_frees_the_key(db):
    async def refuse(tx):
        await Marking()(tx)
        raise Rejected("no")

    with pytest.raises(Rejected, match="no"):
        await db.run(refuse, key="one")
    assert await marks_in(db) == []
    await db.run(Marking(), key="one")
    assert await marks_in(db) == ["mark"]


async def test_a_database_error_of_the_verb_is_raised_as_it_is(db):
    async def wrong(tx):
        await tx.execute("SELECT * FROM nowhere")

    with pytest.raises(errors.UndefinedTable):
        await db.run(wrong, key="one")


async def test_a_swallowed_database_error_is_not_a_silent_rollback(db):
    async def swallow(tx):
        await Marking()(tx)
        try:
            await tx.execute("SELECT * FROM nowhere")
        except errors.UndefinedTable:
            return "all is well"

    with pytest.raises(InvariantBroken, match="savepoint"):
        await db.run(swallow, key="one")
    assert await marks_in(db) == []


async def test_a_verb_may_not_commit(db):
    async def commit(tx):
        await tx.commit()

    with pytest.raises(InvariantBroken, match="only the gate does"):
        await db.run(commit, key="one")


async def test_transactions_do_not_nest(db):
    async def inner(tx):
        await tx.execute("SELECT 1")

    async def outer(_tx):
        await db.run(inner, key="inner")

    with pytest.raises(InvariantBroken, match="caller's `tx`"):
        await db.run(outer, key="outer")
    async with db.reading():
        assert inside_transaction.get()
        with pytest.raises(InvariantBroken, match="caller's `tx`"):
            await db.repeat(inner)
    assert not inside_transaction.get()


async def test_a_serialisation_failure_is_run_again(db):
    await db.run(Marking("balance"), key="seed")
    both_have_read = asyncio.Barrier(2)
    runs = []

    async def rename(tx):
        runs.append(1)
        await tx.execute("SELECT name FROM marks")
        if len(runs) <= 2:
            await both_have_read.wait()
        await tx.execute("UPDATE marks SET name = name || '+'")

    await asyncio.gather(
        db.run(rename, key="a", isolation="REPEATABLE READ"),
        db.run(rename, key="b", isolation="REPEATABLE READ"),
    )
    assert len(runs) == 3
    assert await marks_in(db) == ["balance++"]


async def test_a_deadlock_is_run_again(db):
    await db.run(Marking("a"), key="a")
    await db.run(Marking("b"), key="b")
    both_hold_one = asyncio.Barrier(2)
    runs = []

    def rename(first, second):
        async def verb(tx):
            runs.append(1)
            await tx.execute("UPDATE marks SET name = name || '+' WHERE name LIKE %s", (first,))
            if len(runs) <= 2:
                await both_hold_one.wait()
            await tx.execute("UPDATE marks SET name = name || '+' WHERE name LIKE %s", (second,))

        return verb

    await asyncio.gather(
        db.run(rename("a%", "b%"), key="forth"), db.run(rename("b%", "a%"), key="back")
    )
    assert len(runs) == 3
    assert sorted(await marks_in(db)) == ["a++", "b++"]


async def test_a_connection_lost_inside_the_verb_is_run_again(db):
    mark = Marking()

    async def be_cut_off(tx):
        if mark.runs == 0:
            await mark(tx)
            await tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return await mark(tx)

    assert await db.run(be_cut_off, key="one") == "mark 2"
    assert await marks_in(db) == ["mark"]


async def test_a_commit_lost_before_it_happened_is_run_again(db):
    mark = Marking("slow")
    running = asyncio.ensure_future(db.run(mark, key="one"))
    await terminate(db, await backend_of(db, doing="COMMIT"))
    assert await running == "slow 2"
    assert await marks_in(db) == ["slow"]


async def test_a_commit_whose_answer_is_lost_is_found_by_its_key(database, db):
    mark = Marking()
    async with wire(database.app) as cutting, Database.open(cutting.url) as far:
        cutting.on_sent = lambda data: Cut(is_delivered=True) if COMMIT in data else None
        assert await far.run(mark, key="one") == "mark 1"
    assert cutting.cuts == 1
    assert mark.runs == 1
    assert await marks_in(db) == ["mark"]


async def test_a_commit_that_never_arrived_is_run_again_once_its_session_is_gone(database, db):
    mark = Marking()
    async with wire(database.app) as cutting, Database.open(cutting.url) as far:
        cutting.on_sent = lambda data: (
            Cut(is_delivered=False, is_noticed=False)
            if COMMIT in data and not cutting.cuts
            else None
        )
        began = time.monotonic()
        assert await far.run(mark, key="one") == "mark 2"
    assert time.monotonic() - began > 1  # the lost session held the key until it timed out
    assert await marks_in(db) == ["mark"]


async def test_out_of_patience_at_commit_nobody_can_know(database, db):
    mark = Marking()
    async with wire(database.app) as cutting, Database.open(cutting.url) as far:
        cutting.on_sent = lambda data: (
            Cut(is_delivered=False, is_noticed=False) if COMMIT in data else None
        )
        with pytest.raises(OutcomeUnknown):
            await far.run(mark, key="one", patience_s=0.5)
    assert await db.run(mark, key="one") == "mark 2"  # the same key later finds out
    assert await marks_in(db) == ["mark"]


async def test_another_call_that_commits_the_key_meanwhile_is_not_taken_for_ours(database, db):
    mark, other = Marking(), Marking("other")
    async with wire(database.app) as cutting, Database.open(cutting.url) as far:

        def cut_commit_and_hold(data):
            if COMMIT in data:
                return Cut(is_delivered=False)
            return None if not cutting.cuts else Cut(is_delivered=False)

        cutting.on_sent = cut_commit_and_hold
        running = asyncio.ensure_future(far.run(mark, key="one"))
        while not cutting.cuts:
            await asyncio.sleep(0.01)
        await db.run(other, key="one")
        cutting.on_sent = lambda _: None
        with pytest.raises(AlreadyCommitted):
            await running
    assert await marks_in(db) == ["other"]


async def test_a_cancelled_commit_is_answered_first(db):
    running = asyncio.ensure_future(db.run(Marking("slow"), key="one"))
    await backend_of(db, doing="COMMIT")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await marks_in(db) == ["slow"]


async def test_a_cancelled_verb_leaves_nothing(db):
    async def dawdle(tx):
        await Marking()(tx)
        await tx.execute("SELECT pg_sleep(30)")

    running = asyncio.ensure_future(db.run(dawdle, key="one"))
    await backend_of(db, doing="pg_sleep(30)")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not inside_transaction.get()
    await db.run(Marking(), key="one")
    assert await marks_in(db) == ["mark"]


async def test_a_statement_past_its_time_is_timed_out(db):
    async def dawdle(tx):
        await tx.execute("SET LOCAL statement_timeout = '50ms'")
        await tx.execute("SELECT pg_sleep(30)")

    with pytest.raises(TimedOut):
        await db.run(dawdle, key="one")


async def test_a_locked_row_is_waited_for_then_given_up(db):
    await db.run(Marking(), key="seed")
    is_kept, let_go = asyncio.Event(), asyncio.Event()

    async def keep(tx):
        await tx.execute("SELECT FROM marks FOR UPDATE")
        is_kept.set()
        await let_go.wait()

    async def want(tx):
        await tx.execute("SET LOCAL lock_timeout = '50ms'")
        await tx.execute("SELECT FROM marks FOR UPDATE")

    keeping = asyncio.ensure_future(db.run(keep, key="keep"))
    await is_kept.wait()
    with pytest.raises(TimedOut):
        await db.run(want, key="want", patience_s=0.3)
    let_go.set()
    await keeping
    await db.run(want, key="want")
