"""What an operator asks of the webhook inbox, and what it shows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from tradesense.kernel.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """
    Which webhooks are meant: those that meet everything that is said.

    `kinds` are the provider's event types, each as it is or as a prefix with a star
    (`payment_intent.*`); the moments of receipt are [since, until).
    """

    provider: str | None = None
    event_ids: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    is_waiting: bool | None = None
    """Only those without an outcome yet, or only those with one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A webhook in the inbox: what came, and what has come of it so far."""

    provider: str
    event_id: str
    type: str
    object_ref: str | None
    received_at: datetime
    body_bytes: int
    tries: int
    replays: int
    next_try_at: datetime | None
    """When it will be looked into again; None where it has its outcome."""
    outcome: str | None
    done_at: datetime | None

    def facts(self) -> dict[str, object]:
        """Return it for JSON."""
        return {name: _plain(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What the trail says of one attempt to deliver a webhook, or to look into it."""

    kind: str
    at: datetime
    by: str
    data: Mapping[str, object]

    def facts(self) -> dict[str, object]:
        """Return it for JSON."""
        return {"kind": self.kind, "at": _plain(self.at), "by": self.by, **self.data}


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


@dataclass(frozen=True, slots=True)
class WebhookReplayed(Event):
    """An operator had it looked into again, for the `replay`th time."""

    provider: str
    event_id: str
    replay: int
    why: str
