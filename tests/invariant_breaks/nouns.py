"""The nouns of planted damage: a row, a small world of rows that keeps every promise, a break."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Row:
    """A row of `table`; the columns that are not named here are filled with whatever fits."""

    table: str
    columns: dict[str, Any]


@dataclass(frozen=True)
class Break:
    """
    The promise that `damage` breaks in a sound `world`; `also` are others that it cannot spare.

    Promises are named by how they begin, as far as it takes to tell them apart.
    """

    promise: str
    world: tuple[Row, ...]
    damage: str | Row
    also: tuple[str, ...] = ()


def a(table: str, **columns: Any) -> Row:
    """Return a row of `table`."""
    return Row(table, columns)


def an_id(number: int) -> UUID:
    """Return an id that is easy to tell from the others of its world."""
    return UUID(int=number)


def told(stream: str, kind: str, *, version: int = 1, by: str = "system:test", **data: str) -> Row:
    """Return an entry of the trail, as far as promises read it."""
    canonical = json.dumps({"by": by, "data": data, "kind": kind}).encode()
    return a("trail_entries", stream=stream, version=version, kind=kind, canonical=canonical)
