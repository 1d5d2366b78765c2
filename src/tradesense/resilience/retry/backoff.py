"""How long to pause between tries. Pure: chance is an argument."""

from dataclasses import dataclass

from tradesense.resilience.settings import BadSetting, require_seconds

GROWTH = 3  # of decorrelated jitter, as published: AWS, "Exponential Backoff And Jitter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decorrelated:
    """Between `first_s` and three times the pause before, at most `cap_s`: callers drift apart."""

    first_s: float = 0.1
    cap_s: float = 10.0

    def __post_init__(self) -> None:
        require_seconds("first_s", self.first_s)
        require_seconds("cap_s", self.cap_s)
        if self.cap_s < self.first_s:
            raise BadSetting("cap_s", f"is at least first_s, {self.first_s}")

    def pause_s(self, tries: int, before_s: float, chance: float) -> float | None:  # noqa: ARG002 -- `Backoff`
        """Return the pause after the failure of try number `tries`."""
        most = GROWTH * max(before_s, self.first_s)
        return min(self.cap_s, self.first_s + chance * (most - self.first_s))


@dataclass(frozen=True, slots=True)
class Steps:
    """Exactly these pauses, one after each failure, and no further try after the last."""

    pauses_s: tuple[float, ...]

    def __post_init__(self) -> None:
        for pause_s in self.pauses_s:
            require_seconds("pauses_s", pause_s, or_zero=True)

    def pause_s(self, tries: int, before_s: float, chance: float) -> float | None:  # noqa: ARG002 -- `Backoff`
        """Return the pause after the failure of try number `tries`; None if there is no other."""
        return self.pauses_s[tries - 1] if tries <= len(self.pauses_s) else None


Backoff = Decorrelated | Steps
