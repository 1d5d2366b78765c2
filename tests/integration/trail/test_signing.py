"""Whoever can sign, or change what was signed: what the pinned key and the witness still show."""

from hashlib import sha256

import psycopg
import pytest

from integration.trail.facts import seal_now
from integration.trail.tampering import FORGE, HASH_AGAIN, first
from tradesense.trail import read_stream
from tradesense.trail.proof import tree
from tradesense.trail.proof.note import Checkpoint, SigningKey
from tradesense.trail.proof.tree import Frontier
from tradesense.trail.sealing.keys import read_public
from tradesense.trail.sealing.witness import find_checkpoint

pytestmark = pytest.mark.breaks_invariants


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
