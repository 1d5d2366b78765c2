"""Recording and reading, on the real database."""

import asyncio
import json
from hashlib import sha256

import pytest

from integration.trail.facts import Counted, counted, noted
from tradesense.kernel.errors import Conflict
from tradesense.trail import Fact, read_sealed, read_stream, record, sealed_size


async def test_versions_count_within_a_stream_over_calls_and_transactions(db):
    await db.run(lambda tx: record(tx, noted("a"), noted("b", "user:7"), noted("c")), key="1")
    await db.run(lambda tx: record(tx, noted("d")), key="2")

    async with db.reading() as tx:
        entries = await read_stream(tx, "account:1")
        others = await read_stream(tx, "user:7")

    assert [(e.version, e.data["text"]) for e in entries] == [(1, "a"), (2, "c"), (3, "d")]
    assert [e.version for e in others] == [1]
    assert all(e.position is None for e in entries)


async def test_each_entry_names_the_one_before_by_its_hash(db):
    await db.run(lambda tx: record(tx, noted("a"), noted("b")), key="1")
    await db.run(lambda tx: record(tx, noted("c")), key="2")

    async with db.reading() as tx:
        entries = await read_stream(tx, "account:1")

    told = [json.loads(e.canonical) for e in entries]
    assert [t["prev"] for t in told] == [
        "",
        sha256(entries[0].canonical).hexdigest(),
        sha256(entries[1].canonical).hexdigest(),
    ]


async def test_an_entry_is_canonical_json_of_what_was_said(db):
    await db.run(lambda tx: record(tx, counted(2**60, "tape:EUR/USD")), key="1")

    async with db.reading() as tx:
        (entry,) = await read_stream(tx, "tape:EUR/USD")

    assert entry.canonical == (
        b'{"at":"2014-05-02T12:30:00.000000Z","by":"system:test","cause":"test:1",'
        b'"data":{"number":"1152921504606846976"},"kind":"Counted","prev":"",'
        b'"stream":"tape:EUR/USD","v":1,"version":1}'
    )
    assert (entry.kind, entry.by, entry.cause) == ("Counted", "system:test", "test:1")
    assert entry.at.isoformat() == "2014-05-02T12:30:00+00:00"


async def test_what_is_rolled_back_was_never_said(db):
    async def regret(tx):
        await record(tx, noted("a"))
        raise Conflict("no")

    with pytest.raises(Conflict):
        await db.run(regret, key="1")
    await db.run(lambda tx: record(tx, noted("b")), key="2")

    async with db.reading() as tx:
        assert [(e.version, e.data["text"]) for e in await read_stream(tx, "account:1")] == [
            (1, "b")
        ]


@pytest.mark.parametrize(
    "fact",
    [
        noted(stream="account"),
        noted(stream='account:"'),
        noted(stream="account:" + "x" * 161),
        noted(stream="Account:1"),
        Fact(event=Counted(1), stream="account:1", at=noted().at, by="nobody"),
    ],
)
async def test_names_that_are_no_names_are_refused_before_anything_is_written(db, fact):
    async def swallow(tx):
        with pytest.raises(ValueError, match="named like"):
            await record(tx, noted("good"), fact)

    await db.run(swallow, key="1")

    async with db.reading() as tx:
        assert await read_stream(tx, "account:1") == []


async def test_recorders_of_one_stream_take_turns_and_of_others_do_not_wait(db):
    held, go = asyncio.Event(), asyncio.Event()

    async def hold(tx):
        await record(tx, noted("first"))
        held.set()
        await go.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(db.run(hold, key="1"))
        await held.wait()
        second = group.create_task(db.run(lambda tx: record(tx, noted("second")), key="2"))
        await db.run(lambda tx: record(tx, noted("other", "account:2")), key="3")
        assert not second.done()
        go.set()

    async with db.reading() as tx:
        assert [e.data["text"] for e in await read_stream(tx, "account:1")] == ["first", "second"]


async def test_recorders_that_meet_in_opposite_order_both_succeed(db):
    async def both(first, second):
        await db.run(
            lambda tx: record(tx, *[noted(str(n), s) for n in range(3) for s in (first, second)]),
            key=f"{first}",
        )

    async with asyncio.TaskGroup() as group:
        group.create_task(both("account:1", "account:2"))
        group.create_task(both("account:2", "account:1"))

    async with db.reading() as tx:
        assert len(await read_stream(tx, "account:1")) == 6
        assert len(await read_stream(tx, "account:2")) == 6


async def test_a_thousand_facts_are_recorded_at_once_in_their_order(db):
    facts = [counted(n, f"account:{n % 7}") for n in range(1000)]
    await db.run(lambda tx: record(tx, *facts), key="1")

    async with db.reading() as tx:
        entries = [e for n in range(7) for e in await read_stream(tx, f"account:{n}")]
    assert [e.data["number"] for e in sorted(entries, key=lambda e: e.entry_id)] == [*range(1000)]


async def test_nothing_is_sealed_before_the_sealer_came(db):
    await db.run(lambda tx: record(tx, noted()), key="1")

    async with db.reading() as tx:
        assert await sealed_size(tx) == 0
        assert await read_sealed(tx, after=0, limit=10) == []
