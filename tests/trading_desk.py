"""A desk for tests: a tape to write, commands to give, an engine to run over both."""

from contextlib import asynccontextmanager
from uuid import UUID

from tradesense import market, trading, trail
from tradesense.infra.lease import hold
from tradesense.infra.policies import own_policy
from tradesense.infra.redis import Redis
from tradesense.kernel.errors import Unavailable
from tradesense.kernel.instants import to_us
from tradesense.market.model import Kind, Status, TapeItem
from tradesense.trading.model import CloseRequest, OrderRequest, OrderType, Side, TimeInForce
from tradesense.trading.running.loop import Engine
from tradesense.trading.running.publishing import Publisher
from tradesense.trading.running.wake import Waker
from trading_world import EURUSD

ACCOUNT = UUID(int=1)


class Desk:
    """A tape to write, commands to give, an engine to run over both."""

    def __init__(self, db, clock, urls):
        self.db, self.clock, self.urls = db, clock, urls
        self.seq = 0
        self.concluded = []
        self.fails = False

    async def quote(self, bid, ask=None, symbol=EURUSD, status=Status.VALID):
        await self.put(
            kind=Kind.QUOTE, symbol=symbol, bid=bid, ask=bid if ask is None else ask, status=status
        )

    async def put(self, **fields):
        self.seq += 1
        item = TapeItem(price_seq=self.seq, at_us=to_us(self.clock.now()), **fields)
        await self.db.repeat(lambda tx: market.append(tx, [item]))

    async def open(self, setup):
        await self.ask(lambda tx: trading.request_open(tx, setup=setup, now=self.clock.now()))

    async def order(self, qty, name, side=Side.BUY, limit=None):
        request = OrderRequest(
            client_order_id=name, symbol=EURUSD, side=side,
            type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            tif=TimeInForce.GTC, qty=qty, limit_price=limit,
        )  # fmt: skip
        return await self.ask(
            lambda tx: trading.request_order(
                tx, account_id=ACCOUNT, order=request, now=self.clock.now()
            )
        )

    async def close(self, name):
        request = CloseRequest(client_order_id=name, symbol=EURUSD)
        return await self.ask(
            lambda tx: trading.request_close(
                tx, account_id=ACCOUNT, close=request, now=self.clock.now()
            )
        )

    async def withdraw(self, amount_minor, withdrawal_id, account_id=ACCOUNT):
        await self.ask(
            lambda tx: trading.request_withdrawal(
                tx, account_id=account_id, withdrawal_id=withdrawal_id,
                amount_minor=amount_minor, now=self.clock.now(),
            )
        )  # fmt: skip

    async def restore(self, withdrawal_id, account_id=ACCOUNT):
        await self.ask(
            lambda tx: trading.request_restore(
                tx, account_id=account_id, withdrawal_id=withdrawal_id, now=self.clock.now()
            )
        )

    async def ask(self, verb):
        return await self.db.repeat(verb)

    @asynccontextmanager
    async def engine(self, *, is_driven=False):
        async with hold(self.db, "engine") as lease:
            yield Engine(
                db=self.db, lease=lease, now=self.clock.now, is_driven=is_driven,
                conclude=self.conclude, waker=Waker(self.urls.app, own_policy("tests")),
                publisher=Publisher(Redis("")),
            )  # fmt: skip

    async def conclude(self, tx, outcome, now):
        if self.fails:
            raise Unavailable("the verdict cannot be stored now")
        await tx.execute("SELECT 1")
        self.concluded.append((outcome, now))

    async def settle(self, **how):
        """Run an engine from the rows until it has nothing to do."""
        async with self.engine(**how) as engine:
            book = await engine.load()
            while await engine.advance(book):
                pass
            return book

    async def rows(self, query):
        async with self.db.reading() as tx:
            cursor = await tx.execute(query)
            return await cursor.fetchall()

    async def kinds(self):
        async with self.db.reading() as tx:
            return [entry.kind for entry in await trail.read_stream(tx, f"account:{ACCOUNT}")]
