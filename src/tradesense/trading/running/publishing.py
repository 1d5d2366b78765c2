"""
What the engine tells live pages and sockets through Redis, after it is committed.

`trading.updates` carries the id of an account that has new entries on its stream: a wake, the
entries themselves are read from the database. `trading.marks` carries, at most ten times a
second, JSON of the last prices and of the equity of accounts that hold something.
"""

import asyncio
import time
from collections.abc import Iterable

import msgspec

from tradesense.infra.redis import Redis
from tradesense.trading.engine.book import Book
from tradesense.trading.engine.state import Account, Output
from tradesense.trading.engine.turn import equity_minor

UPDATES = "trading.updates"
MARKS = "trading.marks"
MARKS_EVERY_S = 0.1
ACCOUNTS_MAX = 500  # per message; with more open accounts each gets its turn


class Publisher:
    """Keeps what is to be told and tells it from a task of its own: the engine never waits."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._wake = asyncio.Event()
        self._updates: dict[str, None] = {}
        self._marks: bytes | None = None
        self._marked_at = 0.0
        self._turn = 0

    def note(self, book: Book, outputs: Iterable[Output]) -> None:
        """Take note of what was just committed."""
        self._updates.update((str(output.account_id), None) for output in outputs)
        if time.monotonic() - self._marked_at >= MARKS_EVERY_S:
            self._marked_at = time.monotonic()
            self._marks = self._encode(book)
        if self._updates or self._marks is not None:
            self._wake.set()

    async def run(self) -> None:
        """Tell for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            updates, self._updates = self._updates, {}
            for account_id in updates:
                await self._redis.publish(UPDATES, account_id.encode())
            marks, self._marks = self._marks, None
            if marks is not None:
                await self._redis.publish(MARKS, marks)

    def _encode(self, book: Book) -> bytes:
        market = book.market
        return msgspec.json.encode(
            {
                "price_seq": market.price_seq,
                "at_us": market.feed_us,
                "quotes": {
                    symbol: {"bid": mark.bid, "ask": mark.ask, "at_us": mark.at_us}
                    for symbol, mark in market.marks.items()
                },
                "equity_minor": {
                    str(account.setup.account_id): equity_minor(account, market.marks)
                    for account in self._some(book)
                },
            }
        )

    def _some(self, book: Book) -> list[Account]:
        holding = [account for account in book.accounts.values() if account.positions]
        if len(holding) <= ACCOUNTS_MAX:
            return holding
        self._turn = (self._turn + ACCOUNTS_MAX) % len(holding)
        return (holding + holding)[self._turn : self._turn + ACCOUNTS_MAX]
