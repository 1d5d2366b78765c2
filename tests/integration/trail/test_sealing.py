"""One order for everything, whatever the writers do; signed at every step."""

import asyncio
from itertools import pairwise

import psycopg
import pytest

from integration.trail.facts import noted, seal_now, seal_slice
from tradesense.trail import read_sealed, read_stream, record, sealed_size
from tradesense.trail.proof import tree
from tradesense.trail.proof.note import PublicKey
from tradesense.trail.proof.tree import Frontier
from tradesense.trail.sealing.keys import read_public
from tradesense.trail.sealing.sealer import open_log


async def entries_of(db):
    async with db.reading() as tx:
        return await read_sealed(tx, after=0, limit=10_000)


async def checkpoints_of(db, key: PublicKey):
    async with db.reading() as tx:
        cursor = await tx.execute("SELECT note FROM trail_checkpoints ORDER BY size")
        return [key.open(row["note"]) for row in await cursor.fetchall()]


async def test_positions_count_from_one_in_the_order_of_recording(db, sealer_db, tmp_path):
    await db.run(lambda tx: record(tx, noted("a"), noted("b", "user:1")), key="1")
    await seal_now(sealer_db, tmp_path)
    await db.run(lambda tx: record(tx, noted("c")), key="2")
    await seal_now(sealer_db, tmp_path)

    assert [(e.position, e.data["text"]) for e in await entries_of(db)] == [
        (1, "a"), (2, "b"), (3, "c"),
    ]  # fmt: skip
    async with db.reading() as tx:
        assert [e.position for e in await read_stream(tx, "account:1")] == [1, 3]
        assert [e.position for e in await read_sealed(tx, after=1, limit=1)] == [2]
        assert await read_sealed(tx, after=0, limit=10, kinds=["Counted"]) == []
        assert await sealed_size(tx) == 3


async def test_every_seal_signs_the_root_of_all_entries_so_far(db, sealer_db, tmp_path):
    for number in range(5):
        facts = [noted(str(n)) for n in range(number * 100)]
        await db.run(lambda tx, facts=facts: record(tx, *facts), key=str(number))
        await seal_now(sealer_db, tmp_path)

    signed = await checkpoints_of(db, read_public(tmp_path / "keys"))
    leaves = [tree.leaf_hash(e.canonical) for e in await entries_of(db)]

    assert [point.size for point in signed] == [100, 300, 600, 1000]
    assert {point.origin for point in signed} == {read_public(tmp_path / "keys").name}
    assert [p.root for p in signed] == [Frontier().grow(leaves[: p.size]).root for p in signed]


async def test_a_long_transaction_delays_nobody_else(db, database, sealer_db, tmp_path):
    with psycopg.connect(database.app) as slow:
        slow.execute("SELECT pg_current_xact_id()")
        await db.run(lambda tx: record(tx, noted("quick")), key="1")
        await seal_now(sealer_db, tmp_path)
        assert [e.data["text"] for e in await entries_of(db)] == ["quick"]


async def test_what_was_open_in_the_last_snapshot_is_sealed_when_it_commits(
    db, sealer_db, tmp_path
):
    begun, end = asyncio.Event(), asyncio.Event()

    async def long(tx):
        await record(tx, noted("long", "account:1"))
        begun.set()
        await end.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(db.run(long, key="long"))
        await begun.wait()
        for number in range(3):
            await db.run(lambda tx: record(tx, noted("quick", "account:2")), key=f"{number}")
            await seal_now(sealer_db, tmp_path)
        end.set()
    await seal_now(sealer_db, tmp_path)

    assert [e.data["text"] for e in await entries_of(db)] == ["quick"] * 3 + ["long"]


async def test_what_a_savepoint_took_back_is_not_sealed(db, sealer_db, tmp_path):
    async def verb(tx):
        await record(tx, noted("kept", "account:1"))
        await tx.execute("SAVEPOINT s")
        await record(tx, noted("taken back", "account:2"))
        await tx.execute("ROLLBACK TO SAVEPOINT s")
        await tx.execute("SAVEPOINT t")
        await record(tx, noted("kept too", "account:2"))

    await db.run(verb, key="1")
    await seal_now(sealer_db, tmp_path)

    assert [e.data["text"] for e in await entries_of(db)] == ["kept", "kept too"]


@pytest.mark.parametrize("slice_max", [1, 7, 100, 249, 250, 251])
async def test_a_backlog_in_slices_gets_the_order_it_would_have_had(
    db, sealer_db, tmp_path, slice_max
):
    await db.run(lambda tx: record(tx, noted("before")), key="0")
    await seal_now(sealer_db, tmp_path)
    for number in range(1, 6):
        facts = [noted(f"{number}.{n}", f"account:{n % 3}") for n in range(50)]
        await db.run(lambda tx, facts=facts: record(tx, *facts), key=str(number))

    log = await seal_now(sealer_db, tmp_path, slice_max=slice_max)

    entries = await entries_of(db)
    assert [e.entry_id for e in entries] == sorted(e.entry_id for e in entries)
    assert len(entries) == 251
    signed = await checkpoints_of(db, log.key.public)
    assert max(b.size - a.size for a, b in pairwise(signed)) <= slice_max


async def test_what_commits_while_a_backlog_is_sealed_comes_after_it(db, sealer_db, tmp_path):
    first, second = asyncio.Event(), asyncio.Event()

    async def early_id(tx):
        await record(tx, noted("early id, late commit", "account:9"))
        first.set()
        await second.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(db.run(early_id, key="early"))
        await first.wait()
        await db.run(lambda tx: record(tx, *[noted(str(n)) for n in range(20)]), key="many")
        log = await open_log(sealer_db, tmp_path)
        await seal_slice(sealer_db, log, slice_max=5)
        second.set()
    assert log.progress.target is not None
    await seal_now(sealer_db, tmp_path, slice_max=5)

    texts = [e.data["text"] for e in await entries_of(db)]
    assert texts == [str(n) for n in range(20)] + ["early id, late commit"]
