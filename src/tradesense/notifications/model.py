"""The nouns of notifications: one message to one person, about one fact."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tradesense.kernel.canonical import JsonValue
from tradesense.kernel.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What `user_id` is told; `cause` is the fact it follows from, as "stream#version"."""

    message_id: UUID
    user_id: UUID
    topic: str
    data: Mapping[str, JsonValue]
    cause: str
    written_at: datetime


@dataclass(frozen=True, slots=True)
class MessageWritten(Event):
    message_id: UUID
    user_id: UUID
    topic: str
