"""The feed as its own process: killed without warning, stopped in good order, told wrong things."""

import asyncio
import signal
import sys
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from integration.market.one_go import in_one_go
from price_files import ticks_of
from tradesense.infra.clock import DrivenClock
from tradesense.market import open_files


@pytest.fixture
def environment(settings, tmp_path, clock):
    """The settings of a feed under a driven clock that stands at the test's."""
    DrivenClock.create(tmp_path / "clock", clock.now())
    return {
        "TRADESENSE_HOME": str(settings.home),
        "TRADESENSE_DATABASE_URL": settings.database_url,
        "TRADESENSE_OWNER_URL": settings.owner_url,
        "TRADESENSE_SEALER_URL": settings.sealer_url,
        "TRADESENSE_REDIS_URL": settings.redis_url,
        "TRADESENSE_CLOCK": "driven",
        "TRADESENSE_SECRET": settings.secret,
    }


@asynccontextmanager
async def a_feed(environment):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tradesense.app.processes", "feed",
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_killed_five_times_it_makes_the_tape_of_one_that_lived(
    tape, clock, tmp_path, environment, chance
):
    path = ticks_of(tmp_path, clock.now(), count=40_000, every_ms=10)
    environment["TRADESENSE_PRICES"] = str(path)
    driven = DrivenClock(tmp_path / "clock")
    clock.set(clock.now() + timedelta(seconds=400))

    lengths = []
    for _ in range(5):
        async with a_feed(environment) as feed:
            await until_grown(tape, lengths[-1] if lengths else 0)
            driven.set(clock.now())
            await asyncio.sleep(chance.random() / 8)
            feed.kill()
        lengths.append(len(await tape.items()))
    async with a_feed(environment):
        await tape.at(clock.now())
        await tape.flush()

    steps = (clock.now() - timedelta(seconds=400), clock.now())
    expected = in_one_go(open_files([path]), *steps)
    assert tuple(await tape.items()) == expected.items
    assert lengths[0] < lengths[-1], "every kill came too late: the test shows nothing"


async def until_grown(tape, length):
    """Wait until the tape has more than `length` items, or all of them."""
    async with asyncio.timeout(30):
        while (now := len(await tape.items())) <= length and now < 40_000:
            await asyncio.sleep(0.05)


async def test_asked_to_stop_it_stops_and_gives_the_lease_back(tape, clock, environment, runtime):
    environment["TRADESENSE_SEED"] = "5"
    async with a_feed(environment) as feed:
        await tape.at(clock.now())
        feed.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(feed.wait(), 10) == 0
    async with runtime.db.reading() as tx:
        cursor = await tx.execute("SELECT holder FROM infra_leases WHERE name = 'feed'")
        assert (await cursor.fetchone())["holder"] is None


async def test_files_that_cannot_be_played_end_it_with_the_line(tmp_path, environment, clock):
    path = ticks_of(tmp_path, clock.now(), count=3, every_ms=10)
    bad = path.with_name("oanda_eurusd_20140502_bad.csv")
    bad.write_text("timestamp,bid,ask\n2014-05-02 00:00:00+00:00,1.5\n")
    environment["TRADESENSE_PRICES"] = f"{path}:{bad}"
    async with a_feed(environment) as feed:
        output, _ = await asyncio.wait_for(feed.communicate(), 20)
    assert feed.returncode == 2
    assert f"{bad}:2: bid and ask are missing" in output.decode()


async def test_files_need_a_driven_clock(tmp_path, environment, clock):
    path = ticks_of(tmp_path, clock.now(), count=3, every_ms=10)
    environment |= {"TRADESENSE_PRICES": str(path), "TRADESENSE_CLOCK": "system"}
    async with a_feed(environment) as feed:
        output, _ = await asyncio.wait_for(feed.communicate(), 20)
    assert feed.returncode == 2
    assert "tradesense story --prices FILE" in output.decode()
