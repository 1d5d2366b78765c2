"""The names under which providers keep our ids, and what their answers say under them. Pure."""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

T = TypeVar("T")

PAYMENT = "tradesense_payment"
PURCHASE = "tradesense_purchase"
REFUND = "tradesense_refund"


def read_id(shape: Mapping[str, Any], name: str) -> UUID | None:
    """Return our id that an object carries under `name`; None for somebody else's object."""
    metadata = shape.get("metadata")
    # Mollie keeps any JSON there, not an object only.
    text = metadata.get(name) if isinstance(metadata, Mapping) else None
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


def read_word(known: Mapping[str, T], word: object) -> T:
    """Return what a provider's word means to us. Raises ValueError for an unknown one."""
    try:
        return known[str(word)]
    except KeyError:
        raise ValueError(f"unknown status {word!r}") from None
