"""
The feed: the only process that numbers prices.

Under a driven clock it plays the price files of the settings, or a simulated market of two
weeks; under the system clock it simulates a market in real time.
"""

import logging

from tradesense import challenges
from tradesense.infra.lease import Lease, LeaseLost, hold
from tradesense.infra.runtime import Runtime
from tradesense.infra.settings import Settings
from tradesense.kernel.errors import Invalid
from tradesense.market import INSTRUMENTS, Feed, PriceFiles, SimulatedMarket, open_files
from tradesense.operations.jobs import following

log = logging.getLogger(__name__)

CONNECTIONS = 3  # the lease's beat, a commit, a look at what is asked for

# What moves on the live pages: currencies and gold on weekdays, crypto at any hour.
LIVE = ("EUR/USD", "GBP/USD", "USD/JPY", "XAU/USD", "BTC/USD", "ETH/USD")


class NeedsDrivenClock(Invalid):
    """Files hold the past: only a clock that a story drives can go through it."""

    code = "feed.needs_driven_clock"


async def main(settings: Settings) -> None:
    """
    Sequence prices until SIGTERM or SIGINT.

    Raises BadPrices for files that cannot be played, NeedsDrivenClock for files under the
    system clock; both before the first price is taken.
    """
    source = _played(settings)
    async with (
        Runtime.open(settings, name="feed", connections=CONNECTIONS) as runtime,
        following(runtime, "feed"),
    ):
        while True:
            try:
                async with hold(runtime.db, "feed") as lease:
                    await _sequence(runtime, lease, source)
            except LeaseLost as lost:
                log.warning("%s: waiting for it again", lost)


def _played(settings: Settings) -> PriceFiles | SimulatedMarket | None:
    driven = settings.clock == "driven"
    if settings.prices:
        if not driven:
            raise NeedsDrivenClock(
                "TRADESENSE_PRICES is played under a driven clock only: leave it out, or use"
                " `tradesense story --prices FILE`"
            )
        return open_files(settings.prices, layout=settings.layout, seed=settings.seed)
    return SimulatedMarket(seed=settings.seed) if driven else None


async def _sequence(
    runtime: Runtime, lease: Lease, source: PriceFiles | SimulatedMarket | None
) -> None:
    feed = Feed(db=runtime.db, lease=lease, now=runtime.now, resets=challenges.reset_schedules)
    if source is None:
        await feed.simulate(runtime.settings.seed, [INSTRUMENTS[symbol] for symbol in LIVE])
    else:
        await feed.play(source)
