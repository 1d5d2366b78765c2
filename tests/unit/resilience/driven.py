"""Surroundings that a test drives: time stands still until it is moved, chance is given."""

from dataclasses import dataclass, field

from tradesense.resilience.surroundings import Surroundings


@dataclass
class Driven:
    """A clock that a test moves, chance it chooses, and sleeps that pass at once."""

    now_s: float = 1000.0
    chance: float = 0.0
    slept: list[float] = field(default_factory=list)

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(lambda: self.now_s, lambda: self.chance, self._sleep)

    def pass_time(self, seconds: float) -> None:
        assert seconds >= 0, "a monotonic clock never goes back"
        self.now_s += seconds

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_time(seconds)
