"""At most one holder commits, whatever happens to the others."""

import asyncio
import os
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from faults import Cut, stopped, wire
from tradesense.infra.db import Database
from tradesense.infra.lease import Lease, LeaseLost, hold, is_surely_dead, this_process

TTL_S = 0.6

HOLD = """
import asyncio, sys
from tradesense.infra.db import Database
from tradesense.infra.lease import LeaseLost, hold

async def main(url, ttl_s):
    async with Database.open(url) as db:
        async with hold(db, "engine", ttl_s=ttl_s) as lease:
            print("token", lease.token, flush=True)
            while True:
                async def beat_the_drum(tx):
                    await lease.confirm(tx)
                    await tx.execute("SELECT pg_notify('drum', '')")
                try:
                    await db.repeat(beat_the_drum)
                except LeaseLost:
                    print("refused", flush=True)
                    raise
                await asyncio.sleep(0.02)

asyncio.run(main(sys.argv[1], float(sys.argv[2])))
"""


class Holder:
    """Another process that holds the lease and works under it."""

    def __init__(self, url, ttl_s=TTL_S):
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, url, str(ttl_s)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    async def says(self):
        return (await asyncio.to_thread(self.process.stdout.readline)).strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(timeout=5)
        self.process.stdout.close()


async def confirm(db, lease):
    await db.repeat(lease.confirm)


async def test_the_first_takes_token_one_and_gives_it_back(db):
    async with hold(db, "engine", ttl_s=TTL_S) as lease:
        assert lease == Lease("engine", 1)
        await confirm(db, lease)
    began = time.monotonic()
    async with hold(db, "engine", ttl_s=60) as next_one:
        assert next_one.token == 2
        with pytest.raises(LeaseLost):
            await confirm(db, lease)
    assert time.monotonic() - began < 1


async def test_leases_of_other_names_are_other_leases(db):
    async with hold(db, "engine") as engine, hold(db, "feed") as feed:
        assert {engine.token, feed.token} == {1}


async def test_a_beating_holder_is_waited_for(db):
    async with hold(db, "engine", ttl_s=TTL_S) as lease:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3 * TTL_S), hold(db, "engine", ttl_s=TTL_S):
                pytest.fail("two hold it")
        await confirm(db, lease)


async def test_a_dead_process_is_succeeded_at_once(database, db):
    with Holder(database.app, ttl_s=60) as holder:
        assert await holder.says() == "token 1"
        holder.process.kill()
        began = time.monotonic()
        async with hold(db, "engine", ttl_s=60) as lease:
            assert lease.token == 2
        assert time.monotonic() - began < 2


async def test_a_frozen_holder_is_taken_over_and_cannot_commit_when_it_comes_back(database, db):
    with Holder(database.app) as holder:
        assert await holder.says() == "token 1"
        with stopped(holder.process.pid):
            began = time.monotonic()
            async with hold(db, "engine", ttl_s=TTL_S) as lease:
                assert lease.token == 2
                assert time.monotonic() - began > TTL_S * 0.8
                await confirm(db, lease)
                os.kill(holder.process.pid, 18)  # SIGCONT: it comes back while we hold
                said = await holder.says()
                await confirm(db, lease)
        assert said in {"refused", ""}  # its transaction, or its beat, found out first
        assert await asyncio.to_thread(holder.process.wait, 5) != 0


async def test_a_holder_frozen_inside_a_transaction_is_waited_for_only_so_long(database, db):
    async with Database.open(database.app) as far:
        frozen = asyncio.Event()
        ended = asyncio.Event()

        async def freeze(tx):
            await lease.confirm(tx)
            frozen.set()
            await ended.wait()
            await tx.execute("SELECT 1")

        async def taken_over():
            async with hold(db, "engine", ttl_s=TTL_S) as successor:
                return successor.token

        lease = Lease("engine", await far.repeat(_take_without_beating))
        inside = asyncio.ensure_future(far.run(freeze, key="frozen", patience_s=5))
        await frozen.wait()
        began = time.monotonic()
        assert await taken_over() == 2
        assert 1.5 < time.monotonic() - began < 5  # idle_in_transaction_session_timeout
        ended.set()
        with pytest.raises(LeaseLost):
            await inside


async def _take_without_beating(tx):
    await tx.execute(
        "INSERT INTO infra_leases (name, holder, token) VALUES ('engine', 'elsewhere/1/1', 1)"
    )
    return 1


async def test_a_take_over_waits_for_what_its_holder_is_committing(db):
    await db.repeat(_take_without_beating)
    lease, order = Lease("engine", 1), []
    confirmed = asyncio.Event()

    async def work(tx):
        await lease.confirm(tx)
        confirmed.set()
        await tx.execute("SELECT pg_sleep(1.2)")
        order.append("committed")

    async def succeed():
        async with hold(db, "engine", ttl_s=0.2):
            order.append("taken over")

    working = asyncio.ensure_future(db.run(work, key="work"))
    await confirmed.wait()
    await succeed()
    await working
    assert order == ["committed", "taken over"]


async def test_the_block_of_a_lost_lease_is_cancelled(db):
    began = time.monotonic()

    async def work():
        async with hold(db, "engine", ttl_s=TTL_S):
            await db.repeat(_steal)
            await asyncio.sleep(30)

    with pytest.raises(LeaseLost):
        await work()
    assert time.monotonic() - began < 5


async def _steal(tx):
    await tx.execute("UPDATE infra_leases SET holder = 'thief', token = token + 1, beat = 0")


async def test_an_error_of_the_block_is_raised_as_it_is(db):
    with pytest.raises(ZeroDivisionError):
        async with hold(db, "engine"):
            raise ZeroDivisionError
    async with hold(db, "engine", ttl_s=60) as lease:
        assert lease.token == 2


async def test_a_database_that_is_away_takes_the_lease_from_nobody(database, db):
    """The challenger must not count the time in which nobody could beat."""
    async with (
        wire(database.app) as holders_line,
        wire(database.app) as challengers_line,
        Database.open(holders_line.url) as holders,
        Database.open(challengers_line.url) as challengers,
        hold(holders, "engine", "elsewhere/1/1", ttl_s=1.2) as lease,
    ):
        challenger = asyncio.ensure_future(_succeed(challengers, ttl_s=1.2))
        await asyncio.sleep(0.3)  # it has seen the beat
        holders_line.on_sent = challengers_line.on_sent = _cut_all
        await asyncio.sleep(1.5)
        challengers_line.on_sent = _cut_nothing
        await asyncio.sleep(0.5)  # it is back first, and looks
        holders_line.on_sent = _cut_nothing
        await asyncio.sleep(0.5)
        await confirm(db, lease)
        assert not challenger.done()
        challenger.cancel()
        with suppress(asyncio.CancelledError):
            await challenger


def _cut_nothing(_):
    return None


def _cut_all(_):
    return Cut(is_delivered=False)


async def _succeed(db, ttl_s):
    async with hold(db, "engine", "elsewhere/2/2", ttl_s=ttl_s):
        pytest.fail("it took over")


async def test_many_challengers_one_successor(db):
    holding = []

    async def hold_a_while(who):
        async with hold(db, "engine", f"elsewhere/{who}/1", ttl_s=TTL_S):
            holding.append(who)
            assert len(holding) == 1
            await asyncio.sleep(0.05)
            holding.remove(who)

    await asyncio.gather(*(hold_a_while(who) for who in range(4)))


def test_a_process_knows_the_dead_of_its_own_machine_only():
    alive = this_process()
    machine, pid, started = alive.split("/")
    assert not is_surely_dead(alive)
    assert not is_surely_dead(f"{alive}#7")
    assert is_surely_dead(f"{machine}/{pid}/{int(started) + 1}")  # its pid was given away
    assert is_surely_dead(f"{machine}/4194303/1#2")
    assert not is_surely_dead(f"another.1/{pid}/{int(started) + 1}")
    assert not is_surely_dead("engine-on-somebodys-laptop")
