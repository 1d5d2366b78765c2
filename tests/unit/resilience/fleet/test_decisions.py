"""What beats do to the fleet's record, by table and by any story."""

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tradesense.resilience.fleet import Beat, Fleet, FleetSettings, Phase, dump, load, step

SETTINGS = FleetSettings(
    calls_min=6, failure_rate=0.5, quorum_share=0.5, quorum_min=2, rest_s=10.0, rest_growth=2.0,
    rest_max_s=30.0, probe_lease_s=5.0, report_life_s=10.0, hearing_s=2.0,
)  # fmt: skip


def told(fleet, *reports, now=0.0):
    """Let each member beat; a report is (member, calls, failures)."""
    view = None
    for member, calls, failures in reports:
        fleet, view = step(fleet, Beat(member, fleet.era, calls, failures), now, SETTINGS)
    return fleet, view


@pytest.mark.parametrize(
    ("reports", "opens"),
    [
        ([("a", 100, 100)], False),  # one bad node, alone
        ([("a", 100, 100), ("b", 100, 0)], False),  # one bad node does not poison another
        ([("a", 100, 100), ("b", 10, 5)], True),
        ([("a", 3, 3), ("b", 3, 3)], True),  # together enough calls, alone too few
        ([("a", 2, 2), ("b", 3, 3)], False),
        ([("a", 10, 10), ("b", 10, 10), ("c", 10, 0), ("d", 10, 0)], False),  # half is no majority
        ([("a", 10, 10), ("b", 10, 10), ("c", 10, 0)], True),
        ([("a", 10, 10), ("b", 10, 10), ("c", 0, 0), ("d", 0, 0)], True),  # idle ones have no say
        ([("a", 10, 5), ("b", 10, 5), ("c", 100, 0)], False),  # all calls together are well
    ],
)
def test_a_quorum_opens_and_one_bad_node_does_not(reports, opens):
    fleet, _ = told(Fleet(), *reports, now=-2.0)
    assert fleet.phase is Phase.CLOSED, "at first it listens"
    fleet, view = told(fleet, *reports)
    assert (fleet.phase is Phase.OPEN) is opens
    assert view.rest_left_s == (10.0 if opens else 0.0)


@pytest.mark.parametrize(("later_s", "opens"), [(9.9, True), (10.0, False)])
def test_a_member_that_is_silent_is_gone(later_s, opens):
    fleet, _ = told(Fleet(), ("a", 10, 10))
    fleet, _ = told(fleet, ("b", 10, 10), now=later_s)
    assert (fleet.phase is Phase.OPEN) is opens


def opened():
    fleet, _ = told(Fleet(), ("a", 0, 0), now=-2.0)
    fleet, _ = told(fleet, ("a", 10, 10), ("b", 10, 10))
    return fleet


def wants(fleet, member, now):
    return step(fleet, Beat(member, fleet.era, 0, 0, wants_probe=True), now, SETTINGS)


def probed(fleet, member, loan, now, *, well):
    beat = Beat(member, fleet.era, 0, 0, probed=loan, probed_well=well)
    return step(fleet, beat, now, SETTINGS)


def test_no_probe_is_lent_before_the_rest_is_over_and_then_one_in_the_whole_fleet():
    fleet = opened()
    fleet, view = wants(fleet, "a", 9.9)
    assert view.loan is None
    fleet, view = wants(fleet, "a", 10.0)
    assert view.loan is not None
    assert view.loan_left_s == 5.0
    for member in "bcd":
        fleet, other = wants(fleet, member, 10.1)
        assert other.loan is None
    fleet, again = wants(fleet, "a", 11.0)
    assert again.loan == view.loan, "a member that asks again has the same one"


def test_a_dead_probers_lease_expires_by_the_stores_clock():
    fleet, first = wants(opened(), "a", 10.0)
    fleet, second = wants(fleet, "b", 15.0)
    assert second.loan not in {None, first.loan}
    fleet, view = probed(fleet, "a", first.loan, 15.1, well=True)
    assert view.phase is Phase.OPEN, "the dead one came back too late to be heard"


def test_a_good_probe_closes_for_all_and_old_news_does_not_open_again():
    fleet, lent = wants(opened(), "a", 10.0)
    era = fleet.era
    fleet, view = probed(fleet, "a", lent.loan, 11.0, well=True)
    assert (view.phase, view.era) == (Phase.CLOSED, era + 1)
    for member in "bc":  # who still counts what failed before, and does not know yet
        fleet, view = step(fleet, Beat(member, era, 10, 10), 13.5, SETTINGS)
    assert view.phase is Phase.CLOSED


def test_each_bad_probe_makes_the_rest_longer_up_to_its_most():
    fleet, now, rests = opened(), 0.0, []
    for _ in range(3):
        now = fleet.rest_until_s
        fleet, lent = wants(fleet, "a", now)
        fleet, view = probed(fleet, "a", lent.loan, now, well=False)
        rests.append(view.rest_left_s)
    assert rests == [20.0, 30.0, 30.0]


def test_a_probe_is_heard_from_who_was_lent_it():
    fleet, lent = wants(opened(), "a", 10.0)
    fleet, view = probed(fleet, "b", lent.loan, 11.0, well=True)
    assert view.phase is Phase.OPEN


def test_a_record_survives_any_store():
    fleet, _ = wants(opened(), "a", 10.0)
    assert load(dump(fleet)) == fleet
    assert load(None) == Fleet()
    for garbage in (b"", b"{}", b"[]", b'{"phase": "ajar"}', b"\xff"):
        with pytest.raises(ValueError, match=r"."):
            load(garbage)


class FleetStory(RuleBasedStateMachine):
    """Members beat with whatever they count, ask, probe, die and come back, as time passes."""

    @initialize(probes=st.integers(1, 2))
    def begin(self, probes):
        self.settings = FleetSettings(
            calls_min=6, rest_s=10.0, rest_growth=2.0, rest_max_s=30.0, probes=probes,
            probe_lease_s=5.0,
        )  # fmt: skip
        self.fleet, self.now = Fleet(), 0.0
        self.loans = {}  # member -> (loan, until)
        self.known = {}  # member -> era

    def send(self, beat):
        before = self.fleet
        self.fleet, view = step(self.fleet, beat, self.now, self.settings)
        assert load(dump(self.fleet)) == self.fleet
        self.known[beat.member] = view.era
        assert view.era - before.era in {0, 1, 2}
        if before.phase is Phase.OPEN and view.phase is Phase.CLOSED:
            assert beat.probed_well, "it closed without a good probe"
            loan, until = self.loans[beat.member]
            assert (loan, self.now < until) == (beat.probed, True)
        if before.phase is Phase.CLOSED and view.phase is Phase.OPEN:
            reports = [r for r in self.fleet.reports.values() if r.calls]
            assert sum(2 * r.failures >= r.calls for r in reports) >= 2
        if view.loan is not None and self.loans.get(beat.member, (None,))[0] != view.loan:
            assert self.now >= before.rest_until_s
            self.loans[beat.member] = (view.loan, self.now + view.loan_left_s)
        return view

    @rule(seconds=st.sampled_from([0.0, 1.0, 4.9, 5.0, 9.9, 10.0, 31.0]))
    def time_passes(self, seconds):
        self.now += seconds

    @rule(member=st.sampled_from("abcd"), calls=st.integers(0, 10), data=st.data())
    def a_member_beats(self, member, calls, data):
        failures = data.draw(st.integers(0, calls))
        wants_probe = data.draw(st.booleans())
        era = self.known.get(member, 0)
        self.send(Beat(member, era, calls, failures, wants_probe=wants_probe))

    @rule(member=st.sampled_from("abcd"), well=st.booleans())
    def a_probe_comes_back(self, member, well):
        if member in self.loans:
            loan, _ = self.loans[member]
            era = self.known.get(member, 0)
            self.send(Beat(member, era, 0, 0, probed=loan, probed_well=well))
            del self.loans[member]

    @rule(member=st.sampled_from("abcd"), calls=st.integers(0, 10), failing=st.booleans())
    def an_answer_is_lost(self, member, calls, failing):
        """The store has heard; the member does not know, and goes on as before."""
        beat = Beat(member, self.known.get(member, 0), calls, calls * failing, wants_probe=True)
        self.fleet, _ = step(self.fleet, beat, self.now, self.settings)

    @rule()
    def the_store_is_flushed(self):
        self.fleet = Fleet()
        self.loans = {}

    @invariant()
    def no_more_probes_than_agreed_are_out(self):
        if hasattr(self, "settings"):
            out = [loan for loan in self.fleet.loans.values() if loan.until_s > self.now]
            assert len(out) <= self.settings.probes
            assert not (out and self.fleet.phase is Phase.CLOSED)


TestFleetStory = FleetStory.TestCase
TestFleetStory.settings = hypothesis_settings(
    max_examples=100, stateful_step_count=50, deadline=None
)
