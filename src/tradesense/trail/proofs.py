"""Proofs that entries are in the sealed trail, made from what the sealer stored."""

from collections.abc import Iterable, Sequence

from tradesense.infra.db import Transaction
from tradesense.kernel.errors import InvariantBroken, NotFound
from tradesense.trail import store
from tradesense.trail.proof import tiles, tree
from tradesense.trail.proof.bundle import Proof
from tradesense.trail.proof.note import Checkpoint
from tradesense.trail.proof.tree import HASH_BYTES, Span

Tile = tuple[int, int]  # (level, index)


class NotSealed(NotFound):
    """Nothing is sealed at that position, or nothing at all."""

    code = "trail.not_sealed"


class Unprovable(InvariantBroken):
    """What is stored does not lead to the signed root: the trail was changed after sealing."""

    code = "trail.unprovable"


async def get_checkpoint(tx: Transaction) -> str:
    """Return the newest checkpoint, a signed note. Raises NotSealed."""
    note = await store.find_newest_note(tx)
    if note is None:
        raise NotSealed("nothing is sealed yet; is the sealer running?")
    return note


async def prove(tx: Transaction, positions: Sequence[int]) -> list[Proof]:
    """
    Return the proof of each position under the newest checkpoint, in the order asked for.

    Each is checked against the checkpoint's root before it is returned; whether the checkpoint
    is signed by the right key is for its reader to check. Raises NotSealed, Unprovable.
    """
    note = await get_checkpoint(tx)
    point = Checkpoint.parse(note.rpartition("\n\n")[0] + "\n")
    for position in positions:
        if not 1 <= position <= point.size:
            raise NotSealed(f"position {position} is not sealed; the trail has {point.size}")
    entries = await store.list_positions(tx, positions)
    paths = {n: tree.inclusion_path(n - 1, point.size) for n in positions}
    stored = await _read_tiles(tx, {tile for path in paths.values() for tile in _tiles(path)})

    def read(level: int, index: int) -> bytes:
        at = index % tiles.WIDTH * HASH_BYTES
        return stored.get((level, index // tiles.WIDTH), b"")[at : at + HASH_BYTES]

    if len(entries) != len(set(positions)):
        raise Unprovable("a sealed entry is gone; run `trail verify`")
    made, roots = [], tiles.Roots(read)
    for position in positions:
        try:
            path = tuple(roots.of(span) for span in paths[position])
        except ValueError as error:
            raise Unprovable(f"the tree is incomplete: {error}; run `trail verify`") from error
        proof = Proof(canonical=entries[position], index=position - 1, path=path, note=note)
        if not proof.leads_to(point):
            raise Unprovable(
                f"position {position} does not lead to the signed root; run `trail verify`"
            )
        made.append(proof)
    return made


def _tiles(path: Iterable[Span]) -> Iterable[Tile]:
    for span in path:
        for node in tree.split(span):
            level, first, _ = tiles.stored_below(node)
            yield level, first // tiles.WIDTH


async def _read_tiles(tx: Transaction, wanted: set[Tile]) -> dict[Tile, bytes]:
    """Return the stored hashes of each tile, as many as there are."""
    found: dict[Tile, bytes] = {}
    for level in {level for level, _ in wanted}:
        indices = sorted(index for at, index in wanted if at == level)
        read = (
            store.read_leaf_tiles(tx, indices)
            if level == 0
            else store.read_node_tiles(tx, indices, height=level * tiles.HEIGHT)
        )
        found |= {(level, index): hashes for index, hashes in (await read).items()}
    return found
