"""A firm of one trader: feed, engine and sealer at work on the test's database and clock."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from tradesense import challenges, trading, trail
from tradesense.challenges import Challenge
from tradesense.infra.db import Database
from tradesense.infra.lease import hold
from tradesense.infra.runtime import Runtime
from tradesense.kernel.ids import derive
from tradesense.kernel.instants import to_us
from tradesense.market import Feed, Quote
from tradesense.trading.jobs import run_engine
from tradesense.trading.model import CloseRequest, OrderRequest, OrderType, Side, TimeInForce
from tradesense.trail.jobs import run_sealer

PLAN = "ftmo-2step-100k"
EURUSD = "EUR/USD"
PATIENCE_S = 20.0


@dataclass(frozen=True)
class Prices:
    """A source that plays what the test wrote down."""

    list: Sequence[Quote]
    name: str = "the test's prices"
    listing: tuple[str, ...] = ()
    seed: int = 1

    def quotes(self, *, skip: int = 0):
        yield from self.list[skip:]


@dataclass
class Firm:
    """The trader's side of it; every wait ends when the engine has judged all there is."""

    runtime: Runtime
    clock: object
    user_id: UUID
    orders: int = 0

    async def start(self, name: str = "challenge") -> Challenge:
        """Start a challenge for the trader, and wait until its account is open."""
        now = self.runtime.now()
        challenge = await self.runtime.db.run(
            lambda tx: challenges.start(
                tx,
                challenge_id=derive(self.user_id, name),
                user_id=self.user_id,
                purchase_id=derive(self.user_id, name, "purchase"),
                plan=PLAN,
                now=now,
            ),
            key=f"start {name}",
        )
        await self.settled()
        return challenge

    async def until(self, moment: datetime) -> None:
        """Let time pass; every price up to `moment` is judged."""
        self.clock.set(moment)
        await self.settled()

    async def order(self, account_id: UUID, qty: int, **prices: int) -> None:
        """Buy (or sell, below zero) at the market, or at a `limit` or `stop`."""
        self.orders += 1
        kind = next((OrderType(each) for each in prices), OrderType.MARKET)
        request = OrderRequest(
            client_order_id=f"order {self.orders}",
            symbol=EURUSD,
            side=Side.BUY if qty > 0 else Side.SELL,
            type=kind,
            tif=TimeInForce.GTC,
            qty=abs(qty),
            **{f"{each}_price": price for each, price in prices.items()},
        )
        await self._ask(
            lambda tx: trading.request_order(
                tx, account_id=account_id, order=request, now=self.runtime.now()
            )
        )

    async def close(self, account_id: UUID) -> None:
        self.orders += 1
        request = CloseRequest(client_order_id=f"order {self.orders}", symbol=EURUSD)
        await self._ask(
            lambda tx: trading.request_close(
                tx, account_id=account_id, close=request, now=self.runtime.now()
            )
        )

    async def challenge(self, challenge_id: UUID) -> Challenge:
        async with self.runtime.db.reading() as tx:
            return await challenges.get(tx, challenge_id, user_id=self.user_id)

    async def said(self, stream: str) -> list[trail.Entry]:
        async with self.runtime.db.reading() as tx:
            return await trail.read_stream(tx, stream)

    async def settled(self) -> None:
        """Wait until the engine has judged every price and command there is."""
        async with asyncio.timeout(PATIENCE_S):
            while not await self._is_settled():
                await asyncio.sleep(0.01)

    async def _ask(self, verb) -> None:
        await self.runtime.db.repeat(verb)
        await self.settled()

    async def _is_settled(self) -> bool:
        async with self.runtime.db.reading() as tx:
            cursor = await tx.execute(
                """
                SELECT e.clock_us >= %s AND e.price_seq = p.last_seq AND NOT EXISTS (
                    SELECT FROM trading_commands WHERE input_seq IS NULL) AS settled
                FROM trading_engines e, market_position p
                """,
                (to_us(self.runtime.now()),),
            )
            row = await cursor.fetchone()
        return bool(row and row["settled"])


@asynccontextmanager
async def open_firm(
    runtime: Runtime, sealer_db: Database, clock: object, prices: Sequence[Quote]
) -> AsyncIterator[Firm]:
    """Run feed, engine and sealer for the length of the block."""
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_feed(runtime, Prices(prices))),
            group.create_task(run_engine(_driven(runtime), conclude=challenges.conclude)),
            group.create_task(run_sealer(sealer_db, home=runtime.settings.home)),
        ]
        try:
            yield Firm(runtime, clock, runtime.new_id())
        finally:
            for task in tasks:
                task.cancel()


async def _feed(runtime: Runtime, prices: Prices) -> None:
    async with hold(runtime.db, "feed") as lease:
        feed = Feed(db=runtime.db, lease=lease, now=runtime.now, resets=challenges.reset_schedules)
        await feed.play(prices)


def _driven(runtime: Runtime) -> Runtime:
    """Return the runtime as a story has it: commands wait for the prices before them."""
    return replace(runtime, settings=replace(runtime.settings, clock="driven"))


def quotes(*said: tuple[datetime, int]) -> list[Quote]:
    """Return quotes of EUR/USD with a spread of one pip."""
    return [Quote(to_us(at), EURUSD, bid, bid + 10) for at, bid in said]


def steps(start: datetime, *bids: int, every: timedelta = timedelta(seconds=10)) -> list[Quote]:
    """Return one quote after another, `every` so long."""
    return quotes(*((start + n * every, bid) for n, bid in enumerate(bids)))
