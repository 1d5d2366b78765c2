"""The sealer's key files: `keys/trail.key` is secret (0600), `keys/trail.vkey` is to be told."""

from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tradesense.infra.files import write_whole
from tradesense.kernel.errors import Invalid, NotFound
from tradesense.trail.proof.note import PublicKey, SigningKey

SECRET = "trail.key"  # noqa: S105 -- the file's name, not what is in it
PUBLIC = "trail.vkey"


class NoKey(NotFound):
    """There is no key where one is needed; the message says which file, and what to do."""

    code = "trail.no_key"


class LooseKey(Invalid):
    """Others can read the secret key."""

    code = "trail.loose_key"


def create_key(folder: Path) -> SigningKey:
    """Make a new key in `folder`, which must not hold one, and return it."""
    seed = Ed25519PrivateKey.generate().private_bytes_raw()
    name = f"tradesense/{sha256(seed).hexdigest()[:12]}"
    made = SigningKey(name, seed)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The secret last: a crash in between leaves a public key that nothing was signed with.
    write_whole(folder / PUBLIC, f"{made.public}\n".encode("ascii"))
    write_whole(folder / SECRET, f"{made.written()}\n".encode("ascii"), mode=0o600)
    return made


def find_key(folder: Path) -> SigningKey | None:
    """Return the key in `folder`, or None. Raises LooseKey, BadNote."""
    path = folder / SECRET
    try:
        text = path.read_text(encoding="ascii")
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if mode & 0o077:
        raise LooseKey(f"others may read {path}; run chmod 600 on it, and ask who did")
    return SigningKey.parse(text)


def read_public(folder: Path) -> PublicKey:
    """Return the public key in `folder`. Raises NoKey, BadNote."""
    path = folder / PUBLIC
    try:
        return PublicKey.parse(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        raise NoKey(f"no public key {path}: the sealer makes it at its first start") from None
