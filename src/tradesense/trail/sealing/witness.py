"""
A memory outside the database: the newest checkpoint and every leaf hash, in files.

The folder is a static log as c2sp.org/tlog-tiles lays it out (without the entries), so other
log tools read it. Whoever rewrites the database, with every table in it, cannot rewrite this;
and because it knows each leaf, it can name the first position that differs. Copied elsewhere
(mailed, printed, kept by a third party), its checkpoint binds even us.

Order of writing: tiles, then the checkpoint, then away with partial tiles nobody needs; each
file appears whole. A crash in between leaves an older, smaller, valid witness.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Self

from tradesense.infra.files import write_whole
from tradesense.kernel.errors import InvariantBroken
from tradesense.trail.proof import tiles
from tradesense.trail.proof.note import Checkpoint, PublicKey
from tradesense.trail.proof.tree import HASH_BYTES

CHECKPOINT = "checkpoint"
READ_ATTEMPTS = 3  # each finds what the sealer put in place of what it took away during the last
TILE_BYTES = tiles.WIDTH * HASH_BYTES


class BadWitness(InvariantBroken):
    """The witness is damaged, or contradicts what it should extend."""

    code = "trail.bad_witness"


@dataclass(slots=True)
class Witness:
    """The open folder; `tails` are the hashes of each level that fill no tile yet."""

    folder: Path
    size: int = 0
    tails: list[bytearray] = field(default_factory=list)

    @classmethod
    def open(cls, folder: Path, key: PublicKey) -> Self:
        """Return the witness in `folder`, maybe empty. Raises BadWitness, BadNote."""
        found = find_checkpoint(folder, key)
        if found is None:
            return cls(folder)
        made = cls(folder, found.size, list(_tails(folder, found.size)))
        if made.root != found.root:
            raise BadWitness(f"the tiles in {folder} do not have the root of its checkpoint")
        return made

    @property
    def root(self) -> bytes:
        """Return the root of the tree that the tails end."""
        return tiles.Roots(self._stored).of((0, self.size))

    def extend(self, leaves: bytes, note: str, signed: Checkpoint) -> None:
        """
        Take in the leaf hashes that follow, and the checkpoint that signs them.

        Raises BadWitness, with the folder as it was, if together they do not have its root.
        """
        tails = [bytearray(tail) for tail in self.tails]
        grown = Witness(self.folder, self.size + len(leaves) // HASH_BYTES, tails)
        full = list(grown._take(0, leaves))
        if grown.size != signed.size or grown.root != signed.root:
            raise BadWitness(
                f"the {signed.size} leaves in the database do not have the root that was signed: "
                "they were changed after sealing; run `tradesense trail verify`"
            )
        self._write(grown, full, note)
        self.size, self.tails = grown.size, grown.tails

    def _take(self, level: int, hashes: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Add `hashes` to a level and yield (level, index, tile) for each tile that filled."""
        if level == len(self.tails):
            self.tails.append(bytearray())
        tail = self.tails[level]
        tail += hashes
        count = len(tail) // TILE_BYTES
        first = (self.size >> (tiles.HEIGHT * (level + 1))) - count
        above = bytearray()
        for number in range(count):
            tile = bytes(tail[number * TILE_BYTES : (number + 1) * TILE_BYTES])
            above += tiles.fold_tile(tile)
            yield level, first + number, tile
        del tail[: count * TILE_BYTES]
        if above:
            yield from self._take(level + 1, bytes(above))

    def _stored(self, level: int, index: int) -> bytes:
        at = index % tiles.WIDTH * HASH_BYTES  # no tail reaches beyond one tile
        return bytes(self.tails[level][at : at + HASH_BYTES])

    def _write(self, grown: "Witness", full: list[tuple[int, int, bytes]], note: str) -> None:
        old, new = dict(self.partial_tiles()), dict(grown.partial_tiles())
        for level, index, tile in full:
            _write(self.folder / tiles.tile_name(level, index), tile)
        for path in new.keys() - old.keys():
            _write(path, new[path])
        _write(self.folder / CHECKPOINT, note.encode())
        for path in old.keys() - new.keys():
            path.unlink(missing_ok=True)

    def partial_tiles(self) -> Iterator[tuple[Path, bytes]]:
        """Yield the files of the tiles that are not full yet, with what belongs in them."""
        for level, tail in enumerate(self.tails):
            if tail:
                index = self.size >> (tiles.HEIGHT * (level + 1))
                width = len(tail) // HASH_BYTES
                yield self.folder / tiles.tile_name(level, index, width), bytes(tail)


def find_checkpoint(folder: Path, key: PublicKey) -> Checkpoint | None:
    """Return what `folder` witnessed, or None. Raises BadNote if it is not signed by `key`."""
    try:
        note = (folder / CHECKPOINT).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return key.open(note)


def read_tile(folder: Path, level: int, index: int, width: int) -> bytes:
    """
    Return the first `width` hashes of a tile. Raises BadWitness if they are not there.

    The sealer may be at work: where the partial tile has just gone, a wider one has come.
    """
    for path in chain.from_iterable(
        _candidates(folder, level, index, width) for _ in range(READ_ATTEMPTS)
    ):
        try:
            hashes = path.read_bytes()
        except FileNotFoundError:
            continue
        if len(hashes) >= width * HASH_BYTES:
            return hashes[: width * HASH_BYTES]
    raise BadWitness(f"{folder / tiles.tile_name(level, index, width)} is missing or too short")


def read_leaves(folder: Path, size: int) -> Iterator[bytes]:
    """Yield the leaf hashes of the first `size` entries, a tile at a time."""
    for index in range(0, size, tiles.WIDTH):
        yield read_tile(folder, 0, index // tiles.WIDTH, min(tiles.WIDTH, size - index))


def _candidates(folder: Path, level: int, index: int, width: int) -> Iterator[Path]:
    yield folder / tiles.tile_name(level, index, width)
    yield folder / tiles.tile_name(level, index)
    partial = (folder / tiles.tile_name(level, index)).with_suffix(".p")
    if partial.is_dir():
        yield from partial.iterdir()


def _tails(folder: Path, size: int) -> Iterator[bytearray]:
    for level, count in tiles.levels(size):
        width = count % tiles.WIDTH
        index = count // tiles.WIDTH
        yield bytearray(read_tile(folder, level, index, width) if width else b"")


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data)
