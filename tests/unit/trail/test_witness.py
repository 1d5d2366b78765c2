"""The witness: what it keeps, and what it refuses to take in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradesense.trail.proof import tree
from tradesense.trail.proof.note import BadNote, Checkpoint, SigningKey
from tradesense.trail.proof.tree import Frontier
from tradesense.trail.sealing.witness import (
    BadWitness,
    Witness,
    find_checkpoint,
    read_leaves,
)

KEY = SigningKey("tradesense/test", bytes(range(32)))
OTHER = SigningKey("tradesense/other", bytes(range(1, 33)))


def leaves_of(first, size):
    return [tree.leaf_hash(b"%d" % n) for n in range(first, size)]


def checkpoint(size):
    return Checkpoint("tradesense/test", size, Frontier().grow(leaves_of(0, size)).root)


def tell(witness, size):
    signed = checkpoint(size)
    witness.extend(b"".join(leaves_of(witness.size, size)), KEY.sign(signed), signed)


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@given(st.lists(st.integers(1, 400), min_size=1, max_size=6))
@settings(deadline=None, max_examples=20)
def test_it_remembers_every_leaf_however_it_was_told(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("witness")
    witness, size = Witness.open(folder, KEY.public), 0
    for step in steps:
        size += step
        tell(witness, size)
        witness = Witness.open(folder, KEY.public)  # as after a crash

    assert find_checkpoint(folder, KEY.public) == checkpoint(size)
    assert b"".join(read_leaves(folder, size)) == b"".join(leaves_of(0, size))


def test_it_is_a_static_log_of_the_specified_layout(tmp_path):
    witness = Witness.open(tmp_path, KEY.public)
    tell(witness, 300)
    tell(witness, 70_000)

    assert {name for name in files(tmp_path) if not name.startswith("tile/0/")} == {
        "checkpoint", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1",
    }  # fmt: skip
    assert {name for name in files(tmp_path) if ".p/" in name and "tile/0" in name} == {
        "tile/0/273.p/112"
    }
    assert len([name for name in files(tmp_path) if name.startswith("tile/0/")]) == 274


def test_it_takes_in_nothing_that_the_signature_does_not_cover(tmp_path):
    witness = Witness.open(tmp_path, KEY.public)
    tell(witness, 300)
    before = files(tmp_path)
    signed = checkpoint(600)
    changed = [*leaves_of(300, 599), tree.leaf_hash(b"changed")]

    for hashes in (changed, changed[:-1]):
        with pytest.raises(BadWitness, match="changed after sealing"):
            witness.extend(b"".join(hashes), KEY.sign(signed), signed)

    assert files(tmp_path) == before
    tell(witness, 600)
    assert Witness.open(tmp_path, KEY.public).size == 600


def test_a_changed_tile_is_seen_when_it_is_opened(tmp_path):
    tell(Witness.open(tmp_path, KEY.public), 300)
    tile = tmp_path / "tile/0/001.p/44"
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])

    with pytest.raises(BadWitness, match="do not have the root"):
        Witness.open(tmp_path, KEY.public)


def test_a_missing_tile_is_named(tmp_path):
    tell(Witness.open(tmp_path, KEY.public), 300)
    (tmp_path / "tile/0/001.p/44").unlink()

    with pytest.raises(BadWitness, match=r"tile/0/001\.p/44 is missing"):
        Witness.open(tmp_path, KEY.public)


def test_another_logs_witness_is_refused(tmp_path):
    tell(Witness.open(tmp_path, KEY.public), 3)

    with pytest.raises(BadNote, match="not signed by tradesense/other"):
        Witness.open(tmp_path, OTHER.public)


def test_a_reader_finds_its_leaves_while_the_sealer_goes_on(tmp_path):
    witness = Witness.open(tmp_path, KEY.public)
    tell(witness, 300)
    tell(witness, 310)
    assert b"".join(read_leaves(tmp_path, 300)) == b"".join(leaves_of(0, 300))
    tell(witness, 600)
    assert b"".join(read_leaves(tmp_path, 300)) == b"".join(leaves_of(0, 300))
