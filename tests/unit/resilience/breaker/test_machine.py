"""The breaker's states: when it rests, how it probes, what an operator may do."""

import pytest

from tradesense.resilience.breaker import BreakerSettings, Machine, State, Streak, TimeWindow
from tradesense.resilience.refusals import BreakerOpen


class World:
    """A machine, a clock, and calls that are admitted and end later."""

    def __init__(self, chance=0.0, **settings):
        defaults = {"window": Streak(failures=1), "rest_s": 10.0, "rest_jitter": 0.0}
        self.now = 0.0
        self.heard = []
        self.machine = Machine(
            "m",
            BreakerSettings(**defaults | settings),
            now=0.0,
            chance=lambda: chance,
            tell=self.heard.append,
            lament=lambda _: None,
        )

    def admit(self):
        return self.machine.admit(self.now)

    def answer(self, permit, *, took_s=0.0):
        permit.settle(self.now - took_s, self.now, "answer")

    def fail(self, permit):
        permit.fail(self.now, self.now, ConnectionError())

    def refuses(self):
        try:
            self.admit()
        except BreakerOpen:
            return True
        return False

    def open(self):
        self.fail(self.admit())
        assert self.machine.state is State.OPEN

    def rest(self):
        """Open, and let the rest pass: the next calls are probes."""
        self.open()
        self.now += 10.0


def test_it_rests_for_as_long_as_agreed_and_not_a_moment_less():
    world = World()
    world.open()
    world.now = 9.999
    with pytest.raises(BreakerOpen) as refusal:
        world.admit()
    assert refusal.value.name == "m"
    assert refusal.value.retry_after_s == pytest.approx(0.001)
    world.now = 10.0
    world.admit()
    assert world.machine.state is State.HALF_OPEN


@pytest.mark.parametrize(("chance", "rest_s"), [(0.0, 10.0), (0.5, 11.0), (0.999, 11.998)])
def test_jitter_makes_a_rest_longer_never_shorter(chance, rest_s):
    world = World(chance, rest_jitter=0.2)
    world.open()
    assert world.machine.rest_left_s(0.0) == pytest.approx(rest_s)


def test_each_failed_round_makes_the_rest_longer_up_to_its_most():
    world = World(rest_growth=3.0, rest_max_s=60.0)
    rests = []
    for _ in range(4):
        world.fail(world.admit())
        rests.append(world.machine.rest_left_s(world.now))
        world.now += rests[-1]
    assert rests == [10.0, 30.0, 60.0, 60.0]
    world.answer(world.admit())
    world.fail(world.admit())
    assert world.machine.rest_left_s(world.now) == 10.0, "a good probe makes it short again"


@pytest.mark.parametrize("probes", [1, 3, 7])
def test_so_many_probes_are_out_at_once_and_no_more(probes):
    world = World(probes=probes)
    world.rest()
    for _ in range(probes):
        world.admit()
    for _ in range(50):
        assert world.refuses()


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        # Three of four decide at a rate of 0.75; two failures do not, and three answers suffice.
        ("aa", State.CLOSED),
        ("ab", State.HALF_OPEN),
        ("aba", State.CLOSED),
        ("bb", State.HALF_OPEN),
        ("bbb", State.OPEN),
        ("abbb", State.OPEN),
        ("bba", State.HALF_OPEN),
        ("bbaa", State.CLOSED),
    ],
)
def test_probes_decide_by_their_ratio_as_soon_as_it_is_certain(outcomes, state):
    world = World(probes=4, probe_failure_rate=0.75)
    world.rest()
    for outcome in outcomes:
        (world.answer if outcome == "a" else world.fail)(world.admit())
    assert world.machine.state is state


def test_a_probe_that_came_back_does_not_make_room_for_another():
    world = World(probes=3)
    world.rest()
    probes = [world.admit() for _ in range(3)]
    world.answer(probes[0])
    world.fail(probes[1])
    assert world.machine.state is State.HALF_OPEN
    assert world.refuses(), "two are judged and one is out"
    world.answer(probes[2])
    assert world.machine.state is State.CLOSED


def test_a_slow_probe_is_a_bad_probe():
    world = World(window=TimeWindow(calls_min=1, slow_call_s=2.0))
    world.rest()
    world.answer(world.admit(), took_s=2.0)
    assert world.machine.state is State.OPEN


def test_a_hung_probe_keeps_its_place_for_its_lease_and_no_longer():
    world = World(probe_lease_s=5.0)
    world.rest()
    hung = world.admit()
    world.now += 4.9
    with pytest.raises(BreakerOpen) as refusal:
        world.admit()
    assert refusal.value.retry_after_s == pytest.approx(0.1)
    world.now += 0.1
    second = world.admit()
    world.fail(hung)
    assert world.machine.state is State.HALF_OPEN, "its place was taken: nobody hears it"
    world.answer(second)
    assert world.machine.state is State.CLOSED


def test_a_late_probe_whose_place_nobody_wanted_is_heard():
    world = World(probe_lease_s=5.0)
    world.rest()
    probe = world.admit()
    world.now += 60.0
    world.answer(probe)
    assert world.machine.state is State.CLOSED


def test_a_probe_of_an_earlier_round_decides_nothing_in_a_later_one():
    world = World(probes=2, probe_failure_rate=0.5, rest_growth=1.0)
    world.rest()
    early, other = world.admit(), world.admit()
    world.fail(other)
    assert world.machine.state is State.OPEN
    world.now += 10.0
    world.admit()
    world.answer(early)
    world.fail(early)
    assert world.machine.state is State.HALF_OPEN


def test_results_of_an_earlier_era_decide_nothing():
    world = World(window=Streak(failures=2))
    early = [world.admit() for _ in range(4)]
    world.fail(early[0])
    world.fail(early[1])
    assert world.machine.state is State.OPEN
    world.now += 10.0
    world.answer(world.admit())
    assert world.machine.state is State.CLOSED
    world.fail(early[2])
    world.fail(early[3])
    assert world.machine.state is State.CLOSED


@pytest.mark.parametrize(
    ("state", "passes"),
    [(State.FORCED_OPEN, False), (State.DISABLED, True), (State.METRICS_ONLY, True)],
)
def test_an_operators_state_stays_until_it_is_taken_back(state, passes):
    world = World()
    world.machine.hold(state, 0.0, "maintenance")
    for _ in range(20):
        assert world.refuses() is not passes
        if passes:
            world.fail(world.admit())
    world.now += 1e6
    world.machine.trip(world.now, "the fleet tripped")
    assert world.machine.state is state
    world.machine.close(world.now, "done")
    assert world.machine.state is State.CLOSED
    assert world.machine.snapshot(world.now).failures == 0


def test_watching_counts_and_being_disabled_does_not():
    counted = {}
    for state in (State.METRICS_ONLY, State.DISABLED):
        world = World()
        world.machine.hold(state, 0.0, "rollout")
        for _ in range(3):
            world.fail(world.admit())
        counted[state] = world.machine.snapshot(0.0).failures
    assert counted == {State.METRICS_ONLY: 3, State.DISABLED: 0}


def test_only_an_operators_state_can_be_held():
    with pytest.raises(ValueError, match="trip or close"):
        World().machine.hold(State.OPEN, 0.0, "?")


def test_listeners_hear_each_change_and_why():
    world = World()
    world.rest()
    world.answer(world.admit())
    assert [(h.before, h.after, h.why) for h in world.heard] == [
        ("closed", "open", "1 failures in a row"),
        ("open", "half_open", "the rest is over"),
        ("half_open", "closed", "1 of 1 probes came back well"),
    ]


def test_a_snapshot_tells_what_happened():
    world = World(window=TimeWindow(calls_min=3, slow_call_s=2.0))
    for took_s in (0.0, 3.0):
        world.answer(world.admit(), took_s=took_s)
    world.fail(world.admit())
    assert world.machine.state is State.CLOSED
    world.fail(world.admit())
    world.refuses()
    told = world.machine.snapshot(world.now)
    assert (told.calls, told.failures, told.slow) == (4, 2, 1)
    assert (told.state, told.refusals, told.times_opened) == (State.OPEN, 1, 1)
    assert told.why == "2 of 4 calls failed"
    assert told.rest_left_s == 10.0


def test_whether_it_admits_can_be_asked_without_asking():
    world = World()
    assert world.machine.is_admitting(0.0)
    world.open()
    assert not world.machine.is_admitting(9.9)
    assert world.machine.is_admitting(10.0)
    assert world.machine.state is State.OPEN, "nobody called yet"
    world.now = 10.0
    world.admit()
    assert not world.machine.is_admitting(10.0)
    world.machine.hold(State.FORCED_OPEN, 10.0, "")
    assert not world.machine.is_admitting(1e9)
