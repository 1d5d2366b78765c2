"""A story whose first local steps share the commit that begins it."""

import asyncio

import pytest

from integration.sagas.test_stories import ID, balances, told
from saga_world import BANK, DEFERRED, DyingDatabase, Killed, World, find, say, transfer, work
from tradesense import ledger, sagas
from tradesense.infra.db import AlreadyCommitted
from tradesense.kernel.ids import derive
from tradesense.sagas import Await, Definition, Local, Opening, SagaMismatch, State
from tradesense.sagas.jobs import advance_due
from tradesense.sagas.model import Sort

STEPS = ("first", "second", "third")
ALL = ["SagaStarted", *STEPS, "SagaCompleted"]


class Story:
    """Three local steps that move money, the first of which can be taken back."""

    def __init__(self, refusing=""):
        self.world, self.calls = World(refusing=refusing), []

    def definition(self):
        def moving(name, debit=BANK, credit=DEFERRED, **changes):
            async def do(tx, saga, now):
                self.calls.append(name)
                await ledger.post(tx, transfer(saga, name, debit, credit, now), now=now)
                self.world._stumble(name, saga)  # noqa: SLF001 -- the test's own world
                return {name: True}

            return Local(name=name, do=do, tries_max=3, **changes)

        release = moving("release", DEFERRED, BANK)
        steps = (moving("first", undo=release), moving("second"), moving("third"))
        return Definition(kind="opening", version=1, steps=steps, pivot="third")

    @property
    def opening(self):
        return self.definition().opening


async def begin(runtime, opening, *, key="begin", saga_id=ID):
    await runtime.db.run(
        lambda tx: sagas.begin(tx, opening, saga_id=saga_id, data={"a": 1}, now=runtime.now()),
        key=key,
    )


async def commits(runtime):
    async with runtime.db.reading() as tx:
        cursor = await tx.execute("SELECT count(DISTINCT xid) AS n FROM trail_entries")
        return (await cursor.fetchone())["n"]


async def test_a_story_of_local_steps_is_one_commit(runtime):
    story = Story()
    await begin(runtime, story.opening)

    saga = await find(runtime, ID)
    assert (saga.state, saga.data) == (State.COMPLETED, {"a": 1} | dict.fromkeys(STEPS, True))
    assert await told(runtime) == ALL
    assert await balances(runtime) == {BANK: 300, DEFERRED: 300}
    assert await commits(runtime) == 1
    assert await advance_due(runtime, [story.definition()]) == 0


async def test_it_tells_what_a_worker_would_have_told(runtime):
    story, other = Story(), derive("another saga")
    await begin(runtime, story.opening)
    start = {"kind": "opening", "version": 1, "saga_id": other, "data": {"a": 1}}
    await runtime.db.run(lambda tx: sagas.start(tx, **start, now=runtime.now()), key="start")
    await advance_due(runtime, [story.definition()])

    async with runtime.db.reading() as tx:
        cursor = await tx.execute(
            """
            SELECT version, replace(replace(canonical, %s, 'it'), %s, 'it')
            FROM (SELECT stream, version, regexp_replace(convert_from(canonical, 'UTF8'),
                '"prev":"[^"]*"', '') AS canonical FROM trail_entries WHERE stream ~ '^saga:') AS e
            ORDER BY 1, 2
            """,
            (str(ID), str(other)),
        )
        rows = [tuple(row.values()) for row in await cursor.fetchall()]
    assert len(rows) == 2 * len(ALL)
    assert rows[::2] == rows[1::2]


@pytest.mark.parametrize("refusing", STEPS)
async def test_a_refusal_in_any_step_ends_as_if_a_worker_had_begun(runtime, refusing):
    story = Story(refusing)
    await begin(runtime, story.opening)

    assert await told(runtime) == ["SagaStarted"]  # nothing of its steps is left
    assert await balances(runtime) == {}
    saga = await work(runtime, story, ID)

    assert (saga.state, saga.reason) == (State.COMPENSATED, "test.no")
    stays = 100 if refusing == "third" else 0  # of the second, which nothing takes back
    assert sum((await balances(runtime)).values()) == 2 * stays
    done = list(STEPS[: STEPS.index(refusing)])
    undone = ["release"] if done else []
    assert await told(runtime) == ["SagaStarted", *done, refusing, *undone, "SagaCompensated"]


async def test_a_step_that_breaks_is_tried_again_by_a_worker(runtime):
    story = Story()
    story.world.failing = {"second": 1}
    await begin(runtime, story.opening)
    assert await told(runtime) == ["SagaStarted"]
    story.world.broken.clear()

    assert (await work(runtime, story, ID)).state is State.COMPLETED
    assert await told(runtime) == ALL
    assert await balances(runtime) == {BANK: 300, DEFERRED: 300}


async def test_what_the_caller_did_before_a_refusal_stays(runtime):
    story = Story("second")

    async def verb(tx):
        aside = transfer(sagas.Saga(id=ID, kind="x", version=1), "aside", BANK, DEFERRED, NOW)
        await ledger.post(tx, aside, now=NOW)
        await sagas.begin(tx, story.opening, saga_id=ID, data={}, now=NOW)

    NOW = runtime.now()  # noqa: N806 -- a constant of this test
    await runtime.db.run(verb, key="both")

    assert await balances(runtime) == {BANK: 100, DEFERRED: 100}
    assert await told(runtime) == ["SagaStarted"]


async def test_begun_twice_it_is_told_once(runtime):
    story = Story()
    await begin(runtime, story.opening)
    await begin(runtime, story.opening, key="again")

    assert await told(runtime) == ALL
    assert await balances(runtime) == {BANK: 300, DEFERRED: 300}
    other = Opening(kind="other", version=1, steps=(), then=Sort.LOCAL)
    with pytest.raises(SagaMismatch):
        await begin(runtime, other, key="other")


async def test_begun_by_start_and_again_with_its_steps_it_waits_for_its_worker(runtime):
    story = Story()
    start = {"kind": "opening", "version": 1, "saga_id": ID, "data": {"a": 1}}
    await runtime.db.run(lambda tx: sagas.start(tx, **start, now=runtime.now()), key="start")
    await begin(runtime, story.opening, key="again")

    assert await told(runtime) == ["SagaStarted"]
    assert await balances(runtime) == {}
    assert (await work(runtime, story, ID)).state is State.COMPLETED
    assert await told(runtime) == ALL


async def test_begun_by_many_at_once_it_is_told_once(runtime):
    story = Story()
    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(begin(runtime, story.opening, key=f"begin {number}"))

    assert await told(runtime) == ALL
    assert await balances(runtime) == {BANK: 300, DEFERRED: 300}


@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_at_its_commit_and_begun_again_it_is_told_once(runtime, when):
    story = Story()
    dying = DyingDatabase(runtime.db, dies_at=0, when=when)

    async def verb(tx):
        await sagas.begin(tx, story.opening, saga_id=ID, data={}, now=runtime.now())

    with pytest.raises(Killed):
        await dying.run(verb, key="begin")
    assert await told(runtime) == ([] if when == "before" else ALL)
    try:
        await runtime.db.run(verb, key="begin")
    except AlreadyCommitted:
        assert when == "after"

    assert await told(runtime) == ALL
    assert await balances(runtime) == {BANK: 300, DEFERRED: 300}


async def test_killed_inside_its_commit_nothing_of_it_is_there(runtime):
    story = Story()

    async def verb(tx):
        await sagas.begin(tx, story.opening, saga_id=ID, data={}, now=runtime.now())
        raise Killed

    with pytest.raises(Killed):
        await runtime.db.run(verb, key="begin")

    assert await find(runtime, ID) is None
    assert await balances(runtime) == {}


async def test_a_story_that_waits_later_is_begun_up_to_there(runtime):
    world = World()
    await begin(runtime, world.definition().opening)
    saga = await find(runtime, ID)
    assert (saga.position, await told(runtime)) == (1, ["SagaStarted", "reserve"])

    await say(runtime, ID)
    assert (await work(runtime, world, ID)).state is State.COMPLETED
    assert world.outside.keys == [f"{ID}:call:1"]


def test_an_opening_ends_before_the_first_step_that_needs_somebody():
    assert Story().opening.then is None
    opening = World().definition().opening
    assert ([step.name for step in opening.steps], opening.then) == (["reserve"], Sort.REMOTE)
    waiting = Await(name="wait", signal="said", within_s=1, judge=dict)
    definition = Definition(kind="a", version=1, steps=(waiting,), pivot="wait")
    assert (definition.opening.steps, definition.opening.then) == ((), Sort.AWAIT)
