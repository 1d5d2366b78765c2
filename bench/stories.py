"""A story of three steps that each move money: one by one, in batches, and on DBOS."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psycopg

from bench.harness import Row, interleaved, show
from bench.ledger import CLIENTS, MOMENT, measure_t, prepare_t, run, sealer
from bench.servers import Private, private_database
from tradesense import ledger, sagas
from tradesense.infra.db import Database, Transaction
from tradesense.infra.runtime import Runtime
from tradesense.kernel.ids import derive
from tradesense.kernel.money import Money
from tradesense.ledger import Request, Transfer
from tradesense.sagas import Definition, Local
from tradesense.sagas.jobs import Runner
from tradesense.sagas.model import Data, Saga

STORIES_ALONE = 3_000  # per round
STORIES_BEFORE = 160  # not counted: T leaves out connecting too
STORIES_TOGETHER = 3_000
BATCH = 200
ROUND_S = 3
ALONE_BAR, TOGETHER_BAR, PEER_BAR = 0.2, 0.8, 10.0
# Where `make bench-ledger` puts what we are held against.
PEERS = Path(__file__).parent.parent / ".tools" / "bench" / "bin" / "python"
PEER = Path(__file__).parent / "peers" / "dbos_story.py"

numbers = count(1)


def moving(name: str, debit: str, credit: str) -> Local:
    """Return a step that posts one transfer, for one saga or for many."""

    def request(saga: Saga, now: datetime) -> Request:
        transfer = Transfer(
            id=derive(saga.id, name),
            debit=debit,
            credit=credit,
            amount=Money(100, "USD"),
            reason=name,
            effective_at=now,
        )
        return Request(transfers=(transfer,), cause=f"saga:{saga.id}")

    async def do(tx: Transaction, saga: Saga, now: datetime) -> Data:
        await ledger.post(tx, *request(saga, now).transfers, now=now)
        return {name: True}

    async def do_each(
        tx: Transaction, stories: Sequence[Saga], now: datetime
    ) -> Sequence[Data | Exception]:
        asked = [request(saga, now) for saga in stories]
        return [said or {name: True} for said in await ledger.post_each(tx, asked, now=now)]

    return Local(name=name, do=do, do_each=do_each)


STORY = Definition(
    kind="bench",
    version=1,
    steps=(
        moving("reserve", "bank:USD", "deferred-revenue:USD"),
        moving("pay", "clearing:stripe:USD", "deferred-revenue:USD"),
        moving("charge", "fees:stripe:USD", "bank:USD"),
    ),
    pivot="pay",
)


def measure() -> list[Row]:
    """Return the figures of one private instance; the sealer runs, as in production."""
    with private_database() as private, sealer(private):
        prepare_t(private)
        with psycopg.connect(private.owner) as owner:
            owner.execute(
                "CREATE TABLE peer_transfers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
                "debit text NOT NULL, credit text NOT NULL, amount_minor bigint NOT NULL)"
            )
        candidates = {
            "T": partial(measure_t, private),
            "alone": partial(run, partial(_alone, private)),
            "served": partial(run, partial(_served, private)),
            "together": partial(run, partial(_together, private)),
        }
        if PEERS.exists():
            candidates["DBOS"] = partial(_peer, private)
        found = interleaved(candidates)
    return _rows(found)


def _rows(found: dict[str, float]) -> list[Row]:
    t, alone = found["T"], found["alone"]
    rows = [
        Row(name="T: pgbench -N -c 16", value=t, unit="tx/s"),
        Row(
            name="3 steps, one by one, each in the commit that begins its story",
            value=alone,
            unit="stories/s",
            against=f"T (bar {ALONE_BAR})",
            ratio=alone / t,
        ),
        Row(
            name="3 steps, begun one by one, moved as a worker does",
            value=found["served"],
            unit="stories/s",
            against="T",
            ratio=found["served"] / t,
        ),
        Row(
            name=f"3 steps, moved {BATCH} at once",
            value=found["together"],
            unit="stories/s",
            against=f"T (bar {TOGETHER_BAR})",
            ratio=found["together"] / t,
        ),
    ]
    if peer := found.get("DBOS"):
        rows.append(Row(name="3 steps on DBOS", value=peer, unit="stories/s"))
        rows += [
            Row(
                name=name,
                value=found[key],
                unit="stories/s",
                against=f"DBOS (bar {PEER_BAR:.0f})",
                ratio=found[key] / peer,
            )
            for name, key in (
                ("one by one", "alone"),
                ("as a worker does", "served"),
                (f"{BATCH} at once", "together"),
            )
        ]
    return rows


def _peer(private: Private) -> float:
    done = subprocess.run(  # noqa: S603 -- our own script
        [PEERS, PEER, private.owner, str(ROUND_S), str(CLIENTS)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])


@asynccontextmanager
async def _opened(private: Private, connections: int) -> AsyncIterator[Runtime]:
    async with Database.open(private.app, max_size=connections, name="bench") as db:
        # The runner asks for time, ids and the database, and for nothing else.
        nothing = cast(Any, None)
        yield Runtime(nothing, db, lambda: MOMENT, _new_id, bytes, nothing, nothing)


def _new_id() -> UUID:
    return derive("bench stories", next(numbers))


async def _begin(tx: Transaction, how_many: int) -> None:
    for _ in range(how_many):
        await sagas.start(tx, kind="bench", version=1, saga_id=_new_id(), data={}, now=MOMENT)


async def _alone(private: Private) -> float:
    """Tell stories from 16 callers, one by one; a story begins and ends in one commit."""
    async with _opened(private, CLIENTS) as runtime:

        async def work(stories: Iterator[int]) -> None:
            for _ in stories:
                saga_id = _new_id()
                await runtime.db.run(partial(_tell, saga_id), key=f"begin {saga_id}")

        async def tell(how_many: int) -> float:
            left, begun = iter(range(how_many)), time.perf_counter()
            async with asyncio.TaskGroup() as group:
                for _ in range(CLIENTS):
                    group.create_task(work(left))
            return how_many / (time.perf_counter() - begun)

        await tell(STORIES_BEFORE)
        return await tell(STORIES_ALONE)


async def _tell(saga_id: UUID, tx: Transaction) -> None:
    await sagas.begin(tx, STORY.opening, saga_id=saga_id, data={}, now=MOMENT)


async def _served(private: Private) -> float:
    """Begin stories one by one from 16 callers, while a worker's runner moves whatever is due."""
    async with _opened(private, CLIENTS + 1) as runtime, asyncio.TaskGroup() as calls:
        left = iter(range(STORIES_ALONE))
        bell, told = asyncio.Event(), 0

        async def call() -> None:
            for number in left:
                key = f"{_new_id()}:{number}"
                await runtime.db.run(lambda tx: _begin(tx, 1), key=key)
                bell.set()

        async def move() -> None:
            nonlocal told
            runner = Runner(runtime, [STORY], calls)
            while told < STORIES_ALONE:
                await bell.wait()
                bell.clear()
                while moved := await runner.move_due():
                    told += moved

        begun = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            group.create_task(move())
            for _ in range(CLIENTS):
                group.create_task(call())
        return STORIES_ALONE / (time.perf_counter() - begun)


async def _together(private: Private) -> float:
    """Move stories that have begun, many per commit, from two connections."""
    async with _opened(private, 2) as runtime, asyncio.TaskGroup() as calls:
        for _ in range(STORIES_TOGETHER // BATCH):
            await runtime.db.repeat(lambda tx: _begin(tx, BATCH))

        async def work() -> None:
            runner = Runner(runtime, [STORY], calls, batch=BATCH)
            while await runner.move_due():
                continue

        begun = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(work())
        return STORIES_TOGETHER / (time.perf_counter() - begun)


if __name__ == "__main__":
    show(measure())
