"""
The engine against a second opinion, and its index against looking at every account.

Chance makes accounts in two currencies with up to six symbols, some converted directly, some
inversely; orders of every type; prices that walk, jump, cross, repeat and fall silent; nights,
weekends and resets. All three must say the same.
"""

import random  # noqa: TID251 -- chance is this test's subject; it is seeded
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from uuid import UUID

import pytest

from tradesense.kernel.ids import derive
from tradesense.kernel.instants import to_us
from tradesense.market.calendars import session_at
from tradesense.market.model import Kind, Status, TapeItem
from tradesense.market.resets import due
from tradesense.trading.engine.book import Book
from tradesense.trading.engine.boxes.edges import EdgeIndex
from tradesense.trading.engine.state import (
    Cancel,
    Close,
    CloseAccount,
    Command,
    Market,
    Open,
    Place,
)
from tradesense.trading.model import (
    CloseRequest,
    Comparison,
    OrderRequest,
    OrderType,
    Reason,
    Side,
    Target,
    TimeInForce,
)
from trading_oracle import Oracle, told
from trading_world import SECOND_US, a_setup, an_instrument, daily, overall

START = to_us(datetime(2014, 4, 30, 20, 0, tzinfo=UTC))  # two hours before Prague's midnight
PRICES = {
    "EUR/USD": 138_000, "GBP/USD": 168_000, "EUR/GBP": 82_000,
    "USD/JPY": 102_000, "EUR/JPY": 141_000, "BTC/USD": 45_000_00,
}  # fmt: skip
RESETS = ("00:00 Europe/Prague", "00:00 UTC")
SPECIAL = {
    "BTC/USD": {"price_digits": 2, "qty_digits": 4, "stale_after_s": 120},
    "GBP/USD": {"stale_after_s": 20},  # often silent for longer, so that judgements wait for it
    "USD/JPY": {"stale_after_s": 20},
}
INSTRUMENTS = {symbol: an_instrument(symbol, **SPECIAL.get(symbol, {})) for symbol in PRICES}


class EveryAccount(EdgeIndex):
    """No index at all: every quote touches every account."""

    def __init__(self):
        super().__init__()
        self._all = set()

    def put(self, account, box):  # noqa: ARG002 -- the index's face
        self._all.add(account)

    def touched(self, symbol, bid, ask):  # noqa: ARG002 -- the index's face
        return set(self._all)


@dataclass
class Chance:
    """A market and its traders, made up as they go."""

    dice: random.Random

    def setup(self, number):
        dice = self.dice
        symbols = dice.sample(sorted(PRICES), dice.randint(1, 6))
        if dice.random() < 0.7 and "USD/JPY" not in symbols:
            symbols.append("USD/JPY")
        currency = dice.choice(["USD", "USD", "USD", "JPY"])
        unit = 100 if currency == "JPY" else 1
        comparison = dice.choice(list(Comparison))
        initial = 10_000_000 * unit
        return a_setup(
            number,
            currency=currency,
            initial_minor=initial,
            leverage=dice.choice([30, 100]),
            instruments=tuple(INSTRUMENTS[symbol] for symbol in symbols),
            guards=tuple(
                dice.sample(
                    [
                        daily(dice.choice([50_000, 500_000]) * unit, comparison),
                        overall(initial - dice.choice([100_000, 1_000_000]) * unit, comparison),
                    ],
                    dice.randint(1, 2),
                )
            ),
            target=dice.choice(
                [None, Target(profit_minor=20_000 * unit, days_min=dice.randint(0, 2))]
            ),
            reset=dice.choice(RESETS),
        )

    def ask(self, setup, orders):
        dice = self.dice
        known = [instrument.symbol for instrument in setup.instruments]
        symbol = dice.choice([*known, *known, "XXX/USD"] if dice.random() < 0.1 else known)
        name = f"order {len(orders)}"
        order_id = derive(setup.account_id, name)
        roll = dice.random()
        if roll < 0.65:
            orders.append(order_id)
            return Place(order_id, self._order(name, symbol))
        if roll < 0.9:
            orders.append(order_id)
            part = dice.choice([{}, {"share_ppm": dice.randint(1, 1_000_000)}, {"qty": 5_000}])
            return Close(order_id, CloseRequest(client_order_id=name, symbol=symbol, **part))
        if roll < 0.995:
            return Cancel(dice.choice(orders) if orders else order_id)
        return CloseAccount(Reason.REQUESTED)

    def _order(self, name, symbol):
        dice = self.dice
        kind = dice.choice([OrderType.MARKET, *OrderType])
        price = round(PRICES.get(symbol, 1) * dice.uniform(0.99, 1.01))
        stop = kind is OrderType.STOP
        return OrderRequest(
            client_order_id=name,
            symbol=symbol,
            side=dice.choice(list(Side)),
            type=kind,
            tif=dice.choice([TimeInForce.GTC, TimeInForce.DAY] if stop else list(TimeInForce)),
            qty=dice.choice([0, 1, 1_000, 50_000, 300_000, 1_000_000]),
            limit_price=price if kind is OrderType.LIMIT else None,
            stop_price=price if stop else None,
        )

    def pause_us(self):
        dice, roll = self.dice, self.dice.random()
        if roll < 0.97:
            return dice.randint(0, 3 * SECOND_US)
        if roll < 0.995:
            return dice.randint(0, 400 * SECOND_US)
        return dice.randint(0, 30 * 3600 * SECOND_US)

    def quote(self, at_us, prices):
        dice = self.dice
        symbol = dice.choice(sorted(prices))
        size = PRICES[symbol] * (0.01 if dice.random() < 0.01 else 0.0004)
        prices[symbol] = max(1_000, prices[symbol] + round(dice.gauss(0, size)))
        bid = prices[symbol]
        ask = bid + dice.choice([0, 1, 5, 12])
        status = Status.VALID
        if session_at(INSTRUMENTS[symbol], at_us) is None:
            status = Status.CLOSED
        elif dice.random() < 0.05:
            status = dice.choice([Status.CROSSED, Status.LATE, Status.DUPLICATE])
        return {
            "kind": Kind.QUOTE, "at_us": at_us, "symbol": symbol, "bid": bid, "ask": ask,
            "status": status,
        }  # fmt: skip

    def story(self, accounts, steps):
        """Yield setups, tape items and commands in the order in which they happen."""
        setups = [self.setup(number) for number in range(1, accounts + 1)]
        orders = {setup.account_id: [] for setup in setups}
        prices, at_us, seq = dict(PRICES), START, 0
        yield from (Command(setup.account_id, at_us, Open(setup)) for setup in setups)
        for _ in range(steps):
            before, at_us = at_us, at_us + self.pause_us()
            lines = [
                {"kind": Kind.RESET, "at_us": each.at_us, "reset": each.reset, "day": each.day}
                for each in due(RESETS, after_us=before, until_us=at_us)
            ]
            last = self.dice.random()
            lines.append(
                {"kind": Kind.CLOCK, "at_us": at_us} if last < 0.05 else self.quote(at_us, prices)
            )
            for line in lines:
                seq += 1
                yield TapeItem(price_seq=seq, **line)
            if self.dice.random() < 0.08:
                setup = self.dice.choice(setups)
                asked_us = at_us + self.dice.choice([0, 0, SECOND_US])
                ask = self.ask(setup, orders[setup.account_id])
                yield Command(setup.account_id, asked_us, ask)


def by_account(said):
    ordered = sorted(said, key=lambda each: each[0])
    return {key: list(group) for key, group in groupby(ordered, key=lambda each: each[0])}


@pytest.mark.parametrize("round_", range(12))
def test_engine_index_and_oracle_agree_on_everything(seed, round_):
    chance = Chance(random.Random(seed + round_))
    indexed, exhaustive = Book(Market(), []), Book(Market(), [], edges=EveryAccount())
    oracle, said, looked = Oracle(), [], []
    for given in chance.story(accounts=8, steps=2_500):
        if isinstance(given, TapeItem):
            said += indexed.apply(given)
            looked += exhaustive.apply(given)
            oracle.apply(given)
        else:
            said += indexed.take(given)
            looked += exhaustive.take(given)
            oracle.take(given)

    assert said == looked, "the index missed an account that a price could touch"
    heard, expected = by_account(told(said)), by_account(oracle.said)
    for account_id in expected:
        assert heard[account_id] == expected[account_id]
    assert heard.keys() == expected.keys()


def test_chance_reaches_every_kind_of_event(seed):
    """A test of the test: over some rounds everything that can happen does."""
    said = set()
    for round_ in range(6):
        chance = Chance(random.Random(seed + 1_000 + round_))
        book = Book(Market(), [])
        for given in chance.story(accounts=8, steps=2_500):
            outputs = book.apply(given) if isinstance(given, TapeItem) else book.take(given)
            said |= {type(output.event).__name__ for output in outputs}
            said |= {output.event.reason for output in outputs if hasattr(output.event, "reason")}

    assert said >= {
        "AccountOpened", "OrderAccepted", "OrderRejected", "OrderFilled", "OrderCancelled",
        "CancelRejected", "DayRolled", "GuardBreached", "TargetReached", "AccountClosed",
        Reason.STALE_PRICE, Reason.NO_MARGIN, Reason.MARKET_CLOSED, Reason.NO_POSITION,
        Reason.NO_CONVERSION, Reason.NOT_ACTIVE, Reason.DAY_ENDED, Reason.NOT_MARKETABLE,
    }  # fmt: skip


def test_a_book_made_again_from_its_accounts_goes_on_as_the_old_one(seed):
    """What a restart does: new memory, same values, same future, to the cent."""
    chance = Chance(random.Random(seed))
    story = list(chance.story(accounts=8, steps=2_000))
    through, again = Book(Market(), []), Book(Market(), [])
    for number, given in enumerate(story):
        if number % 97 == 0:
            again = Book(again.market, list(again.accounts.values()))
        if isinstance(given, TapeItem):
            assert through.apply(given) == again.apply(given)
        else:
            assert through.take(given) == again.take(given)
    assert through.accounts == again.accounts


def test_every_story_is_repeatable(seed):
    first = list(Chance(random.Random(seed)).story(accounts=3, steps=300))

    assert first == list(Chance(random.Random(seed)).story(accounts=3, steps=300))
    assert {UUID(int=1), UUID(int=2), UUID(int=3)} == {
        given.account_id for given in first if isinstance(given, Command)
    }
