"""The nouns of the trail: a fact on its way in, an entry on the record."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from tradesense.kernel.canonical import JsonValue
from tradesense.kernel.events import Event
from tradesense.kernel.instants import parse_rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """
    Something that has become true in this transaction.

    `stream` is `subject:id` ("account:…", "tape:EUR/USD"); `by` is who did it ("user:…",
    "system:engine", "operator:jane"); `cause` is what it follows from, if anything is. Nothing
    in it may depend on chance, on a crash or on how often something was tried. `written` is
    the canonical text of `event` where whoever records many of them has it already.
    """

    event: Event
    stream: str
    at: datetime
    by: str
    cause: str | None = None
    written: bytes | None = None

    @property
    def kind(self) -> str:
        """Return the event's name, which is its class's name."""
        return type(self.event).__name__


@dataclass(frozen=True, slots=True)
class Head:
    """Where a stream ends: the version of its last entry, and that entry's `rules.link`."""

    version: int
    link: str


FRESH = Head(0, "")  # where a stream ends that has not begun


@dataclass(frozen=True, slots=True)
class Line:
    """An entry on its way into `trail_entries`."""

    stream: str
    version: int
    kind: str
    canonical: bytes


@dataclass(frozen=True, slots=True)
class Extension:
    """Entries that go on with streams whose ends were known, and where these end then."""

    lines: Sequence[Line]
    heads: Mapping[str, Head]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """
    A fact on the record.

    `version` counts 1, 2, 3, … within its stream. `position` counts 1, 2, 3, … over the whole
    sealed trail and is None until the entry is sealed. `canonical` is what was sealed; `at`,
    `by`, `cause` and `data` are read from it.
    """

    position: int | None
    entry_id: int
    stream: str
    version: int
    kind: str
    at: datetime
    by: str
    cause: str | None
    data: dict[str, JsonValue]
    canonical: bytes

    @classmethod
    def read(cls, canonical: bytes, *, entry_id: int, position: int | None) -> Self:
        """Return the entry that `canonical` tells. Raises ValueError or KeyError for others."""
        told = json.loads(canonical)
        return cls(
            position=position,
            entry_id=entry_id,
            stream=told["stream"],
            version=told["version"],
            kind=told["kind"],
            at=parse_rfc3339(told["at"]),
            by=told["by"],
            cause=told["cause"],
            data=told["data"],
            canonical=canonical,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """
    Where the trail stands: how much is sealed and by when, how much waits for the next seal.

    `waiting` is counted no further than some thousand: more is a backlog whatever its length.
    """

    size: int
    checkpoints: int
    sealed_at: datetime | None
    waiting: int
