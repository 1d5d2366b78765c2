"""Stories on the real database: forward, back, waiting, in trouble."""

import asyncio
from datetime import timedelta

import pytest

from saga_world import (
    BANK,
    CLEARING,
    DEFERRED,
    Outside,
    World,
    begin,
    find,
    say,
    work,
)
from tradesense import ledger, sagas, trail
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.sagas import Definition, Local, NotParked, State, UnknownSaga
from tradesense.sagas.jobs import advance_due

ID = derive("a saga")


async def told(runtime, saga_id=ID):
    async with runtime.db.reading() as tx:
        entries = await trail.read_stream(tx, f"saga:{saga_id}")
    return [entry.data.get("step", entry.kind) for entry in entries]


async def balances(runtime):
    async with runtime.db.reading() as tx:
        lines = await ledger.trial_balance(tx)
    return {line.account: line.balance.minor for line in lines if line.balance.minor}


async def test_a_story_goes_forward_to_its_end(runtime):
    world = World()
    await begin(runtime, ID, colour="red")
    await say(runtime, ID)  # early: it is kept until somebody waits for it

    saga = await work(runtime, world, ID)

    assert saga.state is State.COMPLETED
    assert saga.data == {
        "colour": "red",
        "reserve": True,
        "call": f"answer to {ID}:call",
        "outcome": "good",
        "finish": True,
        "tell": True,
    }
    assert await told(runtime) == [
        "SagaStarted",
        "reserve",
        "call",
        "wait",
        "finish",
        "tell",
        "SagaCompleted",
    ]
    assert world.outside.keys == [f"{ID}:call:1"]


async def test_a_saga_begun_twice_runs_once(runtime):
    await begin(runtime, ID)
    await runtime.db.run(
        lambda tx: sagas.start(tx, kind="test", version=1, saga_id=ID, data={}, now=runtime.now()),
        key="again",
    )
    with pytest.raises(sagas.SagaMismatch):
        await runtime.db.run(
            lambda tx: sagas.start(
                tx, kind="other", version=1, saga_id=ID, data={}, now=runtime.now()
            ),
            key="other",
        )

    assert await told(runtime) == ["SagaStarted"]


async def test_a_signal_wakes_the_saga_that_waits_for_it(runtime):
    await begin(runtime, ID)
    await work(runtime, World(), ID, until=lambda saga: saga.waits_for == "said")

    await say(runtime, ID)

    assert (await work(runtime, World(), ID)).state is State.COMPLETED


async def test_only_the_first_signal_of_a_name_counts(runtime):
    await begin(runtime, ID)
    await say(runtime, ID, "good")
    await say(runtime, ID, "bad")

    assert (await work(runtime, World(), ID)).state is State.COMPLETED


async def test_a_signal_to_nobody_is_refused(runtime):
    with pytest.raises(UnknownSaga):
        await say(runtime, ID)


async def test_bad_news_take_back_what_was_done_in_reverse(runtime):
    world = World()
    await begin(runtime, ID)
    await say(runtime, ID, "bad")

    saga = await work(runtime, world, ID)

    assert (saga.state, saga.reason) == (State.COMPENSATED, "test.no")
    assert await told(runtime) == [
        "SagaStarted",
        "reserve",
        "call",
        "wait",  # turned back
        "recall",
        "release",
        "SagaCompensated",
    ]
    assert world.outside.keys == [f"{ID}:call:1", f"{ID}:recall:1"]
    assert await balances(runtime) == {}


async def test_a_deadline_that_passes_is_a_refusal(runtime, clock):
    await begin(runtime, ID)
    await work(runtime, World(), ID, until=lambda saga: saga.waits_for == "said")

    clock.set(clock.now() + timedelta(seconds=59.9))
    assert await advance_due(runtime, [World().definition()]) == 0
    clock.set(clock.now() + timedelta(seconds=0.1))
    saga = await work(runtime, World(), ID)

    assert (saga.state, saga.reason) == (State.COMPENSATED, "sagas.deadline_passed")


async def test_news_at_the_deadline_beat_the_deadline(runtime, clock):
    await begin(runtime, ID)
    await work(runtime, World(), ID, until=lambda saga: saga.waits_for == "said")

    clock.set(clock.now() + timedelta(seconds=60))
    await say(runtime, ID)

    assert (await work(runtime, World(), ID)).state is State.COMPLETED


async def test_a_refusal_of_the_first_step_leaves_nothing_to_take_back(runtime):
    await begin(runtime, ID)

    saga = await work(runtime, World(refusing="reserve"), ID)

    assert saga.state is State.COMPENSATED
    assert await told(runtime) == ["SagaStarted", "reserve", "SagaCompensated"]
    assert await balances(runtime) == {}


async def test_a_refused_call_takes_back_what_came_before_it(runtime):
    world = World(outside=Outside(faults={0: "no"}))
    await begin(runtime, ID)

    saga = await work(runtime, world, ID)

    assert saga.state is State.COMPENSATED
    assert await told(runtime) == ["SagaStarted", "reserve", "call", "release", "SagaCompensated"]


async def test_a_refusal_past_the_pivot_waits_for_a_person_who_can_resume(runtime):
    await begin(runtime, ID)
    await say(runtime, ID)

    saga = await work(runtime, World(refusing="tell"), ID)
    assert (saga.state, saga.parked_from) == (State.PARKED, State.RUNNING)
    assert saga.trouble == "test.no: tell says no"

    await runtime.db.run(
        lambda tx: sagas.resume(tx, saga_id=ID, by="operator:jane", now=runtime.now()), key="go"
    )
    assert (await work(runtime, World(), ID)).state is State.COMPLETED
    with pytest.raises(NotParked):
        await runtime.db.run(
            lambda tx: sagas.resume(tx, saga_id=ID, by="operator:jane", now=runtime.now()),
            key="go again",
        )
    async with runtime.db.reading() as tx:
        entries = await trail.read_stream(tx, f"saga:{ID}")
    assert [entry.by for entry in entries if entry.kind == "SagaResumed"] == ["operator:jane"]


async def test_a_defect_is_tried_again_and_leaves_nothing_behind(runtime):
    world = World(failing={"finish": 2})
    await begin(runtime, ID)
    await say(runtime, ID)

    saga = await work(runtime, world, ID)

    assert saga.state is State.COMPLETED
    assert await told(runtime) == [
        "SagaStarted",
        "reserve",
        "call",
        "wait",
        "finish",
        "tell",
        "SagaCompleted",
    ]


async def test_a_step_out_of_tries_is_parked_with_its_trouble(runtime):
    await begin(runtime, ID)

    saga = await work(runtime, World(failing={"reserve": 99}), ID)

    assert (saga.state, saga.tries) == (State.PARKED, 3)
    assert saga.trouble == "ZeroDivisionError: a defect"
    assert await balances(runtime) == {}


@pytest.mark.parametrize(
    ("faults", "keys"),
    [
        ({0: "before"}, ["call:1", "call:1"]),
        ({0: "unknown"}, ["call:1", "call:1"]),
        ({0: "unknown", 1: "before", 2: "unknown"}, ["call:1"] * 4),
        ({0: "500"}, ["call:1", "call:2"]),
        ({0: "unknown", 1: "500", 2: "unknown"}, ["call:1", "call:1", "call:2"]),
    ],
)
async def test_an_unknown_outcome_is_asked_again_until_known_and_acts_once(runtime, faults, keys):
    world = World(outside=Outside(faults=faults))
    await begin(runtime, ID)
    await say(runtime, ID)

    saga = await work(runtime, world, ID)

    assert saga.state is State.COMPLETED
    assert world.outside.keys == [f"{ID}:{key}" for key in keys]
    assert len(world.outside.effects) == 1


async def test_a_call_out_of_tries_is_parked_because_it_may_have_acted(runtime):
    world = World(outside=Outside(faults=dict.fromkeys(range(9), "unknown")))
    await begin(runtime, ID)

    saga = await work(runtime, world, ID)

    assert (saga.state, saga.tries) == (State.PARKED, 4)
    assert saga.trouble == "outcome_unknown: the line went dead"


async def test_a_dependency_that_is_known_to_be_away_parks_nobody(runtime):
    """An outage of hours: more refusals by our own breaker than a call has tries."""
    world = World(outside=Outside(rests=6))
    await begin(runtime, ID)
    await say(runtime, ID)

    for left in reversed(range(6)):
        held = await work(runtime, world, ID, until=lambda _, n=left: world.outside.rests == n)
        assert (held.state, held.tries) == (State.RUNNING, 0)
        assert await pause_left_s(runtime) > 1
        await runtime.db.repeat(
            lambda tx: tx.execute("UPDATE saga_instances SET wake_at = clock_timestamp()")
        )
    saga = await work(runtime, world, ID)

    assert saga.state is State.COMPLETED
    assert world.outside.keys == [f"{ID}:call:1"]


async def pause_left_s(runtime):
    async with runtime.db.reading() as tx:
        cursor = await tx.execute(
            "SELECT extract(epoch FROM wake_at - clock_timestamp())::float8 AS s"
            " FROM saga_instances"
        )
        return (await cursor.fetchone())["s"]


async def test_a_key_older_than_its_life_is_not_repeated(runtime):
    world = World(outside=Outside(faults={0: "unknown"}))
    await begin(runtime, ID)
    await say(runtime, ID)
    await work(runtime, world, ID, until=lambda saga: saga.tries == 1)

    async def age(tx):
        await tx.execute("UPDATE saga_instances SET asked_at = asked_at - interval '21 hours'")

    await runtime.db.run(age, key="age")
    saga = await work(runtime, world, ID)

    assert saga.state is State.COMPLETED
    assert world.outside.keys == [f"{ID}:call:1", f"{ID}:call:2"]
    assert len(world.outside.effects) == 1  # the new attempt found what the old one had done


async def test_one_saga_in_trouble_does_not_stop_the_others(runtime):
    ids = [derive("one of many", n) for n in range(30)]
    world = World(outside=Outside(faults={3: "unknown", 7: "no", 11: "hang"}))
    for each in ids:
        await begin(runtime, each)
        await say(runtime, each)
    world.failing["reserve"] = 4

    states = [(await work(runtime, world, each)).state for each in ids]

    assert sorted(states).count(State.COMPENSATED) == 1
    assert states.count(State.COMPLETED) == 29
    lines = await balances(runtime)
    assert lines["challenge-revenue:USD"] == 29 * 100
    assert CLEARING not in lines
    assert DEFERRED not in lines


async def test_two_workers_share_the_work_and_do_nothing_twice(runtime):
    ids = [derive("shared", n) for n in range(40)]
    for each in ids:
        await begin(runtime, each)
        await say(runtime, each)
    world = World()

    async with asyncio.TaskGroup() as group:
        group.create_task(work(runtime, world, ids[-1]))
        group.create_task(work(runtime, world, ids[0]))
    for each in ids:
        assert (await work(runtime, world, each)).state is State.COMPLETED

    assert len(world.outside.keys) == len(set(world.outside.keys)) == 40
    async with runtime.db.reading() as tx:
        assert await ledger.balance_of(tx, "challenge-revenue:USD") == Money(4000, "USD")
        assert await ledger.balance_of(tx, BANK) == Money(0, "USD")


async def test_a_saga_of_an_unknown_version_waits_for_a_worker_that_knows_it(runtime):
    await runtime.db.run(
        lambda tx: sagas.start(tx, kind="test", version=2, saga_id=ID, data={}, now=runtime.now()),
        key="1",
    )

    assert await advance_due(runtime, [World().definition()]) == 0
    assert (await find(runtime, ID)).position == 0


async def test_changed_steps_under_an_old_version_are_refused(runtime):
    async def do(*_):
        return {}

    def definition(*names, tries_max=3):
        steps = tuple(Local(name=name, do=do, tries_max=tries_max) for name in names)
        return Definition(kind="test", version=1, steps=steps, pivot=names[0])

    await runtime.db.run(lambda tx: sagas.pin(tx, [definition("a", "b")]), key="1")
    await runtime.db.run(lambda tx: sagas.pin(tx, [definition("a", "b", tries_max=9)]), key="2")
    with pytest.raises(sagas.DefinitionChanged, match="give the new steps a new version"):
        await runtime.db.run(lambda tx: sagas.pin(tx, [definition("b", "a")]), key="3")
