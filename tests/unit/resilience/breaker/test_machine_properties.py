"""Any sequence of admissions, results, cancellations and clock steps, against a plain model."""

import asyncio

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tradesense.resilience.breaker import (
    BreakerSettings,
    CountWindow,
    Machine,
    State,
    Streak,
    TimeWindow,
)
from tradesense.resilience.breaker.machine import OPERATORS
from tradesense.resilience.breaker.permits import Era
from tradesense.resilience.breaker.probes import Probe
from tradesense.resilience.refusals import BreakerOpen

REST_S, LEASE_S, PROBES, FAILURES = 10.0, 4.0, 3, 2

RATES = {"calls_min": FAILURES, "failure_rate": 0.6, "slow_call_s": 5.0, "slow_rate": 0.9}
WINDOWS = {
    "streak": Streak(failures=FAILURES),
    "count": CountWindow(calls=6, **RATES),
    "time": TimeWindow(window_s=20.0, buckets=4, **RATES),
}
OUTCOMES = st.sampled_from(["answer", "slow", "failure", "cancelled"])


class BreakerStory(RuleBasedStateMachine):
    """Calls come, go and hang, while time passes; the model says what must be true of it."""

    @initialize(window=st.sampled_from(sorted(WINDOWS)))
    def begin(self, window):
        self.window = WINDOWS[window]
        self.now = 100.0
        self.changes = []
        self.machine = Machine(
            "m",
            BreakerSettings(
                window=self.window, rest_s=REST_S, rest_growth=1.0, rest_max_s=REST_S,
                rest_jitter=0.0, probes=PROBES, probe_failure_rate=0.5, probe_lease_s=LEASE_S,
            ),
            now=self.now,
            chance=lambda: 0.0,
            tell=self.hear,
            lament=lambda what: what / 0,  # nothing asked fails
        )  # fmt: skip
        self.underway = []  # (permit, era of its admission)
        self.era = 0
        self.opened_at = None
        self.probes_out = {}  # the model's own books: probe -> lent at
        self.judged = 0
        self.log = []  # of the present era while closed: (when, failed, slow)

    def hear(self, happening):
        assert happening.before != happening.after or happening.after == "closed"
        self.era += 1
        self.log = []
        self.probes_out, self.judged = {}, 0
        self.opened_at = self.now if happening.after == "open" else self.opened_at

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.9, 4.0, 5.0, 9.9, 10.0, 25.0]))
    def time_passes(self, seconds):
        self.now += seconds

    @rule()
    def a_call_asks(self):
        before = self.machine.state
        expected = self.machine.is_admitting(self.now)
        try:
            permit = self.machine.admit(self.now)
        except BreakerOpen:
            assert not expected
            assert before in {State.OPEN, State.HALF_OPEN, State.FORCED_OPEN}
            return
        assert expected
        if before is State.OPEN:
            assert self.now - self.opened_at >= REST_S, "the rest was cut short"
            assert self.machine.state is State.HALF_OPEN
        if isinstance(permit, Probe):
            self.model_lends(permit)
        self.underway.append((permit, self.era))

    def model_lends(self, probe):
        if len(self.probes_out) + self.judged == PROBES:
            oldest = min(self.probes_out, key=self.probes_out.get)
            assert self.now >= self.probes_out[oldest] + LEASE_S, "a place was taken too early"
            del self.probes_out[oldest]
        self.probes_out[probe] = self.now

    @precondition(lambda self: self.underway)
    @rule(data=st.data(), outcome=OUTCOMES)
    def a_call_ends(self, data, outcome):
        place = data.draw(st.integers(0, len(self.underway) - 1))
        permit, era = self.underway.pop(place)
        before, era_before = self.machine.state, self.era
        heard = self.probes_out.pop(permit, None) is not None
        if isinstance(permit, Era) and era == self.era and outcome != "cancelled":
            self.log.append((self.now, outcome == "failure", outcome == "slow"))
        if heard and outcome != "cancelled":
            self.judged += 1
        start = self.now - (6.0 if outcome == "slow" else 0.1)
        if outcome == "failure":
            permit.fail(start, self.now, ConnectionError())
        elif outcome == "cancelled":
            permit.fail(start, self.now, asyncio.CancelledError())
        else:
            permit.settle(start, self.now, "answer")
        changed = self.machine.state is not before
        if outcome == "cancelled":
            assert not changed, "a cancelled call said something"
        if era != era_before:
            assert not changed, "a result of an earlier era decided something"
        if changed and before is State.CLOSED:
            assert outcome in {"failure", "slow", "answer"}
        if changed and before is State.HALF_OPEN:
            assert heard, "a probe without a place decided"

    @rule(state=st.sampled_from(sorted(OPERATORS)), really=st.integers(0, 9))
    def the_operator_holds(self, state, really):
        if self.machine.state is not state and not really:  # rarely: it ends all other stories
            self.machine.hold(state, self.now, "operator")

    @precondition(lambda self: self.machine.state in OPERATORS)
    @rule()
    def the_operator_lets_go(self):
        self.machine.close(self.now, "operator")

    @rule()
    def somebody_looks(self):
        before = self.machine.state
        told = self.machine.snapshot(self.now)
        assert told.state is before is self.machine.state, "looking changed it"
        assert told.failures <= told.calls
        assert told.slow <= told.calls

    @invariant()
    def no_more_probes_than_agreed(self):
        if self.machine.state is State.HALF_OPEN:
            assert len(self.probes_out) + self.judged <= PROBES

    @invariant()
    def a_window_that_says_open_is_not_closed(self):
        """The other direction of every count: what the model's own log says must have opened."""
        if self.machine.state is not State.CLOSED or not self.log:
            return
        if isinstance(self.window, Streak):
            tail = [failed for _, failed, _ in self.log][-FAILURES:]
            assert not (len(tail) == FAILURES and all(tail))
        elif isinstance(self.window, CountWindow):
            last = self.log[-self.window.calls :]
            failures = sum(failed for _, failed, _ in last)
            slow = sum(is_slow for _, _, is_slow in last)
            if len(last) >= FAILURES:
                assert failures < self.window.failure_rate * len(last)
                assert slow < self.window.slow_rate * len(last)

    @invariant()
    def an_open_breaker_will_admit_again(self):
        """Whatever happened, after the longest rest and lease somebody gets through."""
        if self.machine.state in {State.OPEN, State.HALF_OPEN}:
            assert self.machine.is_admitting(self.now + REST_S + LEASE_S)


TestBreakerStory = BreakerStory.TestCase
TestBreakerStory.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
