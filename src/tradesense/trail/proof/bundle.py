"""
One entry with its proof, in one file that a stranger can check (c2sp.org/tlog-proof).

The entry's canonical bytes travel as the format's `extra` data; nothing vouches for them but
the hash that the proof leads to the signed root.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from dataclasses import dataclass

from tradesense.trail.proof import tree
from tradesense.trail.proof.note import BadNote, Checkpoint, PublicKey

HEADER = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """`canonical` is leaf `index` of the tree whose root `note` signs; `path` leads there."""

    canonical: bytes
    index: int
    path: tuple[bytes, ...]
    note: str

    def written(self) -> str:
        """Return the file's text."""
        hashes = "".join(f"{_base64(part)}\n" for part in self.path)
        extra = _base64(self.canonical)
        return f"{HEADER}\nextra {extra}\nindex {self.index}\n{hashes}\n{self.note}"

    @classmethod
    def parse(cls, text: str) -> "Proof":
        """Return the proof that `text` holds. Raises BadNote, naming the part that is wrong."""
        top, _, note = text.partition("\n\n")
        lines = top.split("\n")
        if lines[0] != HEADER:
            raise BadNote(f"not a proof: its first line reads {HEADER}")
        if len(lines) < 3 or not lines[1].startswith("extra "):  # noqa: PLR2004 -- header, entry, index
            raise BadNote("not a proof of ours: its second line carries the entry")
        index = _INDEX.fullmatch(lines[2])
        if not index:
            raise BadNote("not a proof: its third line reads index N")
        return cls(
            canonical=_decode(lines[1].removeprefix("extra "), "entry"),
            index=int(index[1]),
            path=tuple(_decode(line, "path") for line in lines[3:]),
            note=note,
        )

    def leads_to(self, point: Checkpoint) -> bool:
        """Tell whether the path leads from the entry to the root of `point`."""
        leaf = tree.leaf_hash(self.canonical)
        return tree.root_by_inclusion(leaf, self.index, point.size, self.path) == point.root

    def check(self, key: PublicKey) -> Checkpoint:
        """Return the signed checkpoint that contains the entry. Raises BadNote if none does."""
        signed = key.open(self.note)
        if not self.leads_to(signed):
            raise BadNote(
                f"the path does not lead from this entry at position {self.index + 1} to the root "
                f"signed for {signed.size} entries: entry, position or path was changed"
            )
        return signed


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")


def _decode(text: str, part: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (BadBase64, ValueError):
        raise BadNote(f"not a proof: its {part} is not base64") from None
