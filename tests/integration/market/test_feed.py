"""The feed on a real database: one gapless order, equal in every run, whatever is killed."""

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest

from price_files import ticks_of
from tradesense.infra.lease import LeaseLost, hold
from tradesense.kernel.instants import to_us
from tradesense.market import (
    Feed,
    Kind,
    open_files,
    read_tape,
    tape_clock_us,
)

FRIDAY = datetime(2014, 5, 2, tzinfo=UTC)
PRAGUE = "00:00 Europe/Prague"


async def resets(_):
    return (PRAGUE,)


@asynccontextmanager
async def feeding(runtime, source):
    """Run the feed on `source` for the length of the block, then stop it as a kill would."""
    async with hold(runtime.db, "feed", ttl_s=0.5) as lease:
        feed = Feed(db=runtime.db, lease=lease, now=runtime.now, resets=resets)
        playing = asyncio.ensure_future(feed.play(source))
        try:
            yield feed
        finally:
            playing.cancel()
            with suppress(asyncio.CancelledError):
                await playing


async def at_clock(runtime, moment):
    async with asyncio.timeout(20):
        while True:
            async with runtime.db.reading() as tx:
                if await tape_clock_us(tx) >= to_us(moment):
                    return
            await asyncio.sleep(0.005)


async def tape(runtime):
    async with runtime.db.reading() as tx:
        return await read_tape(tx, after=0, limit=1_000_000)


async def test_the_clock_brings_its_prices_and_then_itself(runtime, clock, tmp_path):
    at = clock.now()
    source = open_files([ticks_of(tmp_path, at, count=10, every_ms=1000)])

    async with feeding(runtime, source):
        await at_clock(runtime, at)
        clock.set(at + timedelta(seconds=4))
        await at_clock(runtime, clock.now())

    items = await tape(runtime)
    assert [item.price_seq for item in items] == list(range(1, len(items) + 1))
    assert [item.kind for item in items] == [Kind.QUOTE, Kind.CLOCK, *[Kind.QUOTE] * 4, Kind.CLOCK]
    assert all(item.at_us <= to_us(clock.now()) for item in items)


async def test_a_feed_stopped_at_any_moment_goes_on_with_the_next_price(
    runtime, clock, tmp_path, chance
):
    at = clock.now()
    source = open_files([ticks_of(tmp_path, at, count=9_000, every_ms=10)])
    clock.set(at + timedelta(seconds=200))

    stops = 0
    for _ in range(5):
        async with feeding(runtime, source):
            await asyncio.sleep(chance.random() / 5)
        stops += 1
    async with feeding(runtime, source):
        await at_clock(runtime, clock.now())

    items = await tape(runtime)
    quotes = [item for item in items if item.kind == Kind.QUOTE]
    assert [item.price_seq for item in items] == list(range(1, len(items) + 1))
    assert [quote.at_us for quote in quotes] == [quote.at_us for quote in source.quotes()]
    assert stops == 5


async def test_a_second_feed_cannot_commit(runtime, clock, tmp_path):
    source = open_files([ticks_of(tmp_path, clock.now(), count=10, every_ms=1000)])
    async with hold(runtime.db, "feed", ttl_s=0.5) as old:
        pass
    async with feeding(runtime, source):
        await at_clock(runtime, clock.now())
        late = Feed(db=runtime.db, lease=old, now=runtime.now, resets=resets)
        with pytest.raises(LeaseLost):
            await late.play(source)
