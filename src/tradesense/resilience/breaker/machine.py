"""
When a breaker lets calls through. Pure: no clock, no chance, no waiting of its own.

             enough failures, or trip()              the rest is over, somebody asks
    CLOSED ------------------------------> OPEN ------------------------------> HALF_OPEN
       ^                                    ^                                    |    |
       |                                    +---- too many probes failed: -------+    |
       |                                          a longer rest                       |
       +------------------------- enough probes came back well ----------------------+

    An operator's states never change by themselves: FORCED_OPEN (nothing passes), DISABLED (all
    pass, nothing is counted), METRICS_ONLY (all pass, all is counted, it never opens).

Time only ever comes in as monotonic seconds. The machine belongs to one event loop or thread;
it holds no lock, least of all during a call.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tradesense.resilience.breaker.permits import FREE, NEVER_S, Era, Permit
from tradesense.resilience.breaker.probes import Round
from tradesense.resilience.breaker.settings import BreakerSettings, Streak
from tradesense.resilience.breaker.verdicts import Verdicts
from tradesense.resilience.breaker.windows import open_era
from tradesense.resilience.happenings import Happening, StateChanged
from tradesense.resilience.refusals import BreakerOpen


class State(StrEnum):
    """What a breaker does with the next call."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    FORCED_OPEN = "forced_open"
    DISABLED = "disabled"
    METRICS_ONLY = "metrics_only"


OPERATORS = frozenset({State.FORCED_OPEN, State.DISABLED, State.METRICS_ONLY})


@dataclass(frozen=True, slots=True)
class BreakerSnapshot:
    """A breaker at one moment. Counts are of the present era's window; refusals and opens, ever."""

    name: str
    state: State
    why: str
    calls: int
    failures: int
    slow: int
    rest_left_s: float
    refusals: int
    times_opened: int


class Machine:
    """`window` is the permit of every call while it is not None; else ask `admit`."""

    __slots__ = (
        "_chance", "_era", "_name", "_rest_s", "_rest_until", "_round", "_settings", "_slow_s",
        "_tell", "_verdicts", "refusals", "state", "times_opened", "why", "window",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        settings: BreakerSettings,
        *,
        now: float,
        chance: Callable[[], float],
        tell: Callable[[Happening], None],
        lament: Callable[[str], None],
    ) -> None:
        self._name = name
        self._settings = settings
        self._chance = chance
        self._tell = tell
        self._verdicts = Verdicts(settings, lament)
        slow_s = None if isinstance(settings.window, Streak) else settings.window.slow_call_s
        self._slow_s = NEVER_S if slow_s is None else slow_s
        self._rest_s = settings.rest_s  # of the next rest, before jitter
        self._rest_until = -NEVER_S  # in every state but OPEN
        self.state = State.CLOSED
        self.why = "new"
        self.refusals = self.times_opened = 0
        self._era = self._open_era(now)
        self._round = self._open_round()
        self.window: Permit | None = self._era

    def admit(self, now: float) -> Permit:
        """Return the permit of a call that begins now. Raises BreakerOpen."""
        if now < self._rest_until:  # first, so that refusing costs next to nothing
            self.refusals += 1
            raise BreakerOpen(self._name, self._rest_until - now)
        if self.window is not None:
            return self.window
        if self.state is State.OPEN:
            self._round = self._open_round()
            self._become(State.HALF_OPEN, "the rest is over")
        if self.state is State.HALF_OPEN:
            probe = self._round.lend(now, self._verdicts, self._slow_s)
            if probe is not None:
                return probe
        elif self.state is State.DISABLED:
            return FREE
        self.refusals += 1
        raise BreakerOpen(self._name, self.rest_left_s(now))

    def rest_left_s(self, now: float) -> float:
        """Return after how many seconds asking again makes sense; 0 if it does now."""
        match self.state:
            case State.OPEN:
                return max(0.0, self._rest_until - now)
            case State.HALF_OPEN:
                return self._round.free_after_s(now)
            case State.FORCED_OPEN:
                return self._settings.rest_s  # nobody knows; a rest is a polite guess
            case _:
                return 0.0

    def is_admitting(self, now: float) -> bool:
        """Return whether a call that begins now may expect a permit."""
        match self.state:
            case State.OPEN:
                return now >= self._rest_until
            case State.HALF_OPEN:
                round_ = self._round
                taken = round_.good + round_.bad + len(round_.out)
                return taken < round_.places or round_.free_after_s(now) == 0
            case _:
                return self.state is not State.FORCED_OPEN

    def trip(self, now: float, why: str) -> None:
        """Open, whatever was counted; an operator's state stays."""
        if self.state in OPERATORS or self.state is State.OPEN:
            return
        rest_s = self._rest_s * (1 + self._settings.rest_jitter * self._chance())
        self._rest_s = min(self._rest_s * self._settings.rest_growth, self._settings.rest_max_s)
        self.times_opened += 1
        self._become(State.OPEN, why, rest_until=now + rest_s)

    def rest(self, now: float, at_least_s: float, why: str) -> None:
        """Rest for at least so long from now, opening if need be; an operator's state stays."""
        self.trip(now, why)
        if self.state is State.OPEN:
            self._rest_until = max(self._rest_until, now + at_least_s)

    def end_rest(self, now: float) -> None:
        """Let the next call be a probe, if the breaker is open."""
        if self.state is State.OPEN:
            self._rest_until = now

    def close(self, now: float, why: str) -> None:
        """Close and begin a new era, out of any state; how an operator takes a state back."""
        self._rest_s = self._settings.rest_s
        self._era = self._open_era(now)
        self._become(State.CLOSED, why)

    def hold(self, state: State, now: float, why: str) -> None:
        """Hold an operator's `state` until `close`. Raises ValueError for any other state."""
        if state not in OPERATORS:
            raise ValueError(f"{state} is not an operator's state; use trip or close")
        self._era = self._open_era(now)
        self._become(state, why)

    def review(self, era: Era, now: float) -> None:
        """Open if `era` is the present one and its window says so."""
        if era is self._era and self.state is State.CLOSED:
            why = era.is_failing()
            if why is not None:
                self.trip(now, why)

    def snapshot(self, now: float) -> BreakerSnapshot:
        """Return what can be told at `now`."""
        self._era.expire(now)
        calls, failures, slow = self._era.totals()
        return BreakerSnapshot(
            name=self._name, state=self.state, why=self.why, calls=calls, failures=failures,
            slow=slow, rest_left_s=self.rest_left_s(now), refusals=self.refusals,
            times_opened=self.times_opened,
        )  # fmt: skip

    def _decide(self, of: Round, now: float) -> None:
        """Let the probes decide as soon as those still missing cannot change it."""
        if of is not self._round or self.state is not State.HALF_OPEN:
            return
        too_many = self._settings.probe_failure_rate * of.places
        if of.bad >= too_many:
            self.trip(now, f"{of.bad} of {of.places} probes failed")
        elif of.places - of.good < too_many:
            self.close(now, f"{of.good} of {of.places} probes came back well")

    def _open_era(self, now: float) -> Era:
        return open_era(self._settings.window, self, self._verdicts, now)

    def _open_round(self) -> Round:
        return Round(self._settings.probes, self._settings.probe_lease_s, self._decide)

    def _become(self, state: State, why: str, rest_until: float = -NEVER_S) -> None:
        self._rest_until = rest_until
        before, self.state, self.why = self.state, state, why
        open_to_all = state in {State.CLOSED, State.METRICS_ONLY}
        self.window = self._era if open_to_all else None
        self._tell(StateChanged(self._name, before.value, state.value, why))
