"""The nouns of identity, and the facts it publishes."""

from dataclasses import dataclass
from uuid import UUID

from tradesense.kernel.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person with a login. The address never leaves identity: facts carry the id only."""

    user_id: UUID
    email: str
    password_hash: str
    is_operator: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whoever is asking, already proven to be so."""

    user_id: UUID
    challenge_id: UUID | None = None
    """The one challenge an API key may act for; None for a person who signed in."""
    is_operator: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedKey:
    """An API key as its owner sees it, once."""

    key_id: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An API key as we keep it: the secret follows from `key_id` and the instance's secret."""

    key_id: str
    user_id: UUID
    challenge_id: UUID
    is_revoked: bool


@dataclass(frozen=True, slots=True)
class UserSignedUp(Event):
    user_id: UUID


@dataclass(frozen=True, slots=True)
class ApiKeyIssued(Event):
    user_id: UUID
    key_id: str
    challenge_id: UUID


@dataclass(frozen=True, slots=True)
class ApiKeyRevoked(Event):
    user_id: UUID
    key_id: str


@dataclass(frozen=True, slots=True)
class OperatorAppointed(Event):
    user_id: UUID
