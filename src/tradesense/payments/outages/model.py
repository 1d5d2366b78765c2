"""The nouns of an outage: what was seen of a provider, and what we make of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tradesense.kernel.events import Event
from tradesense.kernel.ids import derive


class Condition(StrEnum):
    WELL = "well"
    CONTAINED = "contained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """
    What all processes together saw of a provider.

    `calls` and `failures` are of the window in which a provider is judged; `recent_*` of the time
    in which a contained one must have been well. `open_nodes` of `nodes` have its breaker open.
    `standing_s` is for how long, in database time, we have stood to it as we do.
    """

    calls: int
    failures: int
    recent_calls: int
    recent_failures: int
    nodes: int
    open_nodes: int
    standing_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """
    How we stand to a provider.

    `number` counts its outages, `streak` those that came soon after the one before: for each of
    these it must be well for twice as long.
    """

    provider: str
    condition: Condition
    number: int
    streak: int
    why: str
    since: datetime

    @property
    def outage_id(self) -> UUID:
        """The present or last outage."""
        return derive("outage", self.provider, self.number)


@dataclass(frozen=True, slots=True)
class ProviderContained(Event):
    """From now on no new payment is asked of this provider."""

    outage_id: UUID
    provider: str
    why: str


@dataclass(frozen=True, slots=True)
class ProviderRestored(Event):
    """It has answered well for a while: it is asked again, and held payments with it."""

    outage_id: UUID
    provider: str
