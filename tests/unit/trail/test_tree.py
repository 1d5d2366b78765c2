"""The tree against RFC 6962, against the published test vectors, and against forgeries."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.trail.proof import tiles, tree
from tradesense.trail.proof.tree import Frontier

# Inputs and roots of Certificate Transparency's own tests of RFC 6962.
INPUTS = [
    bytes.fromhex(text)
    for text in [
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATHS = {  # (leaf, size): audit path, ibid.
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
GROWTHS = {  # (old, new): consistency proof, ibid.
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}

trees = st.integers(1, 700).map(lambda size: [tree.leaf_hash(b"%d" % n) for n in range(size)])


def naive_root(leaves):
    """MTH as RFC 6962 writes it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return tree.node_hash(naive_root(leaves[:half]), naive_root(leaves[half:]))


def resolve(leaves, spans):
    return [naive_root(leaves[start:end]) for start, end in spans]


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_published_vectors(size):
    leaves = [tree.leaf_hash(data) for data in INPUTS[:size]]

    assert Frontier().grow(leaves).root.hex() == ROOTS[size - 1]


def test_the_root_of_nothing_is_the_hash_of_nothing():
    assert Frontier().root.hex() == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


@pytest.mark.parametrize(("index", "size"), PATHS)
def test_inclusion_paths_are_those_of_the_published_vectors(index, size):
    leaves = [tree.leaf_hash(data) for data in INPUTS[:size]]
    path = resolve(leaves, tree.inclusion_path(index, size))

    assert [part.hex() for part in path] == PATHS[index, size]
    assert tree.root_by_inclusion(leaves[index], index, size, path).hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("old", "new"), GROWTHS)
def test_consistency_paths_are_those_of_the_published_vectors(old, new):
    leaves = [tree.leaf_hash(data) for data in INPUTS[:new]]
    path = resolve(leaves, tree.consistency_path(old, new))

    assert [part.hex() for part in path] == GROWTHS[old, new]
    assert tree.is_consistent(
        old,
        new,
        old_root=bytes.fromhex(ROOTS[old - 1]),
        new_root=bytes.fromhex(ROOTS[new - 1]),
        path=path,
    )


@given(trees, st.data())
def test_a_tree_grown_in_any_steps_has_the_root_of_the_definition(leaves, data):
    cut = data.draw(st.integers(0, len(leaves)))

    grown = Frontier().grow(leaves[:cut]).grow(leaves[cut:])

    assert grown.root == naive_root(leaves)


@given(trees, st.data())
def test_every_leaf_is_provable_and_no_other_leaf_or_place_is(leaves, data):
    size = len(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = resolve(leaves, tree.inclusion_path(index, size))
    root = naive_root(leaves)

    assert tree.root_by_inclusion(leaves[index], index, size, path) == root
    assert tree.root_by_inclusion(tree.leaf_hash(b"other"), index, size, path) != root
    assert tree.root_by_inclusion(leaves[index], size, size, path) is None
    assert tree.root_by_inclusion(leaves[index], index, size, [*path, root]) is None
    if path:
        assert tree.root_by_inclusion(leaves[index], index, size, path[:-1]) is None
        elsewhere = data.draw(st.integers(0, size - 1).filter(lambda n: n != index))
        assert tree.root_by_inclusion(leaves[index], elsewhere, size, path) != root


@given(trees, st.data())
def test_every_older_tree_is_provable_and_no_other_past_is(leaves, data):
    new = len(leaves)
    old = data.draw(st.integers(1, new))
    path = resolve(leaves, tree.consistency_path(old, new))
    roots = {"old_root": naive_root(leaves[:old]), "new_root": naive_root(leaves)}
    forged = tree.leaf_hash(b"another past")

    assert tree.is_consistent(old, new, path=path, **roots)
    assert not tree.is_consistent(old, new, path=path, **roots | {"old_root": forged})
    assert not tree.is_consistent(old, new, path=path, **roots | {"new_root": forged})
    assert not tree.is_consistent(old, new, path=[*path, forged], **roots)
    if path:
        assert not tree.is_consistent(old, new, path=path[:-1], **roots)
        assert not tree.is_consistent(old, new, path=[forged, *path[1:]], **roots)


@given(trees, st.data())
def test_stored_tiles_suffice_for_every_proof(leaves, data):
    stored = {(0, number): leaf for number, leaf in enumerate(leaves)}
    Frontier().grow(leaves, lambda node, made: stored.update({node: made}))
    start = data.draw(st.integers(0, len(leaves) - 1))
    path = tree.inclusion_path(start, len(leaves))

    roots = tiles.Roots(lambda level, index: stored.get((level * tiles.HEIGHT, index), b""))

    assert [roots.of(span) for span in path] == resolve(leaves, path)


def test_a_missing_hash_is_named():
    with pytest.raises(ValueError, match="level 0 has no hash 3"):
        tiles.Roots(lambda _, index: b"x" * 32 if index < 3 else b"").of((0, 4))


@pytest.mark.parametrize(
    ("level", "index", "width", "name"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 1_234_067, 256, "tile/0/x001/x234/067"),
        (1, 999, 17, "tile/1/999.p/17"),
        (2, 1_000, 1, "tile/2/x001/000.p/1"),
    ],
)
def test_tiles_are_named_as_the_specification_names_them(level, index, width, name):
    assert tiles.tile_name(level, index, width) == name


def test_a_tree_of_70_000_leaves_is_cut_as_the_specification_says():
    assert list(tiles.levels(70_000)) == [(0, 70_000), (1, 273), (2, 1)]
    assert 70_000 % 256 == 112


def test_there_is_no_path_to_a_leaf_that_is_not_there():
    with pytest.raises(ValueError, match="no leaf 5"):
        tree.inclusion_path(5, 5)
    with pytest.raises(ValueError, match="does not extend"):
        tree.consistency_path(6, 5)


def test_a_frontier_of_the_wrong_width_cannot_be_made():
    with pytest.raises(ValueError, match="1 peaks"):
        Frontier(4, (b"", b""))
