"""kill -9 of PostgreSQL under load: nothing acknowledged is lost, nothing is done twice."""

import asyncio
import signal
import time
from collections import Counter

import psycopg
import pytest

from faults import own_server
from tradesense.infra.db import AlreadyCommitted, Database
from tradesense.kernel.errors import OutcomeUnknown, Unavailable

KILLS = 4
WRITERS = 4


@pytest.fixture(scope="module")
def server():
    with own_server() as started:
        yield started


@pytest.fixture(scope="module")
def marks(server):
    with psycopg.connect(server.owner_url) as conn:
        conn.execute("CREATE TABLE marks (name text NOT NULL)")
        conn.execute("GRANT SELECT, INSERT ON marks TO tradesense_app")


class Writers:
    """Clients that write one mark per key, each again under the same key until it is answered."""

    def __init__(self, db):
        self._db = db
        self._ends = False
        self.acknowledged = []
        self.unanswered = 0

    async def write(self, who):
        number = 0
        while not self._ends:
            number += 1
            await self._write_one(f"{who}-{number}")

    async def _write_one(self, name):
        async def mark(tx):
            await tx.execute("INSERT INTO marks VALUES (%s)", (name,))

        while True:
            try:
                await self._db.run(mark, key=name, patience_s=0.5)
            except (Unavailable, OutcomeUnknown):
                self.unanswered += 1
                continue
            except AlreadyCommitted:
                pass
            self.acknowledged.append(name)
            return

    def end(self):
        self._ends = True


@pytest.mark.usefixtures("marks")
async def test_nothing_acknowledged_is_lost_or_done_twice(server, chance):
    async with Database.open(server.url, max_size=WRITERS) as db, asyncio.TaskGroup() as group:
        writers = Writers(db)
        for who in range(WRITERS):
            group.create_task(writers.write(who))
        for _ in range(KILLS):
            before = len(writers.acknowledged)
            await asyncio.sleep(chance.uniform(0.05, 0.4))
            await asyncio.to_thread(server.end, signal.SIGKILL)
            server.start()
            while len(writers.acknowledged) == before:
                await asyncio.sleep(0.01)
        writers.end()
    with psycopg.connect(server.owner_url) as conn:
        found = Counter(name for (name,) in conn.execute("SELECT name FROM marks"))
    assert len(writers.acknowledged) > KILLS * WRITERS
    assert set(writers.acknowledged) - set(found) == set(), "lost"
    assert [name for name, times in found.items() if times > 1] == [], "done twice"


async def test_readers_are_back_as_soon_as_the_server_is(server):
    async with Database.open(server.url) as db:

        async def ask():
            async with db.reading() as tx:
                await tx.execute("SELECT 1")

        await asyncio.gather(*(ask() for _ in range(8)))
        server.end(signal.SIGKILL)
        server.start()
        began = time.monotonic()
        with pytest.raises(Unavailable):  # what is lost inside a block is said, not hidden
            async with db.reading() as tx:
                await tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        await asyncio.gather(*(ask() for _ in range(8)))
        assert time.monotonic() - began < 1


async def test_what_no_replica_has_acknowledged_is_unknown(server):
    server.end()
    server.start({"synchronous_standby_names": "nobody"})
    try:
        async with Database.open(server.url) as db:

            async def mark(tx):
                await tx.execute("INSERT INTO marks VALUES ('alone')")

            running = asyncio.ensure_future(db.run(mark, key="alone"))
            while not (waiting := _waits_for_replica(server)):
                await asyncio.sleep(0.01)
            with psycopg.connect(server.superuser_url) as conn:
                conn.execute("SELECT pg_cancel_backend(%s)", (waiting,))
            with pytest.raises(OutcomeUnknown, match="no replica"):
                await running
    finally:
        server.end()
        server.start({"synchronous_standby_names": ""})


def _waits_for_replica(server):
    with psycopg.connect(server.superuser_url) as conn:
        found = conn.execute(
            "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        ).fetchone()
    return found and found[0]
