"""When the next call fits into what a provider allows. Pure: it is told the time."""

from collections import deque
from dataclasses import dataclass
from typing import Self

from tradesense.resilience.settings import BadSetting, require_count, require_seconds


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `calls` calls in any `per_s` seconds, however they fall."""

    calls: int
    per_s: float

    def __post_init__(self) -> None:
        require_count("calls", self.calls)
        require_seconds("per_s", self.per_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimiterSettings:
    """All `quotas` hold at once. `queue_max` calls may wait for their turn, `wait_max_s` each."""

    quotas: tuple[Quota, ...]
    queue_max: int = 100
    wait_max_s: float = 30.0

    def __post_init__(self) -> None:
        if not self.quotas:
            raise BadSetting("quotas", "names at least one quota")
        require_count("queue_max", self.queue_max, least=0)
        require_seconds("wait_max_s", self.wait_max_s, or_zero=True)


class Used:
    """
    What was used of some quotas.

    The moments of the last calls are kept, not a bucket of tokens: a bucket that holds a minute's
    quota lets nearly two through in one minute, and providers count.
    """

    __slots__ = ("_logs", "_paused_until")

    def __init__(self, quotas: tuple[Quota, ...]) -> None:
        self._logs = [(quota, deque[float](maxlen=quota.calls)) for quota in quotas]
        self._paused_until = 0.0

    @classmethod
    def none(cls, settings: LimiterSettings) -> Self:
        """Return quotas of which nothing is used."""
        return cls(settings.quotas)

    def free_in_s(self, now: float, ahead: int = 0) -> float:
        """Return after how long a call may be made with so many more made before it."""
        waits = [self._paused_until - now]
        for quota, log in self._logs:
            whole, place = divmod(ahead, quota.calls)
            # The call `calls` places before ours must be `per_s` old.
            missing = quota.calls - len(log)
            since = log[place - missing] if place >= missing else now - quota.per_s
            waits.append(since + quota.per_s * (whole + 1) - now)
        return max(0.0, *waits)

    def take(self, now: float) -> None:
        """Note a call made at `now`."""
        for _, log in self._logs:
            log.append(now)

    def pause(self, until: float) -> None:
        """Make no call before `until`: the provider asked for it."""
        self._paused_until = max(self._paused_until, until)
