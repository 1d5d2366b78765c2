"""Signed notes and checkpoints as C2SP writes them (c2sp.org/signed-note, /tlog-checkpoint)."""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tradesense_verify.findings import Wrong

PART = "checkpoint.txt"
ED25519 = 1  # the signature type byte of the signed-note specification
PUBLIC_KEY_BYTES = 32
_DASH = "\N{EM DASH} "


@dataclass(frozen=True, slots=True)
class Key:
    """A verifier key: `name+hash+base64(type || public key)`."""

    name: str
    key_hash: bytes
    public: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The signed head of the log: that many entries, with that root."""

    origin: str
    size: int
    root: bytes


def read_key(text: str, part: str = "key") -> Key:
    """Return the key that a vkey line names. Raises Wrong if it is none."""
    pieces = text.strip().split("+", 2)
    try:
        name, key_hash, blob = pieces[0], bytes.fromhex(pieces[1]), _decode(pieces[2])
    except (IndexError, ValueError) as error:
        raise Wrong(part, f"not a vkey (name+hash+key): {error}") from None
    if len(blob) != 1 + PUBLIC_KEY_BYTES or blob[0] != ED25519:
        raise Wrong(part, "not an Ed25519 key")
    if hashlib.sha256(name.encode() + b"\n" + blob).digest()[:4].hex() != pieces[1]:
        raise Wrong(part, "its hash does not match its name and key")
    return Key(name, key_hash, blob[1:])


def read_checkpoint(note: bytes, key: Key) -> Checkpoint:
    """Return the checkpoint in `note`. Raises Wrong unless `key` has signed it."""
    try:
        text, _, signatures = note.decode().rpartition("\n\n")
    except UnicodeDecodeError:
        raise Wrong(PART, "is not text") from None
    text += "\n"
    for line in signatures.splitlines():
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        if line.startswith(_DASH) and name == key.name and _is_signed(text, encoded, key):
            return _parse(text)
    raise Wrong(PART, f"is not signed by {key.name} with the given key")


def _is_signed(text: str, encoded: str, key: Key) -> bool:
    try:
        blob = _decode(encoded)
    except ValueError:
        return False
    if blob[:4] != key.key_hash:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(blob[4:], text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _parse(text: str) -> Checkpoint:
    lines = text.splitlines()
    try:
        origin, size, root = lines[0], int(lines[1]), _decode(lines[2])
    except (IndexError, ValueError):
        raise Wrong(PART, "has not the lines origin, size, root") from None
    if size < 0 or len(root) != hashlib.sha256().digest_size:
        raise Wrong(PART, "states no possible size and root")
    return Checkpoint(origin, size, root)


def _decode(text: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    if base64.b64encode(decoded).decode() != text:
        raise ValueError("base64 with stray bits")
    return decoded
