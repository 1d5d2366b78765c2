"""
One chunk of the trail, audited: its entries against its leaves, its checkpoints, the witness.

A chunk is 2^14 successive positions, so its root is one node of the tree; of a checkpoint in
the middle of a chunk it gives `tail`, the root over the chunk's leaves up to there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tradesense.trail.audit import reading
from tradesense.trail.audit.findings import Finding, differing, explain
from tradesense.trail.audit.reading import Reading, Row
from tradesense.trail.proof import tiles, tree
from tradesense.trail.proof.note import BadNote, PublicKey
from tradesense.trail.proof.tree import HASH_BYTES
from tradesense.trail.sealing import witness
from tradesense.trail.sealing.witness import BadWitness

HEIGHT = 14  # 16,384 entries: a third of a second apart, some 8 MB at a time
SIZE = 1 << HEIGHT
EXPLAINED_MAX = 20  # findings told one by one; the rest is counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to audit: positions after `after` up to `until`, and against what."""

    after: int
    until: int
    extra_sizes: tuple[int, ...]
    witness: str | None
    witnessed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    What was found; hashes are hexadecimal.

    `signed` are the (size, root) of valid checkpoints, `tails` what we computed at those sizes;
    `wrong` counts the positions that did not pass, of which `findings` explain the first;
    `stale` are stored roots that only proofs are made from.
    """

    after: int
    until: int
    signed: list[tuple[int, str]]
    tails: dict[int, str]
    findings: list[tuple[int, str]]
    stale: list[tuple[int, str]]
    wrong: int


def audit(conn: Reading, key: PublicKey, job: Job) -> Outcome:
    """Audit one chunk. Raises Unavailable."""
    leaves = reading.read_leaves(conn, after=job.after, until=job.until)
    computed = reading.hash_entries(conn, leaves.entry_ids)
    witnessed, found = _read_witness(job)
    wrong = sorted(
        {
            *differing(computed, leaves.hashes, after=job.after),
            *differing(computed, witnessed, after=job.after),
        }
    )
    levels = _levels(computed)
    signed, forged = _open_notes(conn, key, job)
    found += forged
    if wrong:
        found += _explain(conn, wrong, witnessed, after=job.after)
    stale = [] if wrong else _check_nodes(conn, levels[tiles.HEIGHT :], after=job.after)
    sizes = {job.until, *(size for size, _ in signed), *job.extra_sizes}
    return Outcome(
        after=job.after,
        until=job.until,
        signed=[(size, root.hex()) for size, root in signed],
        tails={size: _tail(levels, size - job.after).hex() for size in sizes},
        findings=[(finding.position, finding.says) for finding in found],
        stale=[(finding.position, finding.says) for finding in stale],
        wrong=len(wrong),
    )


def _read_witness(job: Job) -> tuple[bytes, list[Finding]]:
    """Return the leaf hashes that the witness knows of this chunk, as far as they are there."""
    hashes = bytearray()
    until = min(job.until, job.witnessed)
    for at in range(job.after, until, tiles.WIDTH) if job.witness else ():
        try:
            width = min(tiles.WIDTH, until - at)
            hashes += witness.read_tile(Path(job.witness or ""), 0, at // tiles.WIDTH, width)
        except BadWitness as error:
            return bytes(hashes), [Finding(0, f"the witness itself is damaged: {error}")]
    return bytes(hashes), []


def _levels(hashes: bytes) -> list[bytes]:
    """Return the hashes of every perfect subtree, by height."""
    levels = [hashes]
    while len(levels[-1]) > HASH_BYTES:
        levels.append(tree.next_level(levels[-1]))
    return levels


def _tail(levels: Sequence[bytes], size: int) -> bytes:
    """Return the root over the first `size` leaves of the chunk."""
    return tree.fold(
        levels[height][index * HASH_BYTES : (index + 1) * HASH_BYTES]
        for height, index in tree.split((0, size))
    )


def _open_notes(
    conn: Reading, key: PublicKey, job: Job
) -> tuple[list[tuple[int, bytes]], list[Finding]]:
    """Return the (size, root) of each checkpoint that `key` signed; of the others, findings."""
    signed, found = [], []
    for size, note in reading.list_notes(conn, after=job.after, until=job.until):
        try:
            point = key.open(note)
        except BadNote as error:
            found.append(Finding(size, f"the checkpoint over {size} entries: {error}"))
            continue
        if point.size == size:
            signed.append((size, point.root))
        else:
            found.append(Finding(size, f"the checkpoint over {size} entries is that of another"))
    return signed, found


def _explain(conn: Reading, wrong: Sequence[int], witnessed: bytes, *, after: int) -> list[Finding]:
    rows = reading.list_rows(conn, wrong[:EXPLAINED_MAX])
    known = {row.position: _known(row, witnessed, after=after) for row in rows}
    moved = {made: position for position, made in known.items()}
    return [Finding(row.position, explain(row, known[row.position], moved)) for row in rows]


def _known(row: Row, witnessed: bytes, *, after: int) -> bytes:
    at = (row.position - after - 1) * HASH_BYTES
    return witnessed[at : at + HASH_BYTES] or row.hash or reading.NO_HASH


def _check_nodes(conn: Reading, levels: Sequence[bytes], *, after: int) -> list[Finding]:
    """Check the stored roots of the chunk's 256-leaf subtrees, from which proofs are made."""
    made = levels[0] if levels else b""
    first, count = after >> tiles.HEIGHT, len(made) // HASH_BYTES
    stored = reading.read_nodes(conn, tiles.HEIGHT, first=first, count=count)
    return [
        Finding(
            ((first + n) << tiles.HEIGHT) + 1,
            "the stored root of the 256 entries from here on is wrong; proofs would not hold",
        )
        for n in range(count)
        if stored.get(first + n) != made[n * HASH_BYTES : (n + 1) * HASH_BYTES]
    ]
