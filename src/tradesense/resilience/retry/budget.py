"""How many extra tries a dependency is sent, of all calls to it: shared by retries and hedges."""

from dataclasses import dataclass

from tradesense.resilience.settings import require_seconds, require_share


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSettings:
    """
    Each first try earns `share` of an extra one.

    `per_s` more are earned every second, so that a quiet dependency may be tried again too; at
    most `saved_max` are saved up.
    """

    share: float = 0.1
    per_s: float = 1.0
    saved_max: float = 10.0

    def __post_init__(self) -> None:
        require_share("share", self.share, or_zero=True)
        require_seconds("per_s", self.per_s, or_zero=True)
        require_seconds("saved_max", self.saved_max)


class Budget:
    """
    Extra tries to spend. Pure: it is told the time.

    When a dependency fails for everybody, retries must not multiply the load on it: they shrink
    to a tenth of the traffic instead.
    """

    __slots__ = ("_earned_at", "_settings", "refused", "saved", "share", "spent")

    def __init__(self, settings: BudgetSettings | None = None) -> None:
        self._settings = settings or BudgetSettings()
        self.share = self._settings.share
        self._earned_at: float | None = None
        self.saved = self._settings.saved_max
        self.spent = self.refused = 0

    def earn(self) -> None:
        """Note a first try."""
        self.saved += self.share

    def spend(self, now: float) -> bool:
        """Take one extra try out of the budget; False if it does not hold one."""
        self.saved = self.left(now)
        self._earned_at = now
        if self.saved < 1:
            self.refused += 1
            return False
        self.saved -= 1
        self.spent += 1
        return True

    def left(self, now: float) -> float:
        """Return how many extra tries the budget holds."""
        since = now if self._earned_at is None else self._earned_at
        return min(self._settings.saved_max, self.saved + (now - since) * self._settings.per_s)
