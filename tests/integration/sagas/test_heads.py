"""What follows from sagas that keep the ends of their own streams, and share commits."""

import psycopg
import pytest

from integration.sagas.test_stories import ID, told
from integration.sagas.test_together import BROKEN, moving
from saga_world import BANK, CLEARING, DEFERRED, find
from tradesense import sagas, trail
from tradesense.sagas import Definition, State
from tradesense.sagas.invariants import INVARIANTS
from tradesense.sagas.jobs import advance_due
from tradesense.sagas.model import SagaStarted
from tradesense.trail import Fact

PROMISE = "a saga knows where its stream ends"


def story(*, breaks=False):
    return Definition(
        kind="heads",
        version=1,
        steps=(
            moving("first", BANK, DEFERRED, calls=[]),
            moving("second", CLEARING, DEFERRED, calls=[], breaks=breaks),
        ),
        pivot="first",
    )


async def begin(runtime, saga_id=ID):
    await runtime.db.run(
        lambda tx: sagas.start(
            tx, kind="heads", version=1, saga_id=saga_id, data={}, now=runtime.now()
        ),
        key=f"begin {saga_id}",
    )


async def test_local_steps_that_follow_one_another_share_a_commit(runtime):
    await begin(runtime)
    assert await advance_due(runtime, [story()]) == 1

    assert (await find(runtime, ID)).state is State.COMPLETED
    assert await told(runtime) == ["SagaStarted", "first", "second", "SagaCompleted"]
    async with runtime.db.reading() as tx:
        cursor = await tx.execute("SELECT count(DISTINCT xid) AS n FROM trail_entries")
        assert (await cursor.fetchone())["n"] == 2  # its start, and all of the rest


async def test_a_step_that_fails_is_undone_without_those_before_it(runtime):
    await begin(runtime, BROKEN)
    assert await advance_due(runtime, [story(breaks=True)]) == 1

    stands = await find(runtime, BROKEN)
    assert (stands.state, stands.position, stands.data) == (State.PARKED, 1, {"first": True})
    assert await told(runtime, BROKEN) == ["SagaStarted", "first", "second"]


async def test_a_saga_whose_stream_the_trail_keeps_goes_on_as_before(runtime, database):
    await begin(runtime)
    with psycopg.connect(database.superuser) as server:  # as if it had begun before 0019
        server.execute("UPDATE saga_instances SET told_version = NULL, told_link = NULL")
        server.execute("INSERT INTO trail_streams VALUES (%s, 1)", (f"saga:{ID}",))

    await advance_due(runtime, [story()])

    assert await told(runtime) == ["SagaStarted", "first", "second", "SagaCompleted"]


@pytest.mark.breaks_invariants
async def test_a_saga_that_lost_its_place_is_noticed(runtime, database):
    await begin(runtime)
    with psycopg.connect(database.superuser, autocommit=True) as server:
        assert server.execute(INVARIANTS[PROMISE]).fetchall() == []
        server.execute("UPDATE saga_instances SET told_version = 7")
        assert len(server.execute(INVARIANTS[PROMISE]).fetchall()) == 1


async def test_of_two_that_go_on_from_one_entry_the_second_is_refused(db, runtime):
    await begin(runtime)
    head = (await find(runtime, ID)).told
    async with db.reading() as tx:
        (entry,) = await trail.read_stream(tx, f"saga:{ID}")
    assert head.version == entry.version

    event = SagaStarted(saga_id=ID, kind="heads", version=1)
    again = trail.extend({}, Fact(event=event, stream=f"saga:{ID}", at=runtime.now(), by="test:1"))
    with pytest.raises(psycopg.errors.UniqueViolation):
        await db.run(lambda tx: trail.append(tx, again), key="again")
