"""
Checkpoints: what the trail says about itself, signed.

C2SP signed notes (c2sp.org/signed-note) with Ed25519, holding C2SP checkpoints
(c2sp.org/tlog-checkpoint), so that existing witnesses and log tools read them. Cryptography is
imported where it is used: most processes carry notes about and never check one.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from tradesense.kernel.errors import Invalid
from tradesense.trail.proof.tree import HASH_BYTES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ED25519 = b"\x01"  # the signature type of signed notes
KEY_BYTES = 32
_NAME = re.compile(r"[^\s+]+")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_NOTE_MAX = 64 * 1024  # a checkpoint with every witness's cosignature is a few kilobytes


class BadNote(Invalid):
    """A checkpoint, key or proof that is not what it claims to be; the message says why."""

    code = "trail.bad_note"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The tree of the first `size` leaves of the log `origin` has this `root`."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """Return the body that is signed."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Return the checkpoint of a note's `text`. Raises BadNote."""
        lines = text.split("\n")
        if len(lines) < 4 or not all(lines[:3]) or not _SIZE.fullmatch(lines[1]):  # noqa: PLR2004 -- origin, size, root, and the end of the last line
            raise BadNote("not a checkpoint: it has origin, size and root, one to a line")
        root = _decode(lines[2])
        if len(root) != HASH_BYTES:
            raise BadNote("not a checkpoint: its root is 32 bytes, in base64")
        return cls(lines[0], int(lines[1]), root)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Who may sign: a name and an Ed25519 key, written `name+hash+key`."""

    name: str
    key: bytes

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_base64(ED25519 + self.key)}"

    @property
    def key_id(self) -> bytes:
        """Return the four bytes that lead a signature to its key."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.key).digest()[:4]

    @classmethod
    def parse(cls, vkey: str) -> "PublicKey":
        """Return the key that `vkey` names. Raises BadNote, also if its hash does not match."""
        name, _, rest = vkey.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        raw = _decode(encoded)
        if not _NAME.fullmatch(name) or len(raw) != 1 + KEY_BYTES or raw[:1] != ED25519:
            raise BadNote("not a public key: it reads name+hash+key, for Ed25519")
        made = cls(name, raw[1:])
        if made.key_id.hex() != key_id:
            raise BadNote("not a public key: its hash does not match; copy it again in full")
        return made

    def open(self, note: str) -> Checkpoint:
        """Return the checkpoint in `note`, signed by this key. Raises BadNote."""
        if len(note) > _NOTE_MAX:
            raise BadNote("not a signed checkpoint: it is far too long")
        text, blank, lines = note.rpartition("\n\n")
        if not blank or not lines.endswith("\n"):
            raise BadNote("not a signed checkpoint: text, an empty line, signatures")
        text += "\n"
        for line in lines.splitlines():
            if (signature := self._signature(line)) is not None:
                self._require_signed(signature, text)
                return Checkpoint.parse(text)
        raise BadNote(f"not signed by {self.name}+{self.key_id.hex()}")

    def _signature(self, line: str) -> bytes | None:
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "—" or parts[1] != self.name:  # noqa: PLR2004 -- dash, name, signature
            return None
        raw = _decode(parts[2])
        return raw[4:] if raw[:4] == self.key_id else None

    def _require_signed(self, signature: bytes, text: str) -> None:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 -- see above
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 -- ditto
            Ed25519PublicKey,
        )

        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, text.encode())
        except InvalidSignature:
            raise BadNote(f"the signature of {self.name} is wrong: forged or damaged") from None


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """The secret half, written `PRIVATE+KEY+name+hash+key`. Never printed."""

    name: str
    seed: bytes

    def __repr__(self) -> str:
        return f"SigningKey({self.name!r})"

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.name, _private(self.seed).public_key().public_bytes_raw())

    def sign(self, checkpoint: Checkpoint) -> str:
        """Return `checkpoint` as a signed note."""
        text = checkpoint.text
        signature = _private(self.seed).sign(text.encode())
        return f"{text}\n— {self.name} {_base64(self.public.key_id + signature)}\n"

    def written(self) -> str:
        """Return the secret as text, for its file and nothing else."""
        return f"PRIVATE+KEY+{self.name}+{self.public.key_id.hex()}+{_base64(ED25519 + self.seed)}"

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """Return the key that `written` wrote. Raises BadNote; never repeats the text."""
        parts = text.strip().split("+", 4)
        if parts[:2] != ["PRIVATE", "KEY"] or len(parts) != 5:  # noqa: PLR2004 -- two words, name, hash, key
            raise BadNote("not a signing key: it reads PRIVATE+KEY+name+hash+key")
        raw = _decode(parts[4])
        if len(raw) != 1 + KEY_BYTES or raw[:1] != ED25519:
            raise BadNote("not a signing key for Ed25519")
        made = cls(parts[2], raw[1:])
        if made.public.key_id.hex() != parts[3]:
            raise BadNote("not a signing key: its hash does not match")
        return made


def _private(seed: bytes) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 -- see above
        Ed25519PrivateKey,
    )

    return Ed25519PrivateKey.from_private_bytes(seed)


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")


def _decode(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (BadBase64, ValueError):
        raise BadNote("not base64 where base64 belongs; copy it again in full") from None
