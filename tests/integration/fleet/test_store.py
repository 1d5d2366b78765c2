"""The records in Valkey: no beat is lost among many, and the only clock is the server's."""

import asyncio
import socket
import time

import pytest
import redis

from tradesense.infra.fleet import Contended, RedisFleet, joined
from tradesense.infra.redis import Redis, RedisAway
from tradesense.resilience import Breaker, BreakerSettings, PolicySettings, Streak
from tradesense.resilience.breaker import Breakers
from tradesense.resilience.fleet import Beat, FleetSettings, load
from tradesense.resilience.policy import Policies

SETTINGS = FleetSettings(calls_min=4, hearing_s=0.0)


@pytest.fixture
def fleet(tmp_path):
    """A name that no other test has on this server."""
    return str(tmp_path)


def record(url, fleet, breaker="stripe"):
    with redis.Redis.from_url(url) as server:
        return load(server.get(f"tradesense:fleet:1:{fleet}:{breaker}"))


async def beats(url, fleet, name, *, count):
    """Beat from a connection of its own; give way when the others are quicker."""
    async with Redis.open(url) as own:
        store = RedisFleet(own, lambda _: SETTINGS, fleet=fleet)
        done = 0
        while done < count:
            try:
                await store.exchange("stripe", Beat(name, 0, done, 0))
                done += 1
            except Contended:
                await asyncio.sleep(0)


async def test_no_beat_is_lost_however_many_beat_at_once(valkey_url, fleet):
    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(beats(valkey_url, fleet, f"n{number}", count=20))
    reports = record(valkey_url, fleet).reports
    assert {name: report.calls for name, report in reports.items()} == {
        f"n{number}": 19 for number in range(6)
    }


async def test_only_one_of_many_who_ask_at_once_gets_the_probe(valkey_url, fleet):
    settings = FleetSettings(calls_min=4, hearing_s=0.0, rest_s=0.01, report_life_s=60.0)
    async with Redis.open(valkey_url) as own:
        store = RedisFleet(own, lambda _: settings, fleet=fleet)
        for name in "abab":
            view = await store.exchange("stripe", Beat(name, 0, 5, 5))
        assert view.phase == "open"
        await asyncio.sleep(0.02)

        async def ask(name):
            async with Redis.open(valkey_url) as its:
                theirs = RedisFleet(its, lambda _: settings, fleet=fleet)
                while True:
                    try:
                        beat = Beat(name, view.era, 0, 0, wants_probe=True)
                        return (await theirs.exchange("stripe", beat)).loan
                    except Contended:
                        await asyncio.sleep(0)

        loans = await asyncio.gather(*(ask(f"n{number}") for number in range(12)))
    assert sum(loan is not None for loan in loans) == 1


async def test_the_records_times_are_the_servers(valkey_url, fleet):
    await beats(valkey_url, fleet, "a", count=1)
    with redis.Redis.from_url(valkey_url) as server:
        seconds, microseconds = server.time()
        life_ms = server.pttl(f"tradesense:fleet:1:{fleet}:stripe")
    report = record(valkey_url, fleet).reports["a"]
    assert 0 <= seconds + microseconds / 1e6 - report.at_s < 5
    assert 0 < life_ms <= 1000 * SETTINGS.record_life_s


class Outrun(Redis):
    """Somebody else always writes between our look and our swap."""

    async def look(self, key):
        seen = await super().look(key)
        await self.swap(key, seen[0], (seen[0] or b"") + b" ", for_s=60)
        return seen


async def test_a_beat_that_others_always_outrun_gives_up(valkey_url, fleet, caplog):
    async with Outrun.open(valkey_url) as outrun:
        store = RedisFleet(outrun, lambda _: SETTINGS, fleet=fleet)
        with pytest.raises(Contended):
            await store.exchange("stripe", Beat("a", 0, 1, 0))
    assert "no record of ours" in caplog.text, "what they wrote was no record either"


async def test_a_server_that_is_away_is_said_so():
    async with Redis.open("redis://127.0.0.1:1/0") as away:
        assert not away.is_absent
        store = RedisFleet(away, lambda _: SETTINGS)
        for _ in range(2):
            with pytest.raises(RedisAway):
                await store.exchange("stripe", Beat("a", 0, 1, 0))


async def test_breakers_made_later_join_too_and_what_has_none_is_passed_over(valkey_url, fleet):
    breakers = Breakers(lambda *_: BreakerSettings(window=Streak()))
    async with (
        Redis.open(valkey_url) as own,
        joined(own, breakers, node="a", fleet=fleet, beat_s=0.02) as node,
    ):
        breakers.of("stripe", "refund")
        async with asyncio.timeout(10):
            while "stripe.refund" not in node.members:
                await asyncio.sleep(0.01)
            while not node.members["stripe.refund"].beats_heard:
                await asyncio.sleep(0.01)
    assert "a" in record(valkey_url, fleet, "stripe.refund").reports
    policies = Policies({"pool": PolicySettings(), "stripe": PolicySettings(
        breaker=BreakerSettings())})  # fmt: skip
    async with Redis.open(valkey_url) as own, joined(own, policies, node="a", fleet=fleet) as node:
        await node.beat()
        assert set(node.members) == {"stripe"}


async def test_without_redis_there_is_no_fleet_and_an_error_of_the_block_stays_what_it_is():
    async with Redis.open("") as none, joined(none, [Breaker("b")], node="a") as node:
        await asyncio.sleep(0)
        assert node.members == {}
    async with Redis.open("redis://127.0.0.1:1/0") as away:
        with pytest.raises(KeyError, match="the block's own"):
            async with joined(away, [Breaker("b")], node="a"):
                raise KeyError("the block's own")


async def test_a_process_that_leaves_at_any_moment_of_a_beat_leaves_at_once(valkey_url, fleet):
    for turns in range(60):  # of the event loop: to connect, to log in, to ask, to write
        async with (
            asyncio.timeout(10),
            Redis.open(valkey_url) as own,
            joined(own, [Breaker("stripe")], node="a", fleet=fleet, beat_s=0.001),
        ):
            for _ in range(turns):
                await asyncio.sleep(0)


async def test_a_guarded_call_does_not_wait_even_once_while_a_beat_hangs():
    async def answer():
        return 1

    breaker = Breaker("stripe")
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # it takes connections, and no more
        port = deaf.getsockname()[1]
        await calls_on(breaker, port, answer)


async def calls_on(breaker, port, answer):
    async with (
        Redis.open(f"redis://127.0.0.1:{port}/0") as hung,
        joined(hung, [breaker], node="a", beat_s=0.01) as node,
    ):
        while "stripe" not in node.members:
            await asyncio.sleep(0)  # the beat is under way, and nobody will answer it
        for _ in range(1000):
            call = breaker.call(answer)
            with pytest.raises(StopIteration):  # it ended in one go: there was nothing to await
                call.send(None)
        assert breaker.snapshot().calls == 1000
        assert node.members["stripe"].beats_heard == 0
        began = time.monotonic()
        while not node.members["stripe"].is_alone:
            await asyncio.sleep(0.01)
        assert time.monotonic() - began < 5, "a beat gives up by itself"
