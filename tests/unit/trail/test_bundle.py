"""A proof in a file: what it says, and that nothing else passes for it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.trail.proof import tiles, tree
from tradesense.trail.proof.bundle import Proof
from tradesense.trail.proof.note import BadNote, Checkpoint, SigningKey
from tradesense.trail.proof.tree import Frontier

KEY = SigningKey("tradesense/test", bytes(range(32)))
ENTRIES = [b'{"version":%d}' % number for number in range(11)]
LEAVES = [tree.leaf_hash(entry) for entry in ENTRIES]
ROOT = Frontier().grow(LEAVES).root


ROOTS = tiles.Roots(lambda level, index: LEAVES[index] if level == 0 else b"")


def proof(of, **changes):
    path = [ROOTS.of(span) for span in tree.inclusion_path(of, len(LEAVES))]
    told = {
        "canonical": ENTRIES[of],
        "index": of,
        "path": tuple(path),
        "note": KEY.sign(Checkpoint("tradesense/test", len(LEAVES), ROOT)),
    }
    return Proof(**told | changes)


@pytest.mark.parametrize("index", range(11))
def test_a_written_proof_is_read_and_holds(index):
    made = proof(index)

    assert Proof.parse(made.written()) == made
    assert made.check(KEY.public).size == 11


def test_it_is_a_file_of_the_specified_format():
    lines = proof(10).written().split("\n")

    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1] == "extra " + base64.b64encode(ENTRIES[10]).decode()
    assert lines[2] == "index 10"
    assert len(base64.b64decode(lines[3])) == 32
    assert lines[5:8] == ["", "tradesense/test", "11"]


@pytest.mark.parametrize(
    "forged",
    [
        proof(3, canonical=ENTRIES[4]),
        proof(3, index=4),
        proof(3, index=11),
        proof(3, path=proof(4).path),
        proof(3, path=proof(3).path[:-1]),
        proof(3, path=(*proof(3).path, bytes(32))),
        proof(3, note=KEY.sign(Checkpoint("tradesense/test", 17, ROOT))),
        proof(3, note=KEY.sign(Checkpoint("tradesense/test", 11, bytes(32)))),
    ],
)
def test_a_forged_proof_is_refused(forged):
    with pytest.raises(BadNote, match="does not lead"):
        forged.check(KEY.public)


def test_a_proof_signed_by_another_key_is_refused():
    swapped = SigningKey("tradesense/test", bytes(range(1, 33)))
    with pytest.raises(BadNote, match="not signed by"):
        proof(3).check(swapped.public)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_byte_of_a_proof_can_be_changed(place, change):
    raw = bytearray(proof(5).written().encode())
    place %= len(raw)
    raw[place] ^= change

    with pytest.raises((BadNote, UnicodeDecodeError)):
        Proof.parse(raw.decode()).check(KEY.public)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "first line"),
        ("c2sp.org/tlog-proof@v1\n", "second line"),
        ("c2sp.org/tlog-proof@v1\nextra AA==\nindex 01\n\n", "third line"),
        ("c2sp.org/tlog-proof@v1\nextra !\nindex 1\n\n", "entry is not base64"),
        ("c2sp.org/tlog-proof@v1\nextra AA==\nindex 1\n!\n\n", "path is not base64"),
    ],
)
def test_what_is_no_proof_is_refused(text, message):
    with pytest.raises(BadNote, match=message):
        Proof.parse(text)
