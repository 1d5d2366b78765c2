"""Members in one fleet: together by quorum, probing one at a time, alone when the store is gone."""

import asyncio

import pytest

from tradesense.resilience.breaker import Breaker, BreakerSettings, State
from tradesense.resilience.breaker.settings import TimeWindow
from tradesense.resilience.fleet import Fleet, FleetSettings, Member, step
from tradesense.resilience.refusals import BreakerOpen
from unit.resilience.driven import IN_LOOP, in_driven_time, loop_now

BREAKER = BreakerSettings(
    window=TimeWindow(window_s=60.0, calls_min=10), rest_s=20.0, rest_jitter=0, rest_growth=1.0
)
FLEET = FleetSettings(calls_min=6, rest_s=10.0, rest_growth=1.0, probe_lease_s=5.0)
BEAT_S = 1.0


class Store:
    """`FleetStore` in memory, with a clock of its own; it can be away, hang, or lose everything."""

    def __init__(self):
        self.records = {}
        self.away = self.hangs = False

    async def exchange(self, breaker, beat):
        if self.hangs:
            await asyncio.Event().wait()
        if self.away:
            raise ConnectionError("store away")
        clock = loop_now() + 1e6  # not the members' clock
        before = self.records.get(breaker, Fleet())
        self.records[breaker], view = step(before, beat, clock, FLEET)
        return view


class World:
    def __init__(self, count=3):
        self.store = Store()
        self.breakers = [Breaker("stripe", BREAKER, surroundings=IN_LOOP) for _ in range(count)]
        self.members = [
            Member(f"api-{n}", breaker, self.store, beat_s=BEAT_S, surroundings=IN_LOOP)
            for n, breaker in enumerate(self.breakers)
        ]

    @property
    def states(self):
        return [str(breaker.state) for breaker in self.breakers]

    async def beats(self, times=1):
        for _ in range(times):
            for member in self.members:
                await member.beat()
            await asyncio.sleep(BEAT_S)

    async def calls(self, number, *, times=1, fails):
        """Let a process call; return how many calls were made."""
        made = 0

        async def call():
            nonlocal made
            made += 1
            if fails:
                raise ConnectionError

        for _ in range(times):
            try:
                await self.breakers[number].call(call)
            except (ConnectionError, BreakerOpen):
                continue
        return made

    async def trip_together(self):
        await self.beats(3)
        for number in (0, 1):
            await self.calls(number, times=4, fails=True)  # too few for either alone
        await self.beats(2)
        assert self.states == ["open"] * 3


@in_driven_time
async def test_processes_that_see_failures_trip_together_and_take_the_others_with_them():
    await World().trip_together()


@in_driven_time
async def test_one_bad_node_trips_itself_and_nobody_else():
    world = World()
    await world.beats(3)
    await world.calls(0, times=50, fails=True)
    for number in (1, 2):
        await world.calls(number, times=5, fails=False)
    await world.beats(5)
    assert world.states == ["open", "closed", "closed"]


@in_driven_time
async def test_after_the_rest_one_process_probes_and_all_close():
    world = World()
    await world.trip_together()
    for _ in range(30):
        made = [await world.calls(number, fails=False) for number in range(3)]
        if any(made):
            break
        await world.beats()
    assert sum(made) == 1, "one probe in the whole fleet"
    await world.beats(2)
    assert world.states == ["closed"] * 3


@in_driven_time
async def test_a_failed_probe_sends_all_back_to_rest():
    world = World()
    await world.trip_together()
    probes = 0
    for _ in range(60):
        probes += sum([await world.calls(number, times=3, fails=True) for number in range(3)])
        await world.beats()
    assert 3 <= probes <= 6, "about every eleven seconds one call, not one of each process"
    assert world.states == ["open"] * 3


@in_driven_time
async def test_a_prober_that_dies_is_replaced_when_its_lease_runs_out():
    world = World()
    await world.trip_together()
    while not world.breakers[0].is_admitting:
        with pytest.raises(BreakerOpen):  # somebody would like to call
            await world.breakers[0].call(asyncio.sleep, 0)
        await world.beats()
    dead = world.members.pop(0)  # it holds the fleet's probe, and never beats again
    assert dead.name == "api-0"
    began = loop_now()
    while world.states[1:] != ["closed"] * 2:
        for number in (1, 2):
            await world.calls(number, fails=False)
        await world.beats()
        assert loop_now() - began < 15, "nobody took over"


@pytest.mark.parametrize("trouble", ["away", "hangs"])
@in_driven_time
async def test_without_the_store_each_goes_on_by_its_own_counts(trouble):
    world = World()
    await world.beats()
    setattr(world.store, trouble, True)
    await world.calls(0, times=20, fails=True)
    await world.calls(1, times=20, fails=False)
    began = loop_now()
    await world.beats()
    assert world.states == ["open", "closed", "closed"]
    assert loop_now() - began <= BEAT_S + 3 * 0.25 + 1e-9, "a hung store costs each beat 0.25 s"
    assert all(member.is_alone for member in world.members)
    await asyncio.sleep(20)
    assert await world.calls(0, fails=False) == 1, "it probes by itself"
    assert world.states[0] == "closed"


@in_driven_time
async def test_a_rest_the_fleet_ordered_ends_by_itself_when_the_store_dies():
    world = World()
    await world.trip_together()
    world.store.away = True
    await world.beats()
    await asyncio.sleep(20)
    assert await world.calls(2, fails=False) == 1
    assert world.states[2] == "closed"


@in_driven_time
async def test_a_flushed_store_closes_nobody_and_opens_nobody():
    world = World()
    await world.trip_together()
    world.store.records.clear()
    await world.beats(3)
    assert world.states == ["open"] * 3, "nobody knows that the dependency is well"
    began = loop_now()
    while world.states != ["closed"] * 3:
        for number in range(3):
            await world.calls(number, fails=False)
        await world.beats()
        assert loop_now() - began < 20, "the fleet finds out again"


@in_driven_time
async def test_when_the_store_is_back_the_fleet_is_one_again():
    world = World()
    await world.beats()
    world.store.away = True
    await world.beats(2)
    world.store.away = False
    await world.trip_together()
    assert not any(member.is_alone for member in world.members)


@in_driven_time
async def test_an_operators_state_is_not_the_fleets_to_change():
    world = World()
    world.breakers[2].disable("an incident")
    await world.beats(3)
    for number in (0, 1):
        await world.calls(number, times=4, fails=True)
    await world.beats(2)
    assert world.states == ["open", "open", State.DISABLED]


@in_driven_time
async def test_a_member_beats_until_it_is_cancelled():
    world = World(count=1)
    task = asyncio.ensure_future(world.members[0].run())
    await asyncio.sleep(10.5)
    assert world.store.records["stripe"].reports["api-0"].at_s == pytest.approx(
        loop_now() + 1e6 - 0.5
    )
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
