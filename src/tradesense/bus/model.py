"""The nouns of the bus: a stream that waits, and a letter that died."""

from dataclasses import dataclass
from datetime import datetime

from tradesense.kernel.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """
    A stream that one consumer cannot go on with: `version` is the entry it stands before.

    `retry_in_s` is database time; None means that the entry is dead and waits for a person.
    """

    stream: str
    entry_id: int
    version: int
    kind: str
    tries: int
    retry_in_s: float | None
    trouble: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """An entry that a consumer could not apply in any of its tries."""

    consumer: str
    entry_id: int
    stream: str
    version: int
    kind: str
    trouble: str
    died_at: datetime
    replayed_at: datetime | None
    applied_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDied(Event):
    """A consumer gave an entry up; its stream waits, for this consumer only."""

    consumer: str
    entry_stream: str
    entry_version: int
    entry_kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryReplayed(Event):
    """Somebody asked for a dead entry to be delivered again, under its id; `why`, if they said."""

    consumer: str
    entry_stream: str
    entry_version: int
    entry_kind: str
    why: str | None = None
