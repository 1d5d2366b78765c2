"""A worker killed at any commit, or in the middle of a call, changes nothing but the time taken."""

import asyncio
import time

import pytest

from saga_world import DyingDatabase, Killed, Outside, World, begin, find, say, with_db, work
from tradesense import trail
from tradesense.kernel.ids import derive
from tradesense.sagas import State
from tradesense.sagas.jobs import LEASE_S, Runner

ID = derive("a saga")
LEASE_IN_TESTS_S = 0.2  # so that a dead worker's claims run out soon
COMMITS = {"good": 4, "bad": 7}  # how many a worker makes for each story


async def story_of(runtime, outcome):
    await begin(runtime, ID)
    await say(runtime, ID, outcome)


async def streams(runtime):
    async with runtime.db.reading() as tx:
        saga = await trail.read_stream(tx, f"saga:{ID}")
        cursor = await tx.execute("SELECT id FROM ledger_transfers ORDER BY id")
        moved = [row["id"] for row in await cursor.fetchall()]
        ledgers = [await trail.read_stream(tx, f"ledger:{each}") for each in moved]
    return [entry.canonical for entries in (saga, *ledgers) for entry in entries]


@pytest.fixture(scope="module")
def undisturbed():
    """What each story told in the runs before: with any death, the same."""
    return {}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("outcome", "dies_at"), [(outcome, n) for outcome in COMMITS for n in range(COMMITS[outcome])]
)
async def test_killed_at_any_commit(runtime, undisturbed, outcome, dies_at, when):
    world = World()
    await story_of(runtime, outcome)
    dying = DyingDatabase(runtime.db, dies_at=dies_at, when=when)

    with pytest.raises((Killed, BaseExceptionGroup)) as died:
        await work(with_db(runtime, dying), world, ID, lease_s=LEASE_IN_TESTS_S)
    assert died.group_contains(Killed) or died.type is Killed
    saga = await work(runtime, world, ID, lease_s=LEASE_IN_TESTS_S)

    assert saga.state is (State.COMPLETED if outcome == "good" else State.COMPENSATED)
    assert len(world.outside.effects) == (1 if outcome == "good" else 2)
    told = await streams(runtime)
    assert undisturbed.setdefault(outcome, told) == told


@pytest.mark.parametrize("outcome", COMMITS)
async def test_nobody_dies_undisturbed_and_the_table_of_deaths_is_complete(
    runtime, undisturbed, outcome
):
    await story_of(runtime, outcome)
    counting = DyingDatabase(runtime.db, dies_at=99, when="before")

    await work(with_db(runtime, counting), World(), ID)

    assert counting.commits == COMMITS[outcome]
    told = await streams(runtime)
    assert undisturbed.setdefault(outcome, told) == told


@pytest.mark.parametrize(("outcome", "call"), [("good", 0), ("bad", 0), ("bad", 1)])
async def test_killed_between_the_call_and_its_outcome(runtime, outcome, call):
    world = World(outside=Outside(faults={call: "killed"}))
    await story_of(runtime, outcome)

    with pytest.raises(BaseExceptionGroup) as died:
        await work(runtime, world, ID, lease_s=LEASE_IN_TESTS_S)
    assert died.group_contains(Killed)
    saga = await work(runtime, world, ID, lease_s=LEASE_IN_TESTS_S)

    assert saga.state is (State.COMPLETED if outcome == "good" else State.COMPENSATED)
    assert world.outside.keys[call] == world.outside.keys[call + 1]
    assert len(world.outside.effects) == (1 if outcome == "good" else 2)


async def test_a_dead_workers_call_is_taken_over_within_five_seconds(runtime):
    world = World(outside=Outside(faults={0: "killed"}))
    await story_of(runtime, "good")
    with pytest.raises(BaseExceptionGroup):
        await work(runtime, world, ID)

    died = time.monotonic()
    saga = await work(runtime, world, ID)

    assert saga.state is State.COMPLETED
    assert LEASE_S / 2 < time.monotonic() - died <= 5


async def test_a_slow_call_keeps_its_claim(runtime):
    world = World(outside=Outside(faults={0: "hang"}))  # for a second, five times the lease
    await story_of(runtime, "good")

    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(work(runtime, world, ID, lease_s=LEASE_IN_TESTS_S))

    assert world.outside.keys == [f"{ID}:call:1"]


async def test_a_late_outcome_of_a_claim_that_was_taken_over_is_dropped(runtime):
    world = World(outside=Outside(faults={0: "hang"}))
    await story_of(runtime, "good")

    async with asyncio.TaskGroup() as calls:
        frozen = Runner(runtime, [world.definition()], calls, lease_s=LEASE_IN_TESTS_S)
        while not world.outside.keys:
            await frozen.advance()
            await asyncio.sleep(0.01)

        async def take_over(tx):
            # As if the first worker's renewals had stopped: it is due for another.
            await tx.execute(
                "UPDATE saga_instances SET token = token + 1, wake_at = clock_timestamp()"
            )

        await runtime.db.run(take_over, key="take over")
        saga = await work(runtime, world, ID, lease_s=LEASE_IN_TESTS_S)
        assert saga.state is State.COMPLETED

    assert (await find(runtime, ID)) == saga
    assert world.outside.keys == [f"{ID}:call:1"] * 2
    assert len(world.outside.effects) == 1
