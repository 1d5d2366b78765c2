"""Real processes in one fleet: they trip together, probe in turn, and follow Valkey's clock."""

import time

import pytest

THREE = ("a", "b", "c")


async def test_two_processes_that_see_failures_trip_together_and_take_the_third_along(world):
    await world.start(*THREE)
    world.dependency.ill_for = {"a", "b"}  # alone each would go on for a thousand calls
    await world.until(lambda: world.all_are("open"))
    assert {world.said(name, "why") for name in THREE} == {"the fleet rests"}


@pytest.mark.parametrize("others", [0, 4])  # it may even be the only one that calls
async def test_one_bad_node_trips_itself_and_nobody_else(world, others):
    await world.start("a", calls_min=20)
    await world.start("b", "c", calls_min=20, callers=others)
    world.dependency.ill_for = {"a"}
    await world.until(lambda: world.states["a"] == "open")
    await world.beats(20)
    assert world.states == {"a": "open", "b": "closed", "c": "closed"}
    assert [set(world.processes[name].states) for name in "bc"] == [{"closed"}] * 2


async def test_a_bad_node_that_dies_and_starts_again_is_no_quorum_with_its_own_ghost(world):
    await world.start(*THREE, calls_min=20)
    world.dependency.ill_for = {"a"}
    for _ in range(3):
        await world.until(lambda: world.states["a"] == "open")
        await world.beats(2)  # the fleet has heard of it
        await world.processes["a"].kill()
        await world.start("a", calls_min=20)
    await world.until(lambda: world.states["a"] == "open")
    await world.beats(10)
    assert [set(world.processes[name].states) for name in "bc"] == [{"closed"}] * 2


@pytest.mark.parametrize("probes", [1, 2])
async def test_the_whole_fleet_makes_no_more_probes_than_agreed(world, probes):
    await world.start(*THREE, fleet_probes=probes, probe_lease_s=60.0)
    await world.trip_together()
    world.dependency.hold()
    await world.until(lambda: len(world.dependency.arrivals) >= probes)
    await world.calls(20, "refused")  # four callers in each process would like to probe too
    await world.beats(10)
    assert len(world.dependency.arrivals) == probes
    assert len(set(world.dependency.arrivals)) == probes, "each by another process"
    world.dependency.ill_for = set()
    world.dependency.let_go()
    await world.until(lambda: world.all_are("closed"))


async def test_a_bad_probe_sends_all_back_to_rest(world):
    await world.start(*THREE)
    await world.trip_together()
    world.dependency.arrivals.clear()
    began = time.monotonic()
    await world.until(lambda: len(world.dependency.arrivals) >= 3)
    assert time.monotonic() - began > 2, "three probes of one fleet, a rest between two"
    assert all("closed" not in p.states[p.states.index("open") :] for p in world.processes.values())


async def test_another_probes_when_the_prober_is_killed_and_its_lease_runs_out(world):
    lease_s = 2.0
    await world.start(*THREE, probe_lease_s=lease_s)
    await world.trip_together()
    world.dependency.hold()
    await world.until(lambda: len(world.dependency.arrivals) == 1)
    began = time.monotonic()
    (dead,) = world.dependency.arrivals
    await world.processes.pop(dead).kill()
    await world.until(lambda: len(world.dependency.arrivals) == 2)
    assert world.dependency.arrivals[1] != dead
    # It was lent before it came to us: by a beat, and the call's way.
    assert time.monotonic() - began > lease_s - 1.0, "not before the lease was over"
    world.dependency.ill_for = set()
    world.dependency.let_go()
    await world.until(lambda: world.all_are("closed"))


@pytest.mark.parametrize("ahead_s", [3600.0, -3600.0])
async def test_a_process_whose_wall_clock_is_an_hour_off_changes_nothing(world, ahead_s):
    await world.start("a", "b")
    await world.start("c", wall_ahead_s=ahead_s)
    assert abs(world.said("c", "wall_s") - world.said("a", "wall_s") - ahead_s) < 60
    await world.trip_together()
    assert set(world.report_ages_s()) == set(THREE)
    assert all(abs(age_s) < 60 for age_s in world.report_ages_s().values())
    world.dependency.hold()
    await world.until(lambda: len(world.dependency.arrivals) == 1)
    await world.beats(5)
    assert len(world.dependency.arrivals) == 1
    world.dependency.ill_for = set()
    world.dependency.let_go()
    await world.until(lambda: world.all_are("closed"))
