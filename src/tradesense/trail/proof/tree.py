"""
The Merkle tree of RFC 6962: roots, inclusion, consistency. Pure.

A perfect subtree is named (height, index): it spans the leaves [index << height,
(index + 1) << height). Indices count from 0; position n of the trail is leaf n - 1.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Node = tuple[int, int]  # (height, index)
Span = tuple[int, int]  # leaves [start, end)


def leaf_hash(data: bytes) -> bytes:
    """Return MTH({d}); the prefix keeps a leaf from passing for a node (RFC 6962, 2.1)."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\1" + left + right).digest()


def fold(peaks: Iterable[bytes]) -> bytes:
    """Return the root over perfect subtrees in falling order of size; of nothing, EMPTY_ROOT."""
    root = None
    for peak in reversed(list(peaks)):
        root = peak if root is None else node_hash(peak, root)
    return EMPTY_ROOT if root is None else root


def next_level(hashes: bytes) -> bytes:
    """Return the parents of `hashes`, which are an even number of concatenated siblings."""
    return b"".join(
        [sha256(b"\1" + hashes[i : i + 64]).digest() for i in range(0, len(hashes) - 63, 64)]
    )


@dataclass(frozen=True, slots=True)
class Frontier:
    """All that must be known of a tree to make it grow: one perfect subtree per bit of `size`."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if len(self.peaks) != self.size.bit_count():
            raise ValueError(f"a tree of {self.size} leaves has {self.size.bit_count()} peaks")

    @property
    def root(self) -> bytes:
        return fold(self.peaks)

    def grow(
        self, leaves: Sequence[bytes], note: Callable[[Node, bytes], None] | None = None
    ) -> "Frontier":
        """Return the frontier after `leaves`; tell `note` of each subtree that became perfect."""
        peaks = list(self.peaks)
        size = self.size
        for leaf in leaves:
            made, height, index = leaf, 0, size
            while index & 1:
                made, height, index = node_hash(peaks.pop(), made), height + 1, index >> 1
                if note:
                    note((height, index), made)
            peaks.append(made)
            size += 1
        return Frontier(size, tuple(peaks))


def split(span: Span) -> Iterator[Node]:
    """Yield the perfect subtrees that make up `span`, left to right, as RFC 6962 splits it."""
    start, end = span
    while start < end:
        height = (end - start).bit_length() - 1
        yield height, start >> height
        start += 1 << height


def inclusion_path(index: int, size: int) -> list[Span]:
    """Return the spans whose roots prove leaf `index` in a tree of `size`, leaf's sibling first."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    spans: list[Span] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _left_width(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def consistency_path(old: int, new: int) -> list[Span]:
    """Return the spans whose roots prove that the tree of `new` leaves extends that of `old`."""
    if not 0 < old <= new:
        raise ValueError(f"a tree of {new} leaves does not extend one of {old}")
    spans: list[Span] = []
    start, end, whole = 0, new, True
    while end != old:
        middle = start + _left_width(end - start)
        if old <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start, whole = middle, False
    return ([] if whole else [(start, end)]) + spans[::-1]


def root_by_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that `path` leads to; None if its length is wrong (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return None
    node, last, root = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            root = node_hash(sibling, root)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        node, last = node >> 1, last >> 1
    return root if last == 0 else None


def is_consistent(
    old: int, new: int, *, old_root: bytes, new_root: bytes, path: Sequence[bytes]
) -> bool:
    """Tell whether `path` proves that the new tree extends the old one (RFC 9162, 2.1.4.2)."""
    if old == new:
        return not path and old_root == new_root
    if not 0 < old < new or not path:
        return False
    rest = list(path)
    if old & (old - 1) == 0:
        rest.insert(0, old_root)
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = rest[0]
    for sibling in rest[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def _left_width(width: int) -> int:
    """Return the largest power of two below `width`."""
    return 1 << (width - 1).bit_length() - 1
