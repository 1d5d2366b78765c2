"""Inclusion proofs in an RFC 6962 tree: that a leaf stands at a position under a root."""

import hashlib


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf (RFC 6962, section 2.1: a zero byte, then the data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def root_from_path(leaf: bytes, position: int, size: int, path: list[bytes]) -> bytes | None:
    """
    Return the root that `path` leads to from `leaf` at `position` of `size` leaves.

    None if the path has not the length this place needs (RFC 9162, section 2.1.3.2).
    """
    if not 0 <= position < size:
        return None
    node, last, here = position, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if node % 2 or node == last:
            here = _inner(sibling, here)
            while node % 2 == 0 and node != 0:
                node, last = node // 2, last // 2
        else:
            here = _inner(here, sibling)
        node, last = node // 2, last // 2
    return here if last == 0 else None


def _inner(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
