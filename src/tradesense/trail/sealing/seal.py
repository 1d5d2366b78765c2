"""
One step of sealing: everything that became visible since the last one, in one commit.

Must run in a REPEATABLE READ transaction: what it reads and the snapshot it stores are then
the same moment. Waiting for the oldest open transaction instead would stall behind any long
one and invert entries within a stream; following `id` alone would lose entries. Both were
tried. Killed at any instruction, it has either committed all of a step or nothing of it.

    idle --new, few--> sealed, snapshot moves on                        -> idle
    idle --new, many-> backlog: target snapshot and id range are fixed  -> slice by slice -> idle
"""

from dataclasses import dataclass, replace

from tradesense.infra.db import Transaction
from tradesense.trail.proof import tiles
from tradesense.trail.proof.note import Checkpoint, SigningKey
from tradesense.trail.proof.tree import Frontier, Node
from tradesense.trail.sealing import store
from tradesense.trail.sealing.store import Progress

SLICE = 10_000  # entries per commit: some 150 ms, so that a backlog never delays others long


@dataclass(frozen=True, slots=True)
class Step:
    """What a step did: how many entries it sealed, where it stands, what it signed."""

    count: int
    progress: Progress
    note: str | None

    @property
    def is_in_backlog(self) -> bool:
        """Tell whether more slices of the same backlog follow."""
        return self.progress.target is not None


async def seal(tx: Transaction, *, key: SigningKey, origin: str, slice_max: int = SLICE) -> Step:
    """Seal what is new, at most `slice_max` entries of it, and sign the tree. Needs a begun log."""
    progress, now = await store.lock_progress(tx)
    if progress.target is None:
        new = await store.list_new(tx, progress, limit=slice_max + 1)
        if len(new) <= slice_max:
            leaves = await store.add_leaves(tx, progress, new) if new else []
            after = replace(progress, snapshot=now)
            return await _close(tx, leaves, after, key=key, origin=origin)
        first_id, last_id = await store.span_new(tx, progress)
        progress = replace(progress, target=now, after_id=first_id - 1, until_id=last_id)
    return await _seal_slice(tx, progress, key=key, origin=origin, slice_max=slice_max)


async def _seal_slice(
    tx: Transaction, progress: Progress, *, key: SigningKey, origin: str, slice_max: int
) -> Step:
    until_id = min(progress.after_id + slice_max, progress.until_id)
    leaves = await store.add_slice(tx, progress, until_id=until_id)
    if until_id < progress.until_id or progress.target is None:
        after = replace(progress, after_id=until_id)
    else:
        after = Progress(epoch=progress.epoch, frontier=progress.frontier, snapshot=progress.target)
    return await _close(tx, leaves, after, key=key, origin=origin)


async def _close(
    tx: Transaction, leaves: list[bytes], progress: Progress, *, key: SigningKey, origin: str
) -> Step:
    """Grow the tree by `leaves`, sign it, remember how far we came."""
    note = None
    if leaves:
        frontier, nodes = _grow(progress.frontier, leaves)
        progress = replace(progress, frontier=frontier)
        if nodes:
            await store.add_nodes(tx, nodes)
        note = key.sign(Checkpoint(origin, frontier.size, frontier.root))
    await store.save_progress(tx, progress, note=note)
    return Step(len(leaves), progress, note)


def _grow(frontier: Frontier, leaves: list[bytes]) -> tuple[Frontier, list[tuple[Node, bytes]]]:
    """Return the grown tree, and of what became perfect the nodes that tiles store."""
    stored: list[tuple[Node, bytes]] = []

    def note(node: Node, made: bytes) -> None:
        if node[0] % tiles.HEIGHT == 0:
            stored.append((node, made))

    return frontier.grow(leaves, note), stored
