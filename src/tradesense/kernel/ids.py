"""Ids that follow from what they name, so that a step run again names the same thing."""

from hashlib import sha1
from uuid import UUID

# The root of every derived id. Chosen once, at random; changing it renames everything.
ROOT = UUID("5b0b7a3e-2f5c-4f0e-9c1e-6d1d0c9e7a51")


def derive(*names: UUID | str | int) -> UUID:
    """Return the id that follows from `names`; equal names, equal id (RFC 9562, version 5)."""
    if not names:
        raise TypeError("an id follows from at least one name")
    made = ROOT.bytes
    for name in names:
        # As `uuid.uuid5` does, without making an object of every id on the way.
        digest = sha1(made + str(name).encode(), usedforsecurity=False).digest()
        made = b"%b%c%b%c%b" % (
            digest[:6], digest[6] & 0x0F | 0x50, digest[7:8], digest[8] & 0x3F | 0x80, digest[9:16],
        )  # fmt: skip
    return UUID(bytes=made)
