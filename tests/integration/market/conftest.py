"""A feed to start and stop, and the tape it makes."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from tradesense.infra.lease import hold
from tradesense.kernel.instants import to_us
from tradesense.market import Feed, is_flushed, read_tape, request_flush, tape_clock_us

PRAGUE = "00:00 Europe/Prague"
PATIENCE_S = 30


async def resets(_):
    return (PRAGUE,)


class Tape:
    """The tape of one test, and the feed that writes it."""

    def __init__(self, runtime):
        self.runtime = runtime

    @asynccontextmanager
    async def played(self, source):
        """Play `source` for the length of the block."""
        async with self._running(lambda feed: feed.play(source)) as feed:
            yield feed

    @asynccontextmanager
    async def simulated(self, seed, instruments):
        """Simulate a market in real time for the length of the block."""
        async with self._running(lambda feed: feed.simulate(seed, instruments)) as feed:
            yield feed

    @asynccontextmanager
    async def _running(self, work):
        async with hold(self.runtime.db, "feed", ttl_s=0.5) as lease:
            feed = Feed(db=self.runtime.db, lease=lease, now=self.runtime.now, resets=resets)
            working = asyncio.ensure_future(work(feed))
            try:
                yield feed
            finally:
                working.cancel()
                with suppress(asyncio.CancelledError):
                    await working

    async def items(self):
        async with self.runtime.db.reading() as tx:
            return await read_tape(tx, after=0, limit=1_000_000)

    async def at(self, moment):
        """Wait until the clock's step to `moment` is on the tape."""
        await self._until(lambda tx: self._has_come_to(tx, to_us(moment)))

    async def _has_come_to(self, tx, moment_us):
        return await tape_clock_us(tx) >= moment_us

    async def flush(self, up_to=None):
        """Ask for a flush and wait until it is done; return the number up to which."""
        wanted = await self.runtime.db.repeat(lambda tx: request_flush(tx, up_to=up_to))
        await self._until(lambda tx: is_flushed(tx, wanted))
        return wanted

    async def _until(self, is_so):
        async with asyncio.timeout(PATIENCE_S):
            while True:
                async with self.runtime.db.reading() as tx:
                    if await is_so(tx):
                        return
                await asyncio.sleep(0.005)


@pytest.fixture
def tape(runtime):
    return Tape(runtime)
