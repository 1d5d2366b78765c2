"""A step made for many sagas at once: each keeps its own outcome."""

import asyncio

from integration.sagas.test_stories import told
from saga_world import BANK, CLEARING, DEFERRED, find
from tradesense import ledger, sagas
from tradesense.kernel.errors import Conflict
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.ledger import Request, Transfer
from tradesense.sagas import Definition, Local, State
from tradesense.sagas.jobs import Runner, advance_due

SAGAS = [derive("together", n) for n in range(12)]
REFUSED, BROKEN = SAGAS[3], SAGAS[7]


def moving(name, debit, credit, *, calls, breaks=False, **changes):
    def transfer(saga, now):
        refused = saga.id == REFUSED and name == "second"
        return Transfer(
            id=derive(saga.id, name),
            debit=debit,
            credit=credit,
            amount=Money(0 if refused else 100, "USD"),
            reason=name,
            effective_at=now,
        )

    async def do(tx, saga, now):
        calls.append((name, 1))
        if breaks and saga.id == BROKEN:
            raise Conflict("this one never works")
        await ledger.post(tx, transfer(saga, now), now=now)
        return {name: True}

    async def do_each(tx, sagas_, now):
        calls.append((name, len(sagas_)))
        requests = [Request(transfers=(transfer(saga, now),)) for saga in sagas_]
        refusals = await ledger.post_each(tx, requests, now=now)
        if breaks:
            raise ZeroDivisionError("a defect that one of them brings out")
        return [refusal or {name: True} for refusal in refusals]

    return Local(name=name, do=do, do_each=do_each, **changes)


def story(calls, *, breaks=False):
    release = moving("release", DEFERRED, BANK, calls=calls)
    return Definition(
        kind="together",
        version=1,
        steps=(
            moving("first", BANK, DEFERRED, calls=calls, undo=release),
            moving("second", CLEARING, DEFERRED, calls=calls, breaks=breaks),
            moving("third", BANK, DEFERRED, calls=calls),
        ),
        pivot="third",
    )


async def begin(runtime):
    async def verb(tx):
        for saga_id in SAGAS:
            await sagas.start(
                tx, kind="together", version=1, saga_id=saga_id, data={}, now=runtime.now()
            )

    await runtime.db.run(verb, key="begin")


async def work(runtime, definition):
    for _ in range(8):
        await advance_due(runtime, [definition])


async def test_many_sagas_share_a_step_and_one_refusal_turns_only_one_back(runtime):
    calls = []
    await begin(runtime)
    await work(runtime, story(calls))

    ended = {saga_id: (await find(runtime, saga_id)).state for saga_id in SAGAS}
    assert ended.pop(REFUSED) is State.COMPENSATED
    assert set(ended.values()) == {State.COMPLETED}
    assert calls[:2] == [("first", 12), ("second", 12)]
    assert sorted(calls[2:]) == [("release", 1), ("third", 11)]
    async with runtime.db.reading() as tx:
        assert await ledger.balance_of(tx, CLEARING) == Money(1_100, "USD")
    assert await told(runtime, SAGAS[0]) == [
        "SagaStarted", "first", "second", "third", "SagaCompleted",
    ]  # fmt: skip


async def test_a_defect_that_one_brings_out_does_not_stop_the_others(runtime):
    calls = []
    await begin(runtime)
    await work(runtime, story(calls, breaks=True))

    ended = {saga_id: (await find(runtime, saga_id)).state for saga_id in SAGAS}
    assert ended.pop(BROKEN) is ended.pop(REFUSED) is State.COMPENSATED
    assert set(ended.values()) == {State.COMPLETED}
    assert calls.count(("second", 1)) == 12


async def test_a_batch_is_as_large_as_its_runner_says(runtime):
    calls = []
    await begin(runtime)
    definition = story(calls)
    async with asyncio.TaskGroup() as group:
        assert await Runner(runtime, [definition], group, batch=5).advance() == 5
    assert calls[0] == ("first", 5)
