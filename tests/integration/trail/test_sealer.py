"""The sealer: what it refuses to sign, and that nothing stops it for good."""

import asyncio
from contextlib import asynccontextmanager

import psycopg
import pytest

from integration.trail.facts import noted, seal_now
from tradesense.infra.db import Database
from tradesense.trail import get_status, record
from tradesense.trail.jobs import Known, run_sealer, verify
from tradesense.trail.proof.note import BadNote
from tradesense.trail.sealing import keys
from tradesense.trail.sealing.keys import LooseKey, NoKey, read_public
from tradesense.trail.sealing.sealer import Refused, open_log
from tradesense.trail.sealing.witness import BadWitness, find_checkpoint


@asynccontextmanager
async def sealing(db, home):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run_sealer(db, home=home))
        yield task
        task.cancel()


async def until(condition, *, within_s=10.0):
    """Return once `condition` holds."""
    async with asyncio.timeout(within_s):
        while not await condition():
            await asyncio.sleep(0.02)


def sealed(db, size):
    async def condition():
        async with db.reading() as tx:
            return (await get_status(tx)).size >= size

    return condition


@pytest.fixture
async def begun(db, sealer_db, database, tmp_path):
    for number in range(3):
        await db.run(lambda tx: record(tx, noted(), noted()), key=str(number))
        await seal_now(sealer_db, tmp_path)
    return database


def as_superuser(database, *statements):
    with psycopg.connect(database.superuser) as conn:
        for table in ("trail_entries", "trail_epochs", "trail_checkpoints", "trail_leaves"):
            conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        for statement in statements:
            conn.execute(statement)


@pytest.mark.usefixtures("begun")
async def test_it_makes_its_key_once_and_closes_it(tmp_path):
    folder = tmp_path / "keys"

    assert (folder / keys.SECRET).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert keys.find_key(folder).public == read_public(folder)
    assert find_checkpoint(tmp_path / "witness", read_public(folder)).size == 6


async def test_it_refuses_another_server(begun, sealer_db, tmp_path):
    as_superuser(begun, "UPDATE trail_epochs SET system_identifier = 1")

    with pytest.raises(Refused, match="a copy must not be signed beside the original"):
        await open_log(sealer_db, tmp_path)


@pytest.mark.breaks_invariants
async def test_it_refuses_a_database_behind_the_witness(begun, sealer_db, tmp_path):
    as_superuser(
        begun,
        "DELETE FROM trail_leaves WHERE position > 4",
        "DELETE FROM trail_checkpoints WHERE size > 4",
        "DELETE FROM trail_entries WHERE id > 4",
        "UPDATE trail_streams SET version = 4",
        "UPDATE trail_sealer SET size = 4, frontier = ARRAY[sha256('x')]",
    )

    with pytest.raises(Refused, match="4 sealed entries, the witness has seen 6"):
        await open_log(sealer_db, tmp_path)


@pytest.mark.breaks_invariants
async def test_it_refuses_an_empty_database_beside_a_witness(begun, sealer_db, tmp_path):
    as_superuser(begun, "DELETE FROM trail_sealer")

    with pytest.raises(Refused, match="the database is empty"):
        await open_log(sealer_db, tmp_path)


async def test_it_refuses_a_tree_that_was_not_signed(begun, sealer_db, tmp_path):
    as_superuser(
        begun, "UPDATE trail_sealer SET frontier = ARRAY[sha256('x'), sha256('y')]::bytea[]"
    )

    with pytest.raises(Refused, match="not the one that was signed"):
        await open_log(sealer_db, tmp_path)


async def test_it_refuses_a_checkpoint_that_is_not_its_own(begun, sealer_db, tmp_path):
    as_superuser(begun, "UPDATE trail_checkpoints SET note = replace(note, '6', '7')")

    with pytest.raises(Refused, match="not ours"):
        await open_log(sealer_db, tmp_path)


@pytest.mark.usefixtures("begun")
async def test_it_refuses_to_sign_with_a_new_key(sealer_db, tmp_path):
    (tmp_path / "keys" / keys.SECRET).unlink()

    with pytest.raises(NoKey, match="is gone: restore it"):
        await open_log(sealer_db, tmp_path)


@pytest.mark.usefixtures("begun")
async def test_it_refuses_a_key_that_others_can_read(sealer_db, tmp_path):
    (tmp_path / "keys" / keys.SECRET).chmod(0o640)

    with pytest.raises(LooseKey, match="chmod 600"):
        await open_log(sealer_db, tmp_path)


@pytest.mark.usefixtures("begun")
async def test_it_refuses_a_damaged_witness(sealer_db, tmp_path):
    (tmp_path / "witness" / "checkpoint").write_text("nonsense")

    with pytest.raises(BadNote):
        await open_log(sealer_db, tmp_path)


async def test_it_does_not_overwrite_what_the_witness_saw(begun, db, sealer_db, tmp_path):
    as_superuser(begun, "UPDATE trail_leaves SET hash = sha256(hash) WHERE position = 5")
    await db.run(lambda tx: record(tx, noted()), key="more")
    before = (tmp_path / "witness" / "checkpoint").read_text()

    await seal_now(sealer_db, tmp_path)  # a leaf the witness knows already: not read again
    assert find_checkpoint(tmp_path / "witness", read_public(tmp_path / "keys")).size == 7

    as_superuser(begun, "UPDATE trail_leaves SET hash = sha256(hash) WHERE position = 7")
    (tmp_path / "witness" / "checkpoint").write_text(before)
    with pytest.raises(BadWitness, match="changed after sealing"):
        await seal_now(sealer_db, tmp_path)
    assert (tmp_path / "witness" / "checkpoint").read_text() == before


async def test_it_seals_soon_and_tells_the_witness(db, sealer_db, tmp_path):
    async with sealing(sealer_db, tmp_path):
        for number in range(1, 6):
            await db.run(lambda tx: record(tx, noted()), key=str(number))
            await until(sealed(db, number), within_s=5.0)

    assert find_checkpoint(tmp_path / "witness", read_public(tmp_path / "keys")).size == 5


async def test_an_audit_of_a_living_trail_finds_nothing(db, sealer_db, database, tmp_path):
    async def write():
        for number in range(60):
            facts = [noted(str(n), f"account:{n}") for n in range(number)]
            await db.run(lambda tx, facts=facts: record(tx, *facts), key=f"live {number}")

    async with sealing(sealer_db, tmp_path):
        await db.run(lambda tx: record(tx, noted()), key="first")
        await until(sealed(db, 1))
        known = Known(key=read_public(tmp_path / "keys"), witness=tmp_path / "witness")
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(write())
            sizes = []
            while not writing.done():
                report = await asyncio.to_thread(verify, database.app, known)
                assert report.ok, report.findings
                sizes.append(report.size)
    assert sizes[-1] > sizes[0]


async def test_it_goes_on_after_its_connections_were_cut(db, sealer_db, database, tmp_path):
    with psycopg.connect(database.superuser, autocommit=True) as conn:
        async with sealing(sealer_db, tmp_path):
            for number in range(1, 5):
                await db.run(lambda tx: record(tx, noted()), key=str(number))
                cut = conn.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'test sealer' AND datname = current_database()"
                ).fetchall()
                assert cut
                await until(sealed(db, number))


@pytest.mark.usefixtures("begun")
async def test_a_refusal_ends_when_somebody_has_put_it_right(db, sealer_db, tmp_path):
    key = tmp_path / "keys" / keys.SECRET
    key.rename(tmp_path / "elsewhere")
    await db.run(lambda tx: record(tx, noted()), key="more")

    async with sealing(sealer_db, tmp_path):
        await asyncio.sleep(0.3)
        assert not await sealed(db, 7)()
        (tmp_path / "elsewhere").rename(key)
        await until(sealed(db, 7))


async def test_only_one_of_two_seals_and_the_other_takes_over(db, database, sealer_db, tmp_path):
    async with (
        Database.open(database.sealer, name="second sealer") as second_db,
        sealing(sealer_db, tmp_path) as first,
    ):
        await db.run(lambda tx: record(tx, noted()), key="1")
        await until(sealed(db, 1))
        async with sealing(second_db, tmp_path):
            first.cancel()
            await asyncio.wait([first])
            await db.run(lambda tx: record(tx, noted()), key="2")
            await until(sealed(db, 2))
