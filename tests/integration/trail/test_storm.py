"""Writers of every kind at once, and a sealer that is killed: nothing missed, nothing inverted."""

import asyncio
import signal
import sys
import time
from collections import defaultdict

from integration.trail.facts import counted, record_many
from tradesense.kernel.errors import Conflict
from tradesense.trail import read_sealed, read_stream, record, sealed_size
from tradesense.trail.audit.verify import Known, verify
from tradesense.trail.jobs import read_witnessed
from tradesense.trail.sealing.keys import read_public

WRITERS = 8
SHARED = [f"account:{n}" for n in range(8)]
KILLS = 5


class Regretted(Conflict):
    """The writer changed its mind."""


async def write(db, writer, chance, end, said):
    """Record at random until `end`; note in `said` what was acknowledged, in its order."""
    number = 0
    while time.monotonic() < end:
        number += 1
        kept = []

        async def verb(tx, number=number, kept=kept):
            kept.clear()
            # One shared stream and one's own: so that writers wait, but never for each other.
            streams = [f"user:{writer}", chance.choice(SHARED)]
            for part in range(chance.randint(1, 4)):
                await act(tx, chance, streams, f"{writer:02d}{number:06d}{part}", kept)
            if chance.random() < 0.15:
                raise Regretted
            if chance.random() < 0.05:
                await asyncio.sleep(chance.uniform(0.05, 0.4))  # a long transaction

        try:
            await db.run(verb, key=f"{writer}:{number}")
        except Regretted:
            continue
        said.extend(kept)


async def act(tx, chance, streams, name, kept):
    """Record some facts, now and then in a savepoint, now and then taken back."""
    facts = [
        counted(int(f"{name}{n}"), chance.choice(streams)) for n in range(chance.randint(1, 3))
    ]
    nested = chance.random() < 0.4
    if nested:
        await tx.execute("SAVEPOINT part")
    await record(tx, *facts)
    if nested and chance.random() < 0.5:
        await tx.execute("ROLLBACK TO SAVEPOINT part")
        return
    if nested:
        await tx.execute("RELEASE SAVEPOINT part")
    kept.extend((fact.stream, fact.event.number) for fact in facts)


async def kill_sealers(environment, chance, end):
    """Keep a sealer process running, kill -9 it at random moments; return how often."""
    kills = 0
    while kills < KILLS or time.monotonic() < end:
        process = await start_sealer(environment)
        await asyncio.sleep(chance.uniform(0.3, 1.5))
        assert process.returncode is None, "the sealer ended by itself"
        process.send_signal(signal.SIGKILL)
        await process.wait()
        kills += 1
    return kills


async def start_sealer(environment):
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tradesense.app.processes", "sealer", env=environment
    )


async def wait_until_witnessed(home, size):
    async with asyncio.timeout(20):
        while read_witnessed(home) < size:
            await asyncio.sleep(0.05)


async def test_a_sealer_asked_to_stop_tells_the_witness_all_it_sealed(db, environment, tmp_path):
    process = await start_sealer(environment)
    await record_many(db, 1, 10)
    await wait_until_witnessed(tmp_path, 10)
    await record_many(db, 11, 20)
    async with asyncio.timeout(5):
        while (await sealed_now(db)) < 20:
            await asyncio.sleep(0.01)

    process.terminate()

    assert await process.wait() == 0
    assert read_witnessed(tmp_path) == 20


async def sealed_now(db):
    async with db.reading() as tx:
        return await sealed_size(tx)


async def test_nothing_is_missed_and_nothing_inverted(db, database, environment, chance, tmp_path):
    said: list[tuple[str, int]] = []
    end = time.monotonic() + 6
    async with asyncio.TaskGroup() as group:
        for writer in range(WRITERS):
            group.create_task(write(db, writer, chance, end, said))
        killing = group.create_task(kill_sealers(environment, chance, end))
    assert killing.result() >= KILLS

    process = await start_sealer(environment)
    try:
        await wait_until_witnessed(tmp_path, len(said))
    finally:
        process.terminate()
        await process.wait()

    await require_all_in_order(db, said)
    known = Known(key=read_public(tmp_path / "keys"), witness=tmp_path / "witness")
    report = verify(database.app, known)
    assert report.ok, report.findings
    assert report.witnessed == report.size == len(said)


async def require_all_in_order(db, said):
    assert len(said) > 100
    by_stream = defaultdict(list)
    async with db.reading() as tx:
        sealed = []
        while part := await read_sealed(tx, after=len(sealed), limit=1000):
            sealed += part
        streams = {
            stream: await read_stream(tx, stream) for stream in {stream for stream, _ in said}
        }
    for entry in sealed:
        by_stream[entry.stream].append(entry.version)
    assert [entry.position for entry in sealed] == [*range(1, len(said) + 1)]
    assert sorted((e.stream, e.data["number"]) for e in sealed) == sorted(said)
    for stream, entries in streams.items():
        assert by_stream[stream] == [*range(1, len(entries) + 1)], f"{stream} is inverted"
