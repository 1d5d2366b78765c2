"""What a fleet of processes knows together of one dependency: a value that any store can keep."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Self

from tradesense.resilience.breaker.settings import BreakerSettings, Streak
from tradesense.resilience.settings import (
    BadSetting,
    require_count,
    require_factor,
    require_seconds,
    require_share,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSettings:
    """
    When the fleet opens, and how it probes.

    It opens when more than `quorum_share` of the members that made calls, and at least
    `quorum_min`, see their own calls fail at `failure_rate`, and so do all calls together, of
    which there are `calls_min`. So neither a bad node nor a busy one decides for the others.
    """

    quorum_share: float = 0.5
    quorum_min: int = 2
    calls_min: int = 10
    failure_rate: float = 0.5
    hearing_s: float = 2.0  # so long a new era only listens: everybody is heard before it judges
    report_life_s: float = 10.0  # a member that is silent longer is gone
    rest_s: float = 30.0
    rest_growth: float = 2.0
    rest_max_s: float = 600.0
    probes: int = 1  # out in the whole fleet at once
    probe_lease_s: float = 10.0

    @classmethod
    def like(cls, breaker: BreakerSettings) -> Self:
        """
        Return settings under which the fleet judges, rests and probes as `breaker` does alone.

        One member probes at a time, with as many calls as its breaker's `probes` say.
        """
        window, plain = breaker.window, cls()
        if isinstance(window, Streak):
            # It knows no rates: as many failures as those need who agree.
            calls_min, failure_rate = plain.quorum_min * window.failures, plain.failure_rate
        else:
            calls_min, failure_rate = window.calls_min, window.failure_rate
        return cls(
            calls_min=calls_min,
            failure_rate=failure_rate,
            rest_s=breaker.rest_s,
            rest_growth=breaker.rest_growth,
            rest_max_s=breaker.rest_max_s,
            probe_lease_s=breaker.probe_lease_s,
        )

    @property
    def record_life_s(self) -> float:
        """How long a record that nobody changes is worth keeping: the longest rest, and a probe."""
        return self.rest_max_s + self.probe_lease_s + self.report_life_s

    def __post_init__(self) -> None:
        require_share("quorum_share", self.quorum_share, or_zero=True)
        require_count("quorum_min", self.quorum_min)
        require_count("calls_min", self.calls_min)
        require_share("failure_rate", self.failure_rate)
        require_seconds("hearing_s", self.hearing_s, or_zero=True)
        require_seconds("report_life_s", self.report_life_s)
        if self.report_life_s <= self.hearing_s:
            raise BadSetting("report_life_s", f"is more than hearing_s, {self.hearing_s}")
        require_seconds("rest_s", self.rest_s)
        require_factor("rest_growth", self.rest_growth)
        if self.rest_max_s < self.rest_s:
            raise BadSetting("rest_max_s", f"is at least rest_s, {self.rest_s}")
        require_count("probes", self.probes)
        require_seconds("probe_lease_s", self.probe_lease_s)


class Phase(StrEnum):
    """What the fleet does. Probing begins when the rest is over: it is no phase of its own."""

    CLOSED = "closed"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Report:
    """What one member's own breaker counts in its window, by the store's clock."""

    calls: int
    failures: int  # and slow calls
    at_s: float


@dataclass(frozen=True, slots=True)
class Loan:
    """A probe that a member may make until then."""

    member: str
    until_s: float


@dataclass(frozen=True, slots=True)
class Fleet:
    """The record. Times are seconds on the store's clock, the only clock all members share."""

    phase: Phase = Phase.CLOSED
    era: int = 0  # counts the phases: what was lent in an earlier one is not heard
    since_s: float | None = None  # when the era began; None: nobody has beaten yet
    rest_s: float = 0.0  # of the present rest; 0: the next is the first
    rest_until_s: float = 0.0
    reports: Mapping[str, Report] = field(default_factory=dict)
    loans: Mapping[str, Loan] = field(default_factory=dict)  # by "era:number"
    lent: int = 0


def dump(fleet: Fleet) -> bytes:
    """Return the record as JSON."""
    return json.dumps(asdict(fleet), separators=(",", ":")).encode()


def load(text: bytes | None) -> Fleet:
    """Return the record that `dump` wrote; a new one if there is none. Raises ValueError."""
    if text is None:
        return Fleet()
    try:
        plain = json.loads(text)
        plain["phase"] = Phase(plain["phase"])
        plain["reports"] = {name: Report(**one) for name, one in plain["reports"].items()}
        plain["loans"] = {name: Loan(**one) for name, one in plain["loans"].items()}
        return Fleet(**plain)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"no fleet record: {error}") from error
