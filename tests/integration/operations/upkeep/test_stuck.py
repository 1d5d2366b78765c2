"""Parked sagas and dead letters: seen by operators, and let go on with a reason on the trail."""

import pytest

from bus_world import fact
from conftest import OPENING
from saga_world import World as Story
from saga_world import begin, find, say, work
from tradesense import bus, trail
from tradesense.kernel.ids import derive
from tradesense.sagas import State

SAGA = derive("a saga")
A, B = "bell:1", "bell:2"
LIFE = "/api/v1/operations"


@pytest.fixture
async def story(runtime):
    """A story that is parked after its pivot, for its last step is broken."""
    made = Story(failing={"tell": 99})
    await begin(runtime, SAGA)
    await say(runtime, SAGA)
    assert (await work(runtime, made, SAGA)).state is State.PARKED
    return made


@pytest.fixture
async def dead(world):
    """Two streams whose first entry died for one consumer; for the other, one of them."""
    world.errors = {(A, 1): (ZeroDivisionError("a defect"), 8), (B, 1): (OSError("ditto"), 4)}
    await world.record(fact(1, A), fact(2, A), fact(1, B))
    for name in ("ears", "eyes"):
        for _ in range(4):
            await world.deliver(world.subscription(name))
            await world.let_pauses_pass()
    async with world.runtime.db.reading() as tx:
        letters = await bus.list_dead(tx)
    assert [(one.consumer, one.stream) for one in letters] == [
        ("ears", A), ("ears", B), ("eyes", A),
    ]  # fmt: skip
    return world


async def read(runtime, stream):
    async with runtime.db.reading() as tx:
        return await trail.read_stream(tx, stream)


async def test_a_parked_saga_is_listed_shown_and_resumed(api, ask, operator, runtime, story):
    (parked,) = (await api.get(f"{LIFE}/sagas/parked")).json()["parked"]
    shown = (await api.get(f"{LIFE}/sagas/{SAGA}")).json()
    story.failing.clear()
    story.broken.clear()
    answer = await ask(f"sagas/{SAGA}/resumption", why="the step is mended")

    assert (parked["saga_id"], parked["parked_from"]) == (str(SAGA), "running")
    assert "a defect" in parked["trouble"]
    assert parked["parked_at"].endswith("Z")
    assert "data" not in shown
    assert shown["told"][-1]["kind"] == "SagaParked"
    assert shown["told"][-1]["data"]["step"] == "tell"
    assert (answer.status_code, answer.json()["state"]) == (200, "running")
    assert (await work(runtime, story, SAGA)).state is State.COMPLETED
    (told,) = [e for e in await read(runtime, f"saga:{SAGA}") if e.kind == "SagaResumed"]
    assert (told.by, told.data["why"]) == (operator, "the step is mended")
    assert (await api.get(f"{LIFE}/sagas/parked")).json() == {"parked": []}


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 422), ({"why": " "}, 422), ({"why": "x" * 501}, 422), ({"why": "x", "step": 1}, 422)],
)
@pytest.mark.usefixtures("operator", "story")
async def test_an_unclear_resumption_resumes_nothing(ask, runtime, body, status):
    answer = await ask(f"sagas/{SAGA}/resumption", **body)

    assert answer.status_code == status, answer.text
    assert (await find(runtime, SAGA)).state is State.PARKED


@pytest.mark.usefixtures("operator", "story")
async def test_only_a_parked_saga_that_exists_is_resumed(ask, api):
    nobody = derive("nobody")
    assert (await ask(f"sagas/{SAGA}/resumption", why="mended")).status_code == 200
    again = await ask(f"sagas/{SAGA}/resumption", why="mended")

    assert (again.status_code, again.json()["code"]) == (409, "sagas.not_parked")
    assert (await ask(f"sagas/{nobody}/resumption", why="x")).status_code == 404
    assert (await api.get(f"{LIFE}/sagas/{nobody}")).status_code == 404
    assert (await api.get(f"{LIFE}/sagas/none")).status_code == 422


@pytest.mark.parametrize(
    ("which", "meant"),
    [
        ({"consumer": "ears"}, [("ears", A), ("ears", B)]),
        ({"stream": A}, [("ears", A), ("eyes", A)]),
        ({"stream": A, "consumer": "eyes"}, [("eyes", A)]),
        ({"every": True}, [("ears", A), ("ears", B), ("eyes", A)]),
        ({"consumer": "nose"}, []),
    ],
)
async def test_dead_entries_are_replayed_by_consumer_by_stream_and_all(
    ask, dead, operator, which, meant
):
    answer = await ask("events/replays", why="mended", **which)
    again = await ask("events/replays", why="mended", **which)

    replayed = [(one["consumer"], one["stream"]) for one in answer.json()["entries"]]
    assert (answer.status_code, replayed) == (202, meant)
    assert again.json()["replayed"] == 0  # they are on their way already
    for name in ("ears", "eyes"):
        await dead.deliver(dead.subscription(name))
    async with dead.runtime.db.reading() as tx:
        left = [(one.consumer, one.stream) for one in await bus.list_dead(tx)]
    everything = [("ears", A), ("ears", B), ("eyes", A)]
    assert left == [one for one in everything if one not in meant]
    told = [
        (each.by, each.data["why"], each.data["entry_stream"])
        for name in ("ears", "eyes")
        for each in await read(dead.runtime, f"bus:{name}")
        if each.kind == "EntryReplayed"
    ]
    assert told == [(operator, "mended", stream) for _, stream in meant]


@pytest.mark.usefixtures("operator")
async def test_one_dead_entry_is_replayed_for_its_consumer(api, ask, dead):
    query = {"consumer": "eyes", "stream": A}
    (letter,) = (await api.get(f"{LIFE}/events/dead", params=query)).json()["dead"]
    one = {"entry_id": letter["entry_id"], "consumer": "eyes", "why": "mended"}

    answer = await ask("events/replays", **one)

    assert (answer.status_code, answer.json()["replayed"]) == (202, 1)
    assert "a defect" in letter["trouble"]
    assert (await ask("events/replays", **one)).status_code == 409
    await dead.deliver(dead.subscription("eyes"))
    assert await dead.effects("eyes") == [(B, 1), (A, 1), (A, 2)]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"why": "x"}, 422, "say which"),
        ({"why": "x", "every": True, "consumer": "ears"}, 422, "say which"),
        ({"why": "x", "entry_id": 1}, 422, "name that"),
        ({"why": "x", "entry_id": 1, "consumer": "ears", "stream": A}, 422, "name that"),
        ({"why": "x", "entry_id": 0, "consumer": "ears"}, 422, "from 1 on"),
        ({"why": "x", "entry_id": 2**63, "consumer": "ears"}, 422, "from 1 on"),
        ({"why": "x", "entry_id": 10**6, "consumer": "ears"}, 404, "has not died"),
        ({"why": " ", "every": True}, 422, "say why"),
        ({"every": True}, 422, "why"),
        ({"why": "x", "every": "yes"}, 422, "every"),
        ({"why": "x", "everything": True}, 422, "everything"),
    ],
)
@pytest.mark.usefixtures("operator")
async def test_an_unclear_replay_replays_nothing(ask, dead, body, status, says):
    answer = await ask("events/replays", **body)

    assert (answer.status_code, says in answer.text) == (status, True), answer.text
    async with dead.runtime.db.reading() as tx:
        assert [one.replayed_at for one in await bus.list_dead(tx)] == [None] * 3


@pytest.mark.parametrize("path", ["events/dead", "sagas/parked", f"sagas/{SAGA}"])
async def test_what_stands_still_is_shown_to_operators(api, path):
    assert (await api.get(f"{LIFE}/{path}")).status_code == 403


async def test_only_operators_let_things_go_on(ask, runtime, story, dead):
    answers = [
        await ask(f"sagas/{SAGA}/resumption", why="x"),
        await ask("events/replays", why="x", every=True),
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert (await find(runtime, SAGA)).state is State.PARKED, story
    assert len(await read(dead.runtime, "bus:ears")) == 2
    assert runtime.now() == OPENING
