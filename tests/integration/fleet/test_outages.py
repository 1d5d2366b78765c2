"""Valkey is killed, hangs or forgets all: each process goes on by itself, and then joins again."""

import pytest
import redis

from faults import stopped
from tradesense.resilience.fleet import Phase, load

THREE = ("a", "b", "c")
# So that each can open and close by itself; and the fleet, when there is one, is quicker.
ALONE = {"calls_min": 20, "window_s": 3.0, "rest_s": 3.0, "beat_s": 0.25}


async def one_again(world):
    """All fall ill, and one probes for all: three processes that were alone would be three."""
    await world.until(lambda: not any(world.alone))
    await world.until(lambda: world.all_are("closed"))
    await world.beats(4)  # the fleet has listened for a while before it judges
    await world.trip_together()
    await world.until(lambda: fleet_rests(world))
    world.dependency.hold()
    await world.until(lambda: bool(world.dependency.arrivals))
    await world.beats(2)
    await world.calls(10, "refused")
    assert len(world.dependency.arrivals) == 1
    world.dependency.ill_for = set()
    world.dependency.let_go()
    await world.until(lambda: world.all_are("closed"))


def fleet_rests(world):
    return record(world).phase is Phase.OPEN


def record(world):
    with redis.Redis.from_url(world.redis_url) as server:
        (key,) = server.keys("tradesense:fleet:*")
        return load(server.get(key))


async def goes_on_alone(world):
    """A sees failures, opens, probes and closes; the others hear nothing of it."""
    world.dependency.ill_for = {"a"}
    await world.until(lambda: world.states["a"] == "open")
    assert "calls failed" in world.said("a", "why")
    world.dependency.ill_for = set()
    await world.until(lambda: world.states["a"] == "closed")
    assert [world.processes[name].states for name in "bc"] == [["closed"]] * 2


async def test_when_valkey_is_killed_each_goes_on_by_itself_and_joins_again(world):
    await world.start(*THREE, **ALONE)
    world.kill_valkey()
    await world.until(lambda: all(world.alone))
    await goes_on_alone(world)
    world.start_valkey()
    await one_again(world)


async def test_when_valkey_hangs_calls_go_on_without_a_single_answer_of_it(world):
    await world.start(*THREE, **ALONE)
    with stopped(world.valkey_pid):
        await world.until(lambda: all(world.alone))
        heard = world.counts("heard")
        await world.calls(200)
        await goes_on_alone(world)
        assert world.counts("heard") == heard, "no beat came through"
    await one_again(world)


async def test_a_rest_that_the_fleet_ordered_ends_by_itself_when_valkey_is_killed(world):
    await world.start(*THREE, rest_s=3.0, fleet_rest_s=3.0)
    await world.trip_together()
    world.dependency.ill_for = set()
    world.kill_valkey()
    await world.until(lambda: world.all_are("closed"))
    assert all(world.alone)


@pytest.mark.parametrize("garbled", [False, True])
async def test_when_valkey_forgets_all_nobody_closes_and_the_fleet_finds_out_again(world, garbled):
    await world.start(*THREE, fleet_rest_s=60.0)
    await world.trip_together()
    await world.until(lambda: fleet_rests(world))
    before = record(world)
    with redis.Redis.from_url(world.redis_url) as server:
        (key,) = server.keys("tradesense:fleet:*")
        server.set(key, b"no record") if garbled else server.flushall()
        await world.beats(10)
        assert world.all_are("open"), "nobody knows that the dependency is well"
        await world.until(lambda: fleet_rests(world))
        assert record(world).since_s > before.since_s
        assert 0 < server.pttl(key) <= 120_000, "what nobody beats for is forgotten"


async def test_a_flush_in_the_middle_takes_no_process_from_the_fleet(world):
    await world.start(*THREE, **ALONE)
    with redis.Redis.from_url(world.redis_url) as server:
        server.flushall()
        await world.beats(5)
        assert not any(world.alone)
        assert world.all_are("closed")
    await one_again(world)
