"""What a route may decide for itself about its idempotency."""

from dataclasses import dataclass
from enum import Enum

from tradesense.infra.db.gate import PATIENCE_S


class StoreDown(Enum):
    """
    What a route does while the database, which holds effects and answers, is away: its patience.

    There is no third way: to go on without the store would be to act without knowing whether
    one has acted. An answer that Redis still knows is given either way.
    """

    WAIT = PATIENCE_S  # what the caller wants is worth waiting out a fail-over
    REFUSE = 1.0  # a caller who can do without is told 503 while a person still looks


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`is_key_required`: without a key 400; else the request is served, each time anew."""

    is_key_required: bool = True
    store_down: StoreDown = StoreDown.WAIT

    @property
    def patience_s(self) -> float:
        """How long the database is waited for, the verb included."""
        return self.store_down.value


STANDARD = Policy()
