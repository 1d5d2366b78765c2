"""An operator's one page: nothing on a quiet day; each trouble with the command that shows more."""

import pytest

from bus_world import fact
from conftest import OPENING
from saga_world import World as Story
from saga_world import begin, say, work
from tradesense.kernel.ids import derive
from tradesense.payments.outages import service, store
from tradesense.sagas import State

PAGE = "/api/v1/operations/attention"
SAGA = derive("a saga")


@pytest.fixture
async def look(api, operator):
    async def read(**query):
        answer = await api.get(PAGE, params=query)
        assert answer.status_code == 200, (answer.text, operator)
        return answer.json()

    return read


async def park(runtime):
    await begin(runtime, SAGA)
    await say(runtime, SAGA)
    assert (await work(runtime, Story(failing={"tell": 99}), SAGA)).state is State.PARKED


async def bury(world):
    world.errors["bell:1", 1] = (ZeroDivisionError("a defect"), 4)
    await world.record(fact(1))
    for _ in range(4):
        await world.deliver()
        await world.let_pauses_pass()


async def contain(runtime):
    for calls in (0, 100):
        await runtime.db.repeat(
            lambda tx, n=calls: store.report(
                tx, provider="stripe", node="one", calls=n, failures=n, is_open=False
            )
        )
        await runtime.db.repeat(lambda tx: service.judge(tx, provider="stripe", now=runtime.now()))


async def test_nothing_waits_on_a_quiet_day(look):
    assert await look() == {"waiting": 0, "counts": {}, "limit_per_kind": 100, "matters": []}


async def test_what_stands_still_is_on_one_page(look, runtime, world):
    await park(runtime)
    await bury(world)
    await contain(runtime)

    page = await look()

    assert page["counts"] == {"contained provider": 1, "parked saga": 1, "dead letter": 1}
    assert page["waiting"] == 3
    said = {one["kind"]: one for one in page["matters"]}
    assert said["parked saga"]["command"] == f"tradesense sagas show {SAGA}"
    assert "a defect" in said["parked saga"]["says"]
    assert said["dead letter"]["command"] == "tradesense events dead --consumer ears"
    assert said["contained provider"]["subject"] == "stripe"
    assert all(one["since"].endswith("Z") for one in page["matters"])


@pytest.mark.breaks_invariants
async def test_a_broken_promise_is_on_the_page_unless_it_is_not_looked_for(look, runtime, owner_db):
    await park(runtime)
    await owner_db.repeat(
        lambda tx: tx.execute("UPDATE saga_instances SET told_link = repeat('0', 64)")
    )

    page, quick = await look(), await look(checks_promises=False)

    assert page["counts"]["broken promise"] == 1
    (broken,) = [one for one in page["matters"] if one["kind"] == "broken promise"]
    assert broken["subject"] == "a saga knows where its stream ends"
    assert quick["counts"] == {"parked saga": 1}


async def test_the_page_is_for_operators(api, runtime):
    assert (await api.get(PAGE)).status_code == 403
    assert runtime.now() == OPENING
