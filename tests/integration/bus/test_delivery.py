"""Every effect once, in the order of its stream, whatever fails on the way."""

import asyncio

import pytest

from bus_world import Whispered, fact
from saga_world import DyingDatabase, Killed, with_db
from tradesense import bus, trail
from tradesense.bus import NotDead, UnknownDeadLetter
from tradesense.bus.jobs import PASSED_OVER_MAX
from tradesense.bus.service import BATCH
from tradesense.kernel.errors import Conflict, Unavailable

A, B = "bell:a", "bell:b"
NOW_AND_THEN = ValueError("a defect")


async def test_entries_are_applied_once_and_in_order(world):
    await world.record(fact(1, A), fact(1, B), fact(2, A))
    await world.deliver()
    await world.record(fact(2, B), fact(3, A))
    await world.deliver()
    await world.deliver()

    assert await world.effects() == [(A, 1), (B, 1), (A, 2), (B, 2), (A, 3)]


async def test_what_is_not_sealed_is_not_delivered(world):
    await world.record(fact(1), seal=False)
    await world.deliver()
    assert await world.effects() == []

    await world.record(fact(2))
    await world.deliver()
    assert await world.effects() == [("bell:1", 1), ("bell:1", 2)]


async def test_a_consumer_hears_only_the_kinds_it_takes(world):
    await world.record(fact(1), fact(2, kind=Whispered), fact(3))
    loud, all_ears = world.subscription(), world.subscription("all", ("Rung", "Whispered"))

    await world.deliver(loud, all_ears)

    assert [number for _, number in await world.effects("ears")] == [1, 3]
    assert [number for _, number in await world.effects("all")] == [1, 2, 3]


async def test_a_backlog_of_many_batches_arrives_in_order(world):
    await world.record(*(fact(n, f"bell:{n % 3}") for n in range(3 * BATCH + 1)))

    await world.deliver()

    assert [number for _, number in await world.effects()] == list(range(3 * BATCH + 1))


async def test_a_poison_entry_stops_its_stream_only_and_dies_after_three_more_tries(world):
    world.errors[A, 2] = (NOW_AND_THEN, 99)
    await world.record(fact(1, A), fact(2, A), fact(3, A), fact(1, B), fact(2, B))

    await world.deliver()
    assert await world.effects() == [(A, 1), (B, 1), (B, 2)]
    for tries, pause_s in ((1, 1), (2, 2), (3, 4)):
        (wait,) = await world.waits()
        assert (wait["stream"], wait["version"], wait["tries"]) == (A, 2, tries)
        assert pause_s - 1 < wait["in_s"] <= pause_s
        await world.let_pauses_pass()
        await world.deliver()

    (wait,) = await world.waits()
    assert (wait["tries"], wait["in_s"]) == (4, None)
    async with world.runtime.db.reading() as tx:
        (letter,) = await bus.list_dead(tx)
        told = await trail.read_stream(tx, "bus:ears")
    assert (letter.stream, letter.version, letter.trouble) == (A, 2, "ValueError: a defect")
    assert [(entry.kind, entry.data["entry_version"]) for entry in told] == [("EntryDied", 2)]
    assert world.seen.count((A, 2)) == 4
    assert (A, 3) not in world.seen


async def test_an_effect_that_failed_leaves_nothing_behind(world):
    world.errors[A, 1] = (Conflict("not now"), 1)
    await world.record(fact(1, A))
    await world.deliver()
    assert await world.effects() == []

    await world.let_pauses_pass()
    await world.deliver()
    assert await world.effects() == [(A, 1)]


async def test_a_stream_goes_on_in_order_once_its_entry_is_applied(world):
    world.errors[A, 1] = (NOW_AND_THEN, 2)
    await world.record(fact(1, A), fact(2, A))
    await world.deliver()
    await world.record(fact(3, A), fact(1, B))
    await world.let_pauses_pass()
    await world.deliver()
    await world.let_pauses_pass()
    await world.record(fact(4, A))
    await world.deliver()

    assert await world.effects() == [(B, 1), (A, 1), (A, 2), (A, 3), (A, 4)]
    assert await world.waits() == []


async def test_a_replayed_entry_keeps_its_id_and_its_stream_goes_on_behind_it(world):
    world.errors[A, 1] = (NOW_AND_THEN, 4)
    await world.record(fact(1, A), fact(2, A))
    for _ in range(4):
        await world.deliver()
        await world.let_pauses_pass()
    async with world.runtime.db.reading() as tx:
        (letter,) = await bus.list_dead(tx)

    async def replay(key, entry_id=letter.entry_id):
        await world.runtime.db.run(
            lambda tx: bus.replay(
                tx, consumer="ears", entry_id=entry_id, by="operator:jane", now=world.runtime.now()
            ),
            key=key,
        )

    await replay("1")
    with pytest.raises(NotDead):
        await replay("2")
    with pytest.raises(UnknownDeadLetter):
        await replay("3", letter.entry_id + 1)
    await world.deliver()
    with pytest.raises(NotDead):
        await replay("4")

    assert await world.effects() == [(A, 1), (A, 2)]
    async with world.runtime.db.reading() as tx:
        assert await bus.list_dead(tx) == []
        told = await trail.read_stream(tx, "bus:ears")
    assert [entry.kind for entry in told] == ["EntryDied", "EntryReplayed"]
    assert told[1].by == "operator:jane"


async def test_an_entry_that_dies_again_is_one_letter(world):
    world.errors[A, 1] = (NOW_AND_THEN, 99)
    await world.record(fact(1, A))
    for _ in range(2):
        for _ in range(4):
            await world.deliver()
            await world.let_pauses_pass()
        async with world.runtime.db.reading() as tx:
            (letter,) = await bus.list_dead(tx)
        await world.runtime.db.repeat(
            lambda tx, dead=letter.entry_id: bus.replay(
                tx, consumer="ears", entry_id=dead, by="operator:jane", now=world.runtime.now()
            )
        )


async def test_what_is_away_is_no_try(world):
    world.errors[A, 1] = (Unavailable("no mail today"), 9)
    await world.record(fact(1, A), fact(1, B))

    for _ in range(9):
        await world.deliver()
        (wait,) = await world.waits()
        assert (wait["tries"], wait["in_s"] > 0) == (0, True)
        await world.let_pauses_pass()
    await world.deliver()

    assert await world.effects() == [(B, 1), (A, 1)]


async def test_tries_are_paced_by_the_database_while_the_clock_stands_still(world):
    world.errors[A, 1] = (NOW_AND_THEN, 1)
    await world.record(fact(1, A))
    consumer = world.consumer()
    await world.deliver()
    assert not await consumer.deliver()

    async with asyncio.timeout(3):
        while not await consumer.deliver():
            await asyncio.sleep(0.05)

    assert await world.effects() == [(A, 1)]


async def test_a_long_stream_behind_a_wait_catches_up_in_order(world):
    count = 2 * BATCH + 7
    world.errors[A, 0] = (NOW_AND_THEN, 1)
    await world.record(*(fact(n, A) for n in range(count)), fact(0, B))
    await world.deliver()
    await world.let_pauses_pass()
    await world.deliver()

    assert await world.effects() == [(B, 0), *((A, n) for n in range(count))]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("dies_at", range(3))
async def test_killed_at_any_commit_every_effect_happens_once(world, dies_at, when):
    world.errors[A, 1] = (NOW_AND_THEN, 1)
    await world.record(*(fact(n, stream) for n in range(BATCH) for stream in (A, B)))
    dying = DyingDatabase(world.runtime.db, dies_at=dies_at, when=when)

    async def deliver_with_pauses(runtime):
        for _ in range(3):
            await world.deliver(runtime=runtime)
            await world.let_pauses_pass()

    with pytest.raises(Killed):
        await deliver_with_pauses(with_db(world.runtime, dying))
    await deliver_with_pauses(world.runtime)

    effects = await world.effects()
    for stream in (A, B):
        assert [n for where, n in effects if where == stream] == list(range(BATCH))


async def test_two_workers_of_one_consumer_do_nothing_twice(world):
    await world.record(*(fact(n, f"bell:{n % 5}") for n in range(3 * BATCH)))

    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(world.deliver())
    await world.deliver()

    assert [number for _, number in await world.effects()] == list(range(3 * BATCH))


async def test_any_mix_of_streams_and_troubles_ends_with_every_effect_once_and_in_order(
    world, chance
):
    streams = [f"bell:{n}" for n in range(6)]
    told = dict.fromkeys(streams, 0)
    for _ in range(12):
        facts = []
        for stream in chance.choices(streams, k=chance.randrange(1, 12)):
            facts.append(fact(told[stream], stream))
            if chance.random() < 0.2:
                error = chance.choice([NOW_AND_THEN, Unavailable("away"), Conflict("no")])
                world.errors[stream, told[stream]] = (error, chance.randrange(1, 4))
            told[stream] += 1
        await world.record(*facts, seal=chance.random() < 0.7)
        await world.deliver()
        if chance.random() < 0.5:
            await world.let_pauses_pass()

    await world.record(*(fact(told[stream], stream) for stream in streams))
    for _ in range(40):
        await world.deliver()
        await world.let_pauses_pass()

    effects = await world.effects()
    for stream in streams:
        assert [n for where, n in effects if where == stream] == list(range(told[stream] + 1))


async def test_a_kind_taken_later_counts_from_then_on(world):
    await world.record(fact(1), fact(2, kind=Whispered))
    await world.deliver()

    more = world.subscription(kinds=("Rung", "Whispered"))
    await world.deliver(more)
    await world.record(fact(3, kind=Whispered), fact(4))
    await world.deliver(more)

    assert [number for _, number in await world.effects()] == [1, 3, 4]


async def test_looking_costs_nothing_where_there_is_nothing(world):
    async def commits():
        async with world.runtime.db.reading() as tx:
            cursor = await tx.execute("SELECT count(*) AS n FROM infra_commits")
            return (await cursor.fetchone())["n"]

    await world.record(fact(1))
    await world.deliver()
    consumer = world.consumer()
    await world.record(*(fact(n, kind=Whispered) for n in range(50)))
    before = await commits()

    assert [await consumer.deliver() for _ in range(5)] == [False] * 5
    assert await commits() == before

    await world.record(*(fact(n, kind=Whispered) for n in range(PASSED_OVER_MAX)))
    before = await commits()
    assert [await consumer.deliver() for _ in range(5)] == [True, False, False, False, False]
    assert await commits() == before + 1
