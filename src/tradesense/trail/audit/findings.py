"""What an audit may find, in plain words."""

from dataclasses import asdict, dataclass

from tradesense.trail.audit.reading import Row
from tradesense.trail.proof import tree
from tradesense.trail.proof.tree import HASH_BYTES


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something is wrong at `position`, or from it on; 0 where no position can be named."""

    position: int
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcome of an audit; it found nothing wrong if `findings` is empty."""

    origin: str
    size: int
    root: str
    checkpoints: int
    witnessed: int
    waiting: int
    seconds: float
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return not self.findings

    @property
    def entries_per_s(self) -> float:
        return self.size / self.seconds

    def facts(self) -> dict[str, object]:
        """Return the report for a machine."""
        return {
            "ok": self.ok,
            "origin": self.origin,
            "size": self.size,
            "root": self.root,
            "checkpoints": self.checkpoints,
            "witnessed": self.witnessed,
            "waiting": self.waiting,
            "seconds": round(self.seconds, 3),
            "entries_per_s": round(self.entries_per_s),
            "first_wrong_position": self.findings[0].position if self.findings else None,
            "findings": [asdict(finding) for finding in self.findings],
        }


def explain(row: Row, known: bytes, moved: dict[bytes, int]) -> str:
    """
    Say what is wrong with a position that did not pass.

    `known` is the leaf hash it should have, from the witness if that knows it, else the leaf;
    `moved` says at which other position a hash belongs.
    """
    if row.entry_id is None or row.hash is None:
        return "its leaf is gone: the position was deleted"
    if row.canonical is None:
        return f"its entry {row.entry_id} is gone: it was deleted"
    named = f"entry {row.entry_id} ({row.stream} version {row.version}, {row.kind})"
    computed = tree.leaf_hash(row.canonical)
    if computed == known:
        return (
            f"entry {row.entry_id} calls itself {row.stream} version {row.version}, {row.kind} "
            "in its columns, but not in its sealed text: the columns were changed"
        )
    if computed in moved:
        return f"{named} was sealed at position {moved[computed]}, not here: the order was changed"
    if computed == row.hash:
        return f"{named} is not what the witness has seen here: it was rewritten with its leaf"
    return f"{named} is not what was sealed here: its contents were changed"


def differing(computed: bytes, known: bytes, *, after: int) -> list[int]:
    """Return the positions beyond `after` at which two runs of leaf hashes differ."""
    if computed == known:
        return []
    return [
        after + 1 + n
        for n in range(min(len(computed), len(known)) // HASH_BYTES)
        if computed[n * HASH_BYTES : (n + 1) * HASH_BYTES]
        != known[n * HASH_BYTES : (n + 1) * HASH_BYTES]
    ]
