"""The calls admitted while half open: so many at once, each on a lease, deciding together."""

from collections.abc import Callable
from typing import Any

from tradesense.resilience.breaker.verdicts import Verdict, Verdicts


class Round:
    """
    One round of probes.

    A place is free, out on a lease, or judged; judged and out together are never more than
    `places`. A lease that ran out is taken away when somebody asks for its place, so a hung probe
    blocks nobody, and one that is merely late still counts if nobody asked.
    """

    __slots__ = ("_decide", "_lease_s", "bad", "good", "out", "places")

    def __init__(self, places: int, lease_s: float, decide: Callable[["Round", float], None]):
        self.places = places
        self._lease_s = lease_s
        self._decide = decide
        self.out: dict[Probe, float] = {}  # probe -> when its lease runs out, oldest first
        self.good = self.bad = 0

    def lend(self, now: float, verdicts: Verdicts, slow_s: float) -> "Probe | None":
        """Return a probe, or None if every place is judged or out."""
        if self.good + self.bad + len(self.out) >= self.places and not self._take_back(now):
            return None
        probe = Probe(self, verdicts, slow_s)
        self.out[probe] = now + self._lease_s
        return probe

    def free_after_s(self, now: float) -> float:
        """Return after how many seconds the oldest lease runs out; 0 if none is out."""
        return max(0.0, next(iter(self.out.values())) - now) if self.out else 0.0

    def give_back(self, probe: "Probe", now: float, verdict: Verdict) -> None:
        """Judge a probe that came back. One whose place was taken is not heard."""
        if self.out.pop(probe, None) is None or verdict is Verdict.NOTHING:
            return
        if verdict is Verdict.FAILURE:
            self.bad += 1
        else:
            self.good += 1
        self._decide(self, now)

    def _take_back(self, now: float) -> bool:
        oldest = next(iter(self.out), None)
        if oldest is None or now < self.out[oldest]:
            return False
        del self.out[oldest]
        return True


class Probe:
    """The permit of one probe. A slow answer is a bad one: the dependency is not well yet."""

    __slots__ = ("_round", "_slow_s", "_verdicts")

    def __init__(self, of: Round, verdicts: Verdicts, slow_s: float) -> None:
        self._round = of
        self._verdicts = verdicts
        self._slow_s = slow_s

    def settle(self, start: float, now: float, result: Any) -> None:
        """Judge an answer."""
        slow = now - start >= self._slow_s
        verdict = Verdict.FAILURE if slow else self._verdicts.of_result(result)
        self._round.give_back(self, now, verdict)

    def fail(self, start: float, now: float, error: BaseException) -> None:
        """Judge an exception."""
        verdict = self._verdicts.of_error(error)
        if verdict is Verdict.ANSWER and now - start >= self._slow_s:
            verdict = Verdict.FAILURE
        self._round.give_back(self, now, verdict)
