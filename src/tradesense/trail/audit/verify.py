"""
The whole trail against what was signed and what was witnessed.

    every entry -> its hash -> chunk roots -> the root at every checkpoint = what the key signed
                      |                              and at the witness's = what it has seen
                      `- = its leaf, = the leaf the witness knows: so the first wrong is named

A superuser can rewrite entries, leaves, nodes and unsigned tables alike, but not sign: the
roots differ. With the witness's leaf hashes the position is exact; without them it lies between
the last checkpoint that holds and the first that does not.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tradesense.trail.audit import reading
from tradesense.trail.audit.chunk import HEIGHT, SIZE, Job, Outcome
from tradesense.trail.audit.crew import audit_all
from tradesense.trail.audit.findings import Finding, Report
from tradesense.trail.audit.reading import Head
from tradesense.trail.proof import tiles, tree
from tradesense.trail.proof.note import BadNote, Checkpoint, PublicKey
from tradesense.trail.proof.tree import Frontier
from tradesense.trail.sealing import witness
from tradesense.trail.sealing.witness import BadWitness

LISTED_MAX = 20

Progress = Callable[[int, int], None]  # (entries done, entries in all)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the auditor brings along: a pinned key, and what was seen outside the database."""

    key: PublicKey
    witness: Path | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    walks_streams: bool = False  # also whether each entry follows the one before in its stream


def verify(url: str, known: Known, progress: Progress | None = None) -> Report:
    """
    Audit the trail in the database at `url` and return what was found.

    Only reads. Raises Unavailable if the database cannot be read.
    """
    began = time.monotonic()
    seen, found = _ask_witness(known)
    with reading.connect(url) as conn:
        head = reading.get_head(conn)
    points = [*known.checkpoints, *([seen] if seen else [])]
    walk = _Walk(known.key, head, [(point.size, point.root.hex()) for point in points])
    walk.found += found
    last = min(head.last_position, walk.reach)
    with ThreadPoolExecutor(1) as beside:
        counting = beside.submit(_count, url)
        for outcome in audit_all(url, known.key, list(_jobs(last, known, seen))):
            walk.take(outcome)
            if progress:
                progress(outcome.until, last)
        counts = counting.result()
    walk.compare_sizes()
    with reading.connect(url) as conn:
        if walk.found or not counts.add_up:
            walk.found += _find_hidden(conn)
        if known.walks_streams:
            walk.found += _check_links(conn)
        if not walk.found:
            walk.found += [*walk.stale, *_check_nodes(conn, walk.chunk_roots)]
    if walk.found and seen and known.witness:
        walk.found += _check_witness(known.witness, seen)
    return Report(
        origin=walk.newest.origin if walk.newest else "",
        size=last,
        root=walk.root,
        checkpoints=head.checkpoints,
        witnessed=seen.size if seen else 0,
        waiting=counts.waiting,
        seconds=time.monotonic() - began,
        findings=tuple(sorted(set(walk.found))),
    )


def _ask_witness(known: Known) -> tuple[Checkpoint | None, list[Finding]]:
    if known.witness is None:
        return None, []
    try:
        return witness.find_checkpoint(known.witness, known.key), []
    except BadNote as error:
        return None, [Finding(0, f"the witness's checkpoint: {error}")]


def _count(url: str) -> reading.Counts:
    with reading.connect(url) as conn:
        return reading.get_counts(conn)


def _jobs(last: int, known: Known, seen: Checkpoint | None) -> Iterator[Job]:
    sizes = {point.size for point in known.checkpoints} | ({seen.size} if seen else set())
    for after in range(0, last, SIZE):
        until = min(after + SIZE, last)
        yield Job(
            after=after,
            until=until,
            extra_sizes=tuple(sorted(size for size in sizes if after < size <= until)),
            witness=str(known.witness) if seen else None,
            witnessed=seen.size if seen else 0,
        )


@dataclass(slots=True)
class _Walk:
    """The tree as it grows, chunk by chunk, next to what was signed."""

    key: PublicKey
    head: Head
    witnessed: Sequence[tuple[int, str]]
    newest: Checkpoint | None = None
    frontier: Frontier = field(default_factory=Frontier)
    root: str = ""
    held: int = 0  # the largest size whose signed root we have reached
    found: list[Finding] = field(default_factory=list)
    stale: list[Finding] = field(default_factory=list)  # stored roots that only proofs need
    chunk_roots: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.head.newest_note is None:
            if self.head.last_position:
                self.found.append(Finding(1, "nothing is signed: there is no checkpoint at all"))
            return
        try:
            self.newest = self.key.open(self.head.newest_note)
        except BadNote as error:
            self.found.append(Finding(0, f"the newest checkpoint: {error}"))

    @property
    def reach(self) -> int:
        """Return how far it makes sense to look, whatever positions the leaves claim."""
        signed = self.newest.size if self.newest else self.head.leaves
        return max(signed, *(size for size, _ in self.witnessed), 0)

    def take(self, outcome: Outcome) -> None:
        """Take in the next chunk."""
        self.found += [Finding(position, says) for position, says in outcome.findings]
        self.stale += [Finding(position, says) for position, says in outcome.stale]
        if (untold := outcome.wrong - len(outcome.findings)) > 0:
            self.found.append(
                Finding(outcome.until, f"{untold} more positions up to here do not pass either")
            )
        if not self.found:
            self._compare_roots(outcome)
        chunk_root = bytes.fromhex(outcome.tails[outcome.until])
        self.root = tree.fold([*self.frontier.peaks, chunk_root]).hex()
        if outcome.until - outcome.after == SIZE:
            self.frontier = self.frontier.grow([chunk_root])
            self.chunk_roots.append(chunk_root)

    def _compare_roots(self, outcome: Outcome) -> None:
        seen = [(size, root, "seen by the witness") for size, root in self.witnessed]
        here = [(size, root, "signed") for size, root in outcome.signed] + [
            point for point in seen if outcome.after < point[0] <= outcome.until
        ]
        for size, root, how in sorted(here):
            tail = bytes.fromhex(outcome.tails[size])
            if tree.fold([*self.frontier.peaks, tail]).hex() != root:
                first = self.held + 1
                where = (
                    "it is the wrong one"
                    if first == size
                    else (
                        f"the first wrong one is among {first} to {size}; "
                        "the database itself agrees with it, only a witness's leaves can tell more"
                    )
                )
                self.found.append(
                    Finding(first, f"the first {size} entries are not those {how}: {where}")
                )
                return
            self.held = size

    def compare_sizes(self) -> None:
        """Compare how much there is with how much was signed, and seen."""
        last = self.head.last_position
        signed = self.newest.size if self.newest else 0
        for size, _ in self.witnessed:
            if size > last:
                self.found.append(
                    Finding(last + 1, f"the trail was cut off here: {size} entries were witnessed")
                )
        if signed > last:
            self.found.append(
                Finding(last + 1, f"the trail was cut off here: {signed} entries were signed")
            )
        elif self.newest and signed < last:
            self.found.append(
                Finding(signed + 1, f"from here on nothing is signed, but {last} leaves stand")
            )


def _find_hidden(conn: reading.Reading) -> list[Finding]:
    return [
        Finding(
            position,
            f"entry {entry_id} ({stream} version {version}) was slipped in before this position: "
            "it claims to be older than the last seal, but was never sealed",
        )
        for entry_id, stream, version, position in reading.list_hidden(conn, LISTED_MAX)
    ]


def _check_links(conn: reading.Reading) -> list[Finding]:
    return [
        Finding(position, f"{stream} version {version} does not follow the one before")
        for position, stream, version in reading.list_unlinked(conn, LISTED_MAX)
    ]


def _check_nodes(conn: reading.Reading, roots: Sequence[bytes]) -> list[Finding]:
    """Check the stored roots of the great subtrees; the chunks have checked those of 256."""
    made = {(HEIGHT, n): root for n, root in enumerate(roots)}
    Frontier().grow(roots, lambda node, root: made.update({(HEIGHT + node[0], node[1]): root}))
    found = []
    for height in range(2 * tiles.HEIGHT, 64, tiles.HEIGHT):
        expected = {index: root for (at, index), root in made.items() if at == height}
        if not expected:
            break
        stored = reading.read_nodes(conn, height, first=0, count=len(expected))
        found += [
            Finding(
                (index << height) + 1,
                f"the stored root of the {1 << height} entries from here on is wrong",
            )
            for index, root in expected.items()
            if stored.get(index) != root
        ]
    return found


def _check_witness(folder: Path, seen: Checkpoint) -> list[Finding]:
    """Make sure, before somebody is accused, that the witness's leaves are those it signed for."""
    try:
        frontier = Frontier()
        for tile in witness.read_leaves(folder, seen.size):
            frontier = frontier.grow([tile[n : n + 32] for n in range(0, len(tile), 32)])
    except BadWitness as error:
        return [Finding(0, f"the witness itself is damaged: {error}")]
    if frontier.root == seen.root:
        return []
    return [Finding(0, f"the witness itself is damaged: the tiles in {folder} were changed")]
