"""A trail of several chunks and tile levels: audited by a crew, proven from stored tiles."""

import psycopg
import pytest

from integration.trail.facts import Counted, counted, record_many, seal_now
from tradesense.trail import prove, read_stream, record
from tradesense.trail.audit.verify import Known, verify
from tradesense.trail.sealing.keys import read_public

SIZE = 66_000  # more than 2^16: three levels of tiles, five chunks


@pytest.fixture
async def long_trail(db, sealer_db, tmp_path):
    await record_many(db, 1, SIZE)
    return await seal_now(sealer_db, tmp_path, slice_max=20_000)


async def test_entries_made_for_the_load_are_those_that_record_writes(db):
    await record_many(db, 1, 1)
    fact = counted(1, "load:2")
    await db.run(lambda tx: record(tx, fact), key="1")

    async with db.reading() as tx:
        (loaded,) = await read_stream(tx, "load:1")
        (recorded,) = await read_stream(tx, "load:2")

    assert isinstance(fact.event, Counted)
    assert loaded.canonical.replace(b"load:1", b"load:2") == recorded.canonical.replace(
        b'"test:1"', b"null"
    )


@pytest.mark.breaks_invariants
async def test_a_crew_finds_what_one_auditor_would(long_trail, database, tmp_path):
    known = Known(key=read_public(tmp_path / "keys"), witness=tmp_path / "witness")
    seen = []

    report = verify(database.app, known, lambda done, total: seen.append((done, total)))

    assert report.ok, report.findings
    assert (report.size, report.witnessed) == (SIZE, SIZE)
    assert report.root == long_trail.progress.frontier.root.hex()
    assert seen[-1] == (SIZE, SIZE)
    assert len(seen) == 5

    with psycopg.connect(database.superuser) as conn:
        conn.execute("ALTER TABLE trail_nodes DISABLE TRIGGER ALL")
        conn.execute("UPDATE trail_nodes SET hash = sha256(hash) WHERE height = 16")
    assert "the 65536 entries" in verify(database.app, known).findings[0].says

    with psycopg.connect(database.superuser) as conn:
        conn.execute("ALTER TABLE trail_entries DISABLE TRIGGER ALL")
        for entry_id in (60_001, 40_000):
            conn.execute(
                "UPDATE trail_entries SET canonical = canonical || ' '::bytea WHERE id = %s",
                (entry_id,),
            )
    assert [f.position for f in verify(database.app, known).findings] == [40_000, 60_001]


async def test_every_kind_of_position_is_provable(db, long_trail):
    positions = [1, 2, 255, 256, 257, 512, 16_384, 65_535, 65_536, 65_537, SIZE - 1, SIZE]

    async with db.reading() as tx:
        proofs = await prove(tx, positions)

    for position, proof in zip(positions, proofs, strict=True):
        assert proof.index == position - 1
        assert b'"number":%d}' % position in proof.canonical
        assert proof.check(long_trail.key.public).size == SIZE
