"""A superuser changes the sealed past, in every way we know; each is found and named."""

import pytest

from integration.trail.facts import noted
from integration.trail.tampering import FORGE, HASH_AGAIN, SIZE, TABLES, first
from tradesense.trail import record
from tradesense.trail.audit.verify import Known, verify
from tradesense.trail.proof.note import SigningKey

pytestmark = pytest.mark.breaks_invariants


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


def test_many_wrong_entries_are_counted(audit, tamper):
    tamper("UPDATE trail_entries SET canonical = canonical || ' '::bytea WHERE id > 100")

    report = audit()

    assert first(report) == 101
    assert "580 more positions" in report.findings[-1].says
