"""Facts for the tests of the trail."""

from dataclasses import dataclass
from datetime import UTC, datetime

from tradesense.kernel.events import Event
from tradesense.trail import Fact
from tradesense.trail.sealing.seal import seal
from tradesense.trail.sealing.sealer import open_log, tell_witness

MOMENT = datetime(2014, 5, 2, 12, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Noted(Event):
    """A test noted something."""

    text: str


@dataclass(frozen=True, slots=True)
class Counted(Event):
    """A test counted something."""

    number: int


def noted(text: str = "x", stream: str = "account:1") -> Fact:
    return Fact(event=Noted(text), stream=stream, at=MOMENT, by="system:test")


def counted(number: int, stream: str = "account:1") -> Fact:
    return Fact(event=Counted(number), stream=stream, at=MOMENT, by="system:test", cause="test:1")


async def seal_slice(sealer_db, log, *, slice_max: int = 10_000):
    """Let the sealer do one step."""
    done = await sealer_db.repeat(
        lambda tx: seal(tx, key=log.key, origin=log.origin, slice_max=slice_max),
        isolation="REPEATABLE READ",
    )
    log.progress = done.progress
    return done


async def seal_now(sealer_db, home, *, slice_max: int = 10_000):
    """Seal all there is, as the sealer would, tell the witness, and return the opened log."""
    log = await open_log(sealer_db, home)
    while True:
        done = await seal_slice(sealer_db, log, slice_max=slice_max)
        if not done.count and not done.is_in_backlog:
            break
    await tell_witness(sealer_db, log)
    return log


# Entries as `record` writes them, each the first of its stream, made by the server: many, fast.
MANY = """
    WITH made AS (
        INSERT INTO trail_entries (stream, version, kind, canonical)
        SELECT 'load:' || n, 1, 'Counted', convert_to(
            '{"at":"2014-05-02T12:30:00.000000Z","by":"system:test","cause":null,"data":{"number":'
            || n || '},"kind":"Counted","prev":"","stream":"load:' || n || '","v":1,"version":1}',
            'UTF8')
        FROM generate_series(%s::bigint, %s::bigint) AS n ORDER BY n RETURNING stream
    )
    INSERT INTO trail_streams SELECT stream, 1 FROM made
"""


async def record_many(db, first: int, last: int) -> None:
    """Record an entry for each number from `first` to `last`."""

    async def verb(tx):
        await tx.execute(MANY, (first, last))

    await db.run(verb, key=f"many {first}")
