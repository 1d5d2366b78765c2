"""What one price costs the engine with 10, 1,000 and 10,000 accounts, and without its index."""

import random  # noqa: TID251 -- a seeded market; the same in every run
import time
from collections.abc import Callable
from functools import partial
from uuid import UUID

from bench.harness import Row, interleaved, show
from tradesense.market import INSTRUMENTS
from tradesense.market.model import Kind, Status, TapeItem
from tradesense.trading.engine.arithmetic import Mark
from tradesense.trading.engine.book import Book
from tradesense.trading.engine.judging import crossed_guards
from tradesense.trading.engine.state import Command, Market, Open, Place
from tradesense.trading.engine.turn import equity_minor
from tradesense.trading.model import (
    AccountSetup,
    BelowResetBalance,
    Comparison,
    Guard,
    Measure,
    OrderRequest,
    OrderType,
    Side,
    Static,
    TimeInForce,
)

START_US = 1_399_017_600_000_000  # Friday 2014-05-02, 08:00 UTC
PRICES = {"EUR/USD": 138_000, "GBP/USD": 168_000, "USD/JPY": 102_000, "AUD/USD": 92_000}
LEGS = 2
TICKS = 20_000
TICKS_JUDGING_ALL = 200
SIZES = (10, 1_000, 10_000)


def measure() -> list[Row]:
    """Return nanoseconds per price, medians of interleaved rounds."""
    candidates: dict[str, Callable[[], float]] = {
        f"engine, {size:,} accounts": partial(_World(size).ns_per_price, TICKS) for size in SIZES
    }
    candidates["judging every account, 1,000 accounts"] = _World(1_000).ns_per_price_judging_all
    found = interleaved(candidates)
    least = found[f"engine, {SIZES[0]:,} accounts"]
    return [
        Row(
            name=name,
            value=value,
            unit="ns/price",
            against=f"{SIZES[0]} accounts",
            ratio=value / least,
        )
        for name, value in found.items()
    ]


class _World:
    """A book of accounts that hold something, and a market that goes on from round to round."""

    def __init__(self, accounts: int) -> None:
        self._dice = random.Random(accounts)  # noqa: S311 -- a market, not a secret
        self._book = Book(Market(), [])
        self._prices = dict(PRICES)
        self._seq = 0
        for symbol in sorted(PRICES):
            self._book.apply(self._quote(symbol))
        for number in range(1, accounts + 1):
            _open(self._book, number, self._dice)

    def ns_per_price(self, ticks: int) -> float:
        items = [self._quote(self._dice.choice(sorted(PRICES))) for _ in range(ticks)]
        begun = time.perf_counter_ns()
        for item in items:
            self._book.apply(item)
        return (time.perf_counter_ns() - begun) / ticks

    def ns_per_price_judging_all(self) -> float:
        """Take prices as an engine without an index does: equity and floors of every account."""
        marks = self._book.market.marks
        items = [self._quote(self._dice.choice(sorted(PRICES))) for _ in range(TICKS_JUDGING_ALL)]
        begun = time.perf_counter_ns()
        for item in items:
            marks[item.symbol or ""] = Mark(item.bid or 0, item.ask or 0, item.at_us, 0)
            for account in self._book.accounts.values():
                crossed_guards(account, equity_minor(account, marks))
        return (time.perf_counter_ns() - begun) / TICKS_JUDGING_ALL

    def _quote(self, symbol: str) -> TapeItem:
        self._seq += 1
        self._prices[symbol] += round(self._dice.gauss(0, 3))
        bid = self._prices[symbol]
        at_us = START_US + self._seq * 50_000
        return TapeItem(self._seq, Kind.QUOTE, at_us, symbol, bid, bid + 8, Status.VALID)


def _open(book: Book, number: int, dice: random.Random) -> None:
    """Open an account and let it hold two symbols, long or short."""
    account_id = UUID(int=number)
    book.take(Command(account_id, START_US, Open(_setup(account_id))))
    for leg, symbol in enumerate(dice.sample(sorted(PRICES), LEGS)):
        order = OrderRequest(
            client_order_id=str(leg),
            symbol=symbol,
            side=dice.choice(list(Side)),
            type=OrderType.MARKET,
            tif=TimeInForce.GTC,
            qty=dice.choice([50_000, 100_000, 200_000]),
        )
        book.take(Command(account_id, START_US, Place(UUID(int=number * LEGS + leg), order)))


def _setup(account_id: UUID) -> AccountSetup:
    return AccountSetup(
        account_id=account_id,
        challenge_id=account_id,
        phase="phase 1",
        currency="USD",
        initial_minor=10_000_000,
        leverage=30,
        instruments=tuple(INSTRUMENTS[symbol] for symbol in PRICES),
        guards=(
            _guard("daily loss", BelowResetBalance(amount_minor=500_000)),
            _guard("overall loss", Static(floor_minor=9_000_000)),
        ),
        target=None,
        reset="00:00 Europe/Prague",
        terms_sha256="",
    )


def _guard(name: str, recipe: BelowResetBalance | Static) -> Guard:
    return Guard(name=name, measure=Measure.EQUITY, recipe=recipe, comparison=Comparison.BELOW)


if __name__ == "__main__":
    show(measure())
