"""The trail: how fast it is verified, how soon it is sealed, what recording costs."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import psycopg

from bench.harness import ROUNDS, Row, interleaved, show
from bench.servers import Private, private_database
from tradesense.infra.db import Database, Transaction
from tradesense.kernel.events import Event
from tradesense.trail import Fact, get_status, record
from tradesense.trail.jobs import KEYS, WITNESS, Known, read_public, verify

ENTRIES = 500_000
VERIFY_BAR = 300_000.0  # entries/s, what was promised
LAG_BAR_MS = 100.0  # median, what was promised
LAG_S = 8.0
WRITERS = 8
BATCH = 1_000
MOMENT = datetime(2014, 5, 2, 12, 30, tzinfo=UTC)

# Entries as `record` writes them for a transfer, each the first of its stream.
LOAD = """
    WITH named AS (
        SELECT n, 'ledger:' || md5(n::text)::uuid AS stream
        FROM generate_series(%s::bigint, %s) AS n
    ), made AS (
        INSERT INTO trail_entries (stream, version, kind, canonical)
        SELECT stream, 1, 'TransferPosted', convert_to(
            '{"at":"2014-05-02T12:30:00.000000Z","by":"system:worker","cause":"purchase:'
            || md5((n / 3)::text)::uuid || '","data":{"amount":"' || n * 100
            || '","credit":"deferred-revenue:USD","currency":"USD","debit":"clearing:stripe:USD",'
            || '"reason":"purchase","transfer_id":"' || substr(stream, 8)
            || '"},"kind":"TransferPosted","prev":"","stream":"' || stream
            || '","v":1,"version":1}', 'UTF8')
        FROM named ORDER BY n RETURNING stream
    )
    INSERT INTO trail_streams SELECT stream, 1 FROM made
"""
LOADED_AT_ONCE = 500  # entries per transaction, so that there is a checkpoint for as many


@dataclass(frozen=True, slots=True)
class TransferPosted(Event):
    """What most entries will be."""

    transfer_id: UUID
    debit: str
    credit: str
    amount: int
    currency: str
    reason: str


def measure() -> list[Row]:
    """Return the figures of one private instance, in the order of its life."""
    with private_database() as private:
        rows = asyncio.run(_measure_recording(private))
        with _sealer(private):
            rows += asyncio.run(_measure_lag(private))
            asyncio.run(_load(private))
        rows += _measure_verifying(private)
    return rows


@contextmanager
def _sealer(private: Private) -> Iterator[None]:
    """Run the sealer as the platform does: a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "tradesense.app.processes", "sealer"],
        env={"PATH": os.defpath} | private.environment(),
    ) as process:
        try:
            yield
        finally:
            process.terminate()


def _transfer(number: int) -> Fact:
    made = UUID(int=number << 64)
    return Fact(
        event=TransferPosted(
            made, "clearing:stripe:USD", "deferred-revenue:USD", 15_500, "USD", "purchase"
        ),
        stream=f"ledger:{made}",
        at=MOMENT,
        by="system:worker",
        cause=f"purchase:{made}",
    )


async def _measure_recording(private: Private) -> list[Row]:
    """Compare recording facts with inserting as many bare rows of the same size."""
    with psycopg.connect(private.owner) as owner:
        owner.execute("CREATE TABLE bare (id bigint PRIMARY KEY, payload bytea NOT NULL)")
        owner.execute("GRANT INSERT ON bare TO tradesense_app")
    rows = []
    async with Database.open(private.app, max_size=1, name="bench") as db:
        for count, rounds in ((1, 200), (BATCH, ROUNDS * 3)):
            numbers = iter(range(count * 1_000_000, 2**62))
            found = await _interleaved(
                {
                    "bare": partial(_insert, db, count, numbers),
                    "recorded": partial(_record, db, count, numbers),
                },
                rounds,
            )
            each = "1 fact" if count == 1 else f"each of {count:,} facts"
            rows.append(
                Row(
                    name=f"record {each}, committed",
                    value=found["recorded"] / count * 1e6,
                    unit="us",
                    against="a bare insert",
                    ratio=found["recorded"] / found["bare"],
                )
            )
    return rows


async def _interleaved(
    candidates: Mapping[str, Callable[[], Awaitable[float]]], rounds: int
) -> dict[str, float]:
    """Do what `harness.interleaved` does, for what must be awaited."""
    seen: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            seen[name].append(await run())
    return {name: statistics.median(figures) for name, figures in seen.items()}


async def _record(db: Database, count: int, numbers: Iterator[int]) -> float:
    facts = [_transfer(next(numbers)) for _ in range(count)]
    begun = time.perf_counter()
    await db.repeat(lambda tx: record(tx, *facts))
    return time.perf_counter() - begun


async def _insert(db: Database, count: int, numbers: Iterator[int]) -> float:
    ids = [next(numbers) for _ in range(count)]
    payloads = [b"x" * 400] * count

    async def verb(tx: Transaction) -> None:
        await tx.execute(
            "INSERT INTO bare SELECT * FROM unnest(%s::bigint[], %b::bytea[])", (ids, payloads)
        )

    begun = time.perf_counter()
    await db.repeat(verb)
    return time.perf_counter() - begun


@dataclass(slots=True)
class _Lag:
    """When each stream's entry was acknowledged, and when the trail had which size."""

    acknowledged: dict[str, float] = field(default_factory=dict)
    sizes: list[tuple[int, float]] = field(default_factory=list)

    def of(self, positions: Mapping[str, int]) -> list[float]:
        """Return milliseconds from acknowledgement to seal, sorted."""
        sizes = [size for size, _ in self.sizes]
        return sorted(
            1e3 * (self.sizes[bisect_left(sizes, position)][1] - self.acknowledged[stream])
            for stream, position in positions.items()
        )


async def _measure_lag(private: Private) -> list[Row]:
    """Measure from COMMIT's answer to the seal's, with one writer now and then, and with many."""
    rows = []
    numbers = iter(range(1, 2**62))
    async with Database.open(private.app, max_size=WRITERS + 1, name="bench") as db:
        for name, writers, pause_s in (("at rest", 1, 0.11), ("busy", WRITERS, 0.0)):
            lag = _Lag()
            await _wait_until_sealed(db)
            async with _watching(private, lag):
                end = time.perf_counter() + LAG_S
                async with asyncio.TaskGroup() as group:
                    for _ in range(writers):
                        group.create_task(_write(db, lag, numbers, pause_s, end))
                await _wait_until_sealed(db)
                await asyncio.sleep(0.1)  # for the last notification
            found = lag.of(await _positions(db, lag))
            rows.append(
                Row(
                    name=f"seal lag {name}, {len(found) / LAG_S:,.0f} facts/s, median",
                    value=statistics.median(found),
                    unit="ms",
                    against=f"{LAG_BAR_MS:.0f} ms",
                    ratio=statistics.median(found) / LAG_BAR_MS,
                )
            )
            p99 = found[len(found) * 99 // 100]
            rows.append(Row(name=f"seal lag {name}, p99", value=p99, unit="ms"))
    return rows


async def _write(
    db: Database, lag: _Lag, numbers: Iterator[int], pause_s: float, end: float
) -> None:
    while time.perf_counter() < end:
        fact = _transfer(next(numbers))
        await db.repeat(partial(_say, fact=fact))
        lag.acknowledged[fact.stream] = time.perf_counter()
        await asyncio.sleep(pause_s)


async def _say(tx: Transaction, *, fact: Fact) -> None:
    await record(tx, fact)


@asynccontextmanager
async def _watching(private: Private, lag: _Lag) -> AsyncIterator[None]:
    async with await psycopg.AsyncConnection.connect(private.app, autocommit=True) as conn:
        await conn.execute("LISTEN trail_sealed")

        async def watch() -> None:
            async for sealed in conn.notifies():
                lag.sizes.append((int(sealed.payload), time.perf_counter()))

        async with asyncio.TaskGroup() as group:
            watching = group.create_task(watch())
            yield
            watching.cancel()


async def _positions(db: Database, lag: _Lag) -> dict[str, int]:
    async with db.reading() as tx:
        cursor = await tx.execute(
            "SELECT stream, position FROM trail_entries JOIN trail_leaves ON entry_id = id "
            "WHERE stream = ANY(%s)",
            (list(lag.acknowledged),),
        )
        return {row["stream"]: row["position"] for row in await cursor.fetchall()}


async def _wait_until_sealed(db: Database) -> int:
    while True:
        async with db.reading() as tx:
            stands = await get_status(tx)
        if stands.waiting == 0:
            return stands.size
        await asyncio.sleep(0.05)


async def _load(private: Private) -> None:
    """Fill the trail up while the sealer runs."""
    async with Database.open(private.app, max_size=2, name="bench") as db:
        for first in range(1, ENTRIES + 1, LOADED_AT_ONCE):
            last = first + LOADED_AT_ONCE - 1

            async def verb(tx: Transaction, span: tuple[int, int] = (first, last)) -> None:
                await tx.execute(LOAD, span)

            await db.repeat(verb)
        await _wait_until_sealed(db)


def _measure_verifying(private: Private) -> list[Row]:
    known = Known(key=read_public(private.home / KEYS), witness=private.home / WITNESS)
    alone = Known(key=known.key)

    def rate(brought: Known) -> float:
        report = verify(private.app, brought)
        if not report.ok or report.size < ENTRIES:
            raise RuntimeError(f"the trail did not verify: {report.facts()}")
        return report.entries_per_s

    found = interleaved(
        {
            "verify against the witness": partial(rate, known),
            "verify alone": partial(rate, alone),
        }
    )
    return [
        Row(
            name=f"{name}, {ENTRIES:,} entries",
            value=value,
            unit="entries/s",
            against=f"{VERIFY_BAR:,.0f}",
            ratio=value / VERIFY_BAR,
        )
        for name, value in found.items()
    ]


if __name__ == "__main__":
    show(measure())
