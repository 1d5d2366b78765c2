"""Ids that follow from what they name, so that a step run again names the same thing."""

from uuid import UUID, uuid5

# The root of every derived id. Chosen once, at random; changing it renames everything.
ROOT = UUID("5b0b7a3e-2f5c-4f0e-9c1e-6d1d0c9e7a51")


def derive(*names: UUID | str | int) -> UUID:
    """Return the id that follows from `names`; equal names, equal id (RFC 9562, version 5)."""
    if not names:
        raise TypeError("an id follows from at least one name")
    made = ROOT
    for name in names:
        made = uuid5(made, str(name))
    return made
