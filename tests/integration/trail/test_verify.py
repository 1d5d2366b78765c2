"""A superuser changes the sealed past, in every way we know; each is found and named."""

from hashlib import sha256

import psycopg
import pytest

from integration.trail.facts import noted, seal_now
from tradesense.trail import read_stream, record
from tradesense.trail.audit.verify import Known, verify
from tradesense.trail.proof import tree
from tradesense.trail.proof.note import Checkpoint, SigningKey
from tradesense.trail.proof.tree import Frontier
from tradesense.trail.sealing.keys import read_public
from tradesense.trail.sealing.witness import find_checkpoint

pytestmark = pytest.mark.breaks_invariants

SIZE = 700  # two full tiles and a bit; sealed in seven batches
TABLES = ["trail_entries", "trail_leaves", "trail_nodes", "trail_checkpoints", "trail_epochs"]


@pytest.fixture
async def sealed(db, sealer_db, database, tmp_path):
    """700 entries of five streams, sealed in seven batches; nothing of them is wrong yet."""
    for batch in range(7):
        facts = [noted(f"{batch}.{n}", f"account:{n % 5}") for n in range(100)]
        await db.run(lambda tx, facts=facts: record(tx, *facts), key=str(batch))
        await seal_now(sealer_db, tmp_path)
    return database


@pytest.fixture
def audit(sealed, tmp_path):
    """Verify as an auditor would, with the pinned key and, if not told otherwise, the witness."""
    key = read_public(tmp_path / "keys")

    def run(*, witnessed=True, checkpoints=(), key=key, streams=False):
        witness = tmp_path / "witness" if witnessed else None
        known = Known(key=key, witness=witness, checkpoints=checkpoints, walks_streams=streams)
        return verify(sealed.app, known)

    return run


@pytest.fixture
def tamper(sealed):
    """Run statements as a superuser who has switched the triggers off."""

    def run(*statements, **arguments):
        with psycopg.connect(sealed.superuser) as conn:
            for table in TABLES:
                conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
            for statement in statements:
                conn.execute(statement, arguments)
            for table in TABLES:
                conn.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")

    return run


def first(report):
    return report.findings[0].position


FORGE = r"""
    UPDATE trail_entries SET canonical = replace(encode(canonical, 'escape'), '1.17', '9.99')::bytea
    WHERE id = (SELECT entry_id FROM trail_leaves WHERE position = 118)
"""
HASH_AGAIN = r"""
    UPDATE trail_leaves l SET hash = sha256('\x00'::bytea || e.canonical)
    FROM trail_entries e WHERE e.id = l.entry_id
"""


def test_an_untouched_trail_passes(audit):
    for witnessed in (True, False):
        report = audit(witnessed=witnessed)
        assert report.ok, report.findings
        assert (report.size, report.checkpoints) == (SIZE, 7)


def test_an_empty_trail_passes(database):
    key = SigningKey("tradesense/test", bytes(32)).public
    assert verify(database.app, Known(key=key)).ok


async def test_what_waits_to_be_sealed_is_no_finding(audit, db):
    await db.run(lambda tx: record(tx, noted("late")), key="late")

    report = audit()

    assert report.ok
    assert (report.size, report.waiting) == (SIZE, 1)


def test_a_changed_entry_is_found(audit, tamper):
    tamper(FORGE)

    for witnessed in (True, False):
        report = audit(witnessed=witnessed)
        assert first(report) == 118
        assert "account:2 version 24" in report.findings[0].says
        assert len(report.findings) == 1


def test_a_changed_entry_is_found_though_its_leaf_was_rewritten(audit, tamper):
    tamper(FORGE, HASH_AGAIN)

    report = audit()
    assert first(report) == 118
    assert "rewritten with its leaf" in report.findings[0].says

    alone = audit(witnessed=False)
    assert first(alone) == 101  # after the last checkpoint that holds
    assert "among 101 to 200" in alone.findings[0].says


@pytest.mark.parametrize(
    ("column", "value"),
    [("kind", "'Counted'"), ("stream", "'account:77'"), ("version", "1000")],
)
def test_a_changed_column_is_found_though_the_sealed_text_was_left(audit, tamper, column, value):
    tamper(
        f"UPDATE trail_entries SET {column} = {value} "
        "WHERE id = (SELECT entry_id FROM trail_leaves WHERE position = 118)"
    )

    report = audit()

    assert first(report) == 118
    assert "the columns were changed" in report.findings[0].says


def test_a_deleted_entry_is_found(audit, tamper):
    tamper("DELETE FROM trail_entries WHERE id = 300")

    report = audit()

    assert first(report) == 300
    assert "it was deleted" in report.findings[0].says


def test_a_deleted_entry_is_found_though_its_leaf_went_with_it(audit, tamper):
    tamper(
        "DELETE FROM trail_entries WHERE id = 300",
        "DELETE FROM trail_leaves WHERE position = 300",
    )

    report = audit()

    assert first(report) == 300
    assert "the position was deleted" in report.findings[0].says


CLOSE_GAP = """
    UPDATE trail_leaves SET position = -position WHERE position > 300;
    UPDATE trail_leaves SET position = -position - 1 WHERE position < 0
"""


def test_a_deleted_entry_is_found_though_the_gap_was_closed(audit, tamper):
    tamper(
        "ALTER TABLE trail_leaves DROP CONSTRAINT trail_leaves_position_check",
        "DELETE FROM trail_entries WHERE id = 300",
        "DELETE FROM trail_leaves WHERE position = 300",
        CLOSE_GAP,
    )

    report = audit()

    assert first(report) == 300
    assert "was sealed at position 301, not here" in report.findings[0].says


def test_a_cut_off_end_is_found(audit, tamper):
    tamper(
        "DELETE FROM trail_entries WHERE id > 600",
        "DELETE FROM trail_leaves WHERE position > 600",
    )

    for witnessed in (True, False):
        report = audit(witnessed=witnessed)
        assert first(report) == 601
        assert "cut off here" in report.findings[0].says


def test_a_cut_off_end_is_found_though_every_table_was_cut(audit, tamper):
    tamper(
        "DELETE FROM trail_entries WHERE id > 600",
        "DELETE FROM trail_leaves WHERE position > 600",
        "DELETE FROM trail_checkpoints WHERE size > 600",
        "UPDATE trail_sealer SET size = 600",
    )

    assert audit(witnessed=False).ok  # nothing inside the database can tell
    report = audit()
    assert first(report) == 601
    assert "700 entries were witnessed" in report.findings[0].says


@pytest.mark.parametrize("table", ["trail_entries", "trail_leaves"])
def test_a_truncated_table_is_found(audit, tamper, table):
    tamper(f"TRUNCATE {table}")

    report = audit()

    assert first(report) == 1


def test_everything_truncated_is_found(audit, tamper):
    tamper(f"TRUNCATE {', '.join(TABLES)}, trail_sealer, trail_streams")

    report = audit()

    assert first(report) == 1
    assert "700 entries were witnessed" in report.findings[0].says


SWAP = """
    UPDATE trail_leaves SET entry_id = CASE position WHEN 17 THEN -40 WHEN 40 THEN -17 END
    WHERE position IN (17, 40);
    UPDATE trail_leaves SET entry_id = -entry_id WHERE entry_id < 0
"""


def test_a_changed_order_is_found(audit, tamper):
    tamper(SWAP)

    for witnessed in (True, False):
        report = audit(witnessed=witnessed)
        assert first(report) == 17
        assert "was sealed at position 40, not here: the order was changed" in (
            report.findings[0].says
        )


def test_a_changed_order_is_found_though_the_leaves_follow(audit, tamper):
    tamper(SWAP, HASH_AGAIN)

    assert first(audit()) == 17
    assert first(audit(witnessed=False)) == 1


INSERT = """
    INSERT INTO trail_entries (id, epoch, xid, stream, version, kind, canonical)
    OVERRIDING SYSTEM VALUE
    SELECT 100000, 1, '3', 'account:0', 1000, kind,
        replace(replace(encode(canonical, 'escape'), 'account:2', 'account:0'),
            '"version":24', '"version":1000')::bytea
    FROM trail_entries WHERE id = 118
"""


def test_an_entry_slipped_in_without_a_leaf_is_found(audit, tamper):
    tamper(INSERT.replace("100000", "-1"))

    report = audit()

    assert "slipped in" in report.findings[0].says
    assert first(report) == 1


def test_an_entry_slipped_in_between_is_found(audit, tamper):
    tamper(
        "ALTER TABLE trail_leaves DROP CONSTRAINT trail_leaves_position_check",
        INSERT,
        "UPDATE trail_leaves SET position = -position WHERE position > 300",
        "UPDATE trail_leaves SET position = -position + 1 WHERE position < 0",
        r"""
        INSERT INTO trail_leaves SELECT 301, id, sha256('\x00'::bytea || canonical)
        FROM trail_entries WHERE id = 100000
        """,
    )

    report = audit()
    assert first(report) == 301

    alone = audit(witnessed=False)
    assert first(alone) == 301  # the first after a checkpoint that holds


def resealed(database, key, origin):
    """Sign the rewritten database anew, as somebody with `key` could; return its statements."""
    with psycopg.connect(database) as conn:
        rows = conn.execute(
            "SELECT canonical FROM trail_leaves JOIN trail_entries ON id = entry_id "
            "ORDER BY position"
        ).fetchall()
        sizes = [row[0] for row in conn.execute("SELECT size FROM trail_checkpoints").fetchall()]
    leaves = [tree.leaf_hash(canonical) for (canonical,) in rows]
    stored = {}
    Frontier().grow(leaves, lambda node, made: stored.update({node: made}))
    notes = {s: key.sign(Checkpoint(origin, s, Frontier().grow(leaves[:s]).root)) for s in sizes}
    return [
        *[
            f"UPDATE trail_nodes SET hash = '\\x{made.hex()}' WHERE index = {index}"
            for (height, index), made in stored.items()
            if height == 8
        ],
        *[f"UPDATE trail_checkpoints SET note = '{n}' WHERE size = {s}" for s, n in notes.items()],
    ]


def test_a_past_signed_with_another_key_is_found(audit, tamper, sealed):
    tamper(FORGE, HASH_AGAIN)
    thief = SigningKey(audit().origin, sha256(b"thief").digest())
    tamper(*resealed(sealed.superuser, thief, audit().origin))

    report = audit(witnessed=False)

    assert not report.ok
    assert any("not signed by" in finding.says for finding in report.findings)


def test_a_past_signed_with_our_stolen_key_is_found_by_the_witness(audit, tamper, sealed, tmp_path):
    stolen = SigningKey.parse((tmp_path / "keys" / "trail.key").read_text())
    tamper(FORGE, HASH_AGAIN)
    tamper(*resealed(sealed.superuser, stolen, stolen.name))

    assert audit(witnessed=False).ok  # said in the guarantees: only witnesses see this
    assert first(audit()) == 118


def test_a_past_signed_with_our_stolen_key_is_found_by_a_kept_checkpoint(
    audit, tamper, sealed, tmp_path
):
    kept = find_checkpoint(tmp_path / "witness", read_public(tmp_path / "keys"))
    stolen = SigningKey.parse((tmp_path / "keys" / "trail.key").read_text())
    tamper(FORGE, HASH_AGAIN)
    tamper(*resealed(sealed.superuser, stolen, stolen.name))

    report = audit(witnessed=False, checkpoints=(kept,))

    assert "seen by the witness" in report.findings[0].says


@pytest.mark.parametrize(
    ("forge", "position"),
    [
        ("UPDATE trail_checkpoints SET note = replace(note, '300', '301') WHERE size = 300", 300),
        ("UPDATE trail_checkpoints SET size = 333 WHERE size = 300", 333),
        ("UPDATE trail_nodes SET hash = sha256(hash) WHERE index = 1", 257),
        ("DELETE FROM trail_nodes WHERE index = 1", 257),
    ],
)
def test_a_changed_checkpoint_or_stored_root_is_found(audit, tamper, forge, position):
    tamper(forge)

    assert first(audit()) == position


def test_taking_all_checkpoints_away_is_found(audit, tamper):
    tamper("TRUNCATE trail_checkpoints")

    assert "nothing is signed" in audit(witnessed=False).findings[0].says


def test_taking_the_last_checkpoint_away_is_found(audit, tamper):
    tamper("DELETE FROM trail_checkpoints WHERE size = 700")

    report = audit()

    assert first(report) == 601
    assert "nothing is signed" in report.findings[0].says


def test_a_leaf_that_claims_a_far_position_is_found_at_once(audit, tamper):
    tamper(
        "INSERT INTO trail_leaves SELECT 1000000000000, 99999, hash FROM trail_leaves "
        "WHERE position = 1"
    )

    for witnessed in (True, False):
        assert first(audit(witnessed=witnessed)) == 701


async def test_a_stream_that_was_recorded_with_a_wrong_link_is_found(
    audit, db, sealer_db, tmp_path
):
    assert audit(streams=True).ok

    async def forget_the_link(tx):
        last = (await read_stream(tx, "account:3"))[-1]
        await tx.execute(
            "INSERT INTO trail_entries (stream, version, kind, canonical) VALUES (%s, %s, %s, %s)",
            (last.stream, 141, last.kind, last.canonical.replace(b":140}", b":141}")),
        )

    await db.run(forget_the_link, key="a bug")
    await seal_now(sealer_db, tmp_path)

    assert audit().ok
    assert audit(streams=True).findings[0].says == (
        "account:3 version 141 does not follow the one before"
    )


def test_a_damaged_witness_is_told_from_a_damaged_trail(audit, tmp_path):
    tile = tmp_path / "witness/tile/0/000"
    hashes = bytearray(tile.read_bytes())
    hashes[16 * 32] ^= 1
    tile.write_bytes(hashes)

    report = audit()

    assert "the witness itself is damaged" in report.findings[0].says


def test_another_key_than_the_pinned_one_is_found(audit):
    other = SigningKey("tradesense/other", bytes(32)).public

    report = audit(key=other)

    assert "not signed by tradesense/other" in report.findings[0].says


def test_many_wrong_entries_are_counted(audit, tamper):
    tamper("UPDATE trail_entries SET canonical = canonical || ' '::bytea WHERE id > 100")

    report = audit()

    assert first(report) == 101
    assert "580 more positions" in report.findings[-1].says
