"""
How the tree is cut into tiles (c2sp.org/tlog-tiles): 256 hashes of one height, one file each.

Level l holds the roots of perfect subtrees of height 8 * l. A full tile of a level is one
hash of the level above. Pure: names and arithmetic.
"""

from collections.abc import Callable, Iterator

from tradesense.trail.proof import tree
from tradesense.trail.proof.tree import HASH_BYTES, Node, Span

WIDTH = 256
HEIGHT = 8


def levels(size: int) -> Iterator[tuple[int, int]]:
    """Yield (level, how many hashes it holds) for a tree of `size` leaves, from the leaves up."""
    level = 0
    while size >> (HEIGHT * level):
        yield level, size >> (HEIGHT * level)
        level += 1


def tile_name(level: int, index: int, width: int = WIDTH) -> str:
    """Return `tile/0/x001/x234/067`, with `.p/W` behind it if the tile is not full."""
    parts = [f"{index % 1000:03d}"]
    while index := index // 1000:
        parts.insert(0, f"x{index % 1000:03d}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(parts)}{partial}"


def stored_below(node: Node) -> tuple[int, int, int]:
    """Return (level, first, count): the stored hashes that `node` is made of."""
    height, index = node
    level, above = divmod(height, HEIGHT)
    return level, index << above, 1 << above


class Roots:
    """
    Roots over any span of leaves, made from stored hashes; each node is hashed once.

    `read(level, index)` returns a stored hash, or nothing where there is none.
    """

    def __init__(self, read: Callable[[int, int], bytes]) -> None:
        self._read = read
        self._known: dict[Node, bytes] = {}

    def of(self, span: Span) -> bytes:
        """Return the root over `span`. Raises ValueError if a stored hash is missing."""
        return tree.fold(self._perfect(node) for node in tree.split(span))

    def _perfect(self, node: Node) -> bytes:
        if node not in self._known:
            self._known[node] = self._make(node)
        return self._known[node]

    def _make(self, node: Node) -> bytes:
        height, index = node
        if height % HEIGHT:
            left, right = (height - 1, 2 * index), (height - 1, 2 * index + 1)
            return tree.node_hash(self._perfect(left), self._perfect(right))
        stored = self._read(height // HEIGHT, index)
        if len(stored) != HASH_BYTES:
            raise ValueError(f"level {height // HEIGHT} has no hash {index}")
        return stored


def fold_tile(hashes: bytes) -> bytes:
    """Return the root over concatenated siblings, 2, 4, ... or 256 of them (one: itself)."""
    while len(hashes) > HASH_BYTES:
        hashes = tree.next_level(hashes)
    return hashes
