"""Every entry of the bundle under one signed root."""

from dataclasses import dataclass

from tradesense_verify.findings import Finding, Wrong
from tradesense_verify.log.entries import Entry, canonical, parse
from tradesense_verify.log.merkle import leaf_hash, root_from_path
from tradesense_verify.log.note import Checkpoint

PART = "proofs.jsonl"


@dataclass(frozen=True, slots=True)
class Proof:
    """Where an entry stands in the log (1 = first), and the hashes that lead to the root."""

    position: int
    path: list[bytes]


def read_proofs(text: bytes) -> dict[tuple[str, int], Proof]:
    """Return the proofs by (stream, version). Raises Wrong for a line that is none."""
    proofs: dict[tuple[str, int], Proof] = {}
    for number, line in enumerate(text.split(b"\n")[:-1], start=1):
        try:
            told = parse(line)
            path = [bytes.fromhex(each) for each in told["path"]]
            key, position = (str(told["stream"]), int(told["version"])), int(told["position"])
        except (ValueError, KeyError, TypeError, OverflowError):
            raise Wrong(PART, f"line {number} is no proof") from None
        if canonical(told) != line or [each.hex() for each in path] != told["path"]:
            raise Wrong(PART, f"line {number} is not in canonical form")
        if key in proofs:
            raise Wrong(PART, f"line {number} proves {key[0]} version {key[1]} again")
        proofs[key] = Proof(position, path)
    return proofs


def check_proofs(
    part: str,
    entries: list[Entry],
    proofs: dict[tuple[str, int], Proof],
    checkpoint: Checkpoint,
) -> list[Finding]:
    """Return what is wrong: the first entry of `part` that the log does not hold like this."""
    before = 0
    for entry in entries:
        proof = proofs.get((entry.stream, entry.version))
        if proof is None:
            return [Finding(part, f"{entry} has no proof in {PART}")]
        leaf = leaf_hash(entry.text)
        root = root_from_path(leaf, proof.position - 1, checkpoint.size, proof.path)
        if root != checkpoint.root:
            text = f"{entry} is not what the log holds at position {proof.position}"
            return [Finding(part, f"{text} (entry, or its line in {PART}, was changed)")]
        if proof.position <= before and entry.stream == entries[0].stream:
            return [Finding(part, f"{entry} stands before its predecessor in the log")]
        before = proof.position
    return []
