"""
Stories of trading made by chance: accounts, a market that misbehaves, and what traders ask.

Accounts in two currencies with up to six symbols, some converted directly, some inversely;
orders of every type; prices that walk, jump, cross, repeat and fall silent; nights, weekends
and resets. The same dice make the same story.
"""

import random  # noqa: TID251 -- chance is this file's subject; it is seeded
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tradesense.kernel.ids import derive
from tradesense.kernel.instants import to_us
from tradesense.market.calendars import session_at
from tradesense.market.model import Kind, Status, TapeItem
from tradesense.market.resets import due
from tradesense.trading.engine.state import (
    Cancel,
    Close,
    CloseAccount,
    Command,
    Halt,
    Open,
    Place,
    Restore,
    Resume,
    Withdraw,
)
from tradesense.trading.model import (
    CloseRequest,
    Comparison,
    OnCashFlow,
    OrderRequest,
    OrderType,
    Reason,
    Side,
    Target,
    TimeInForce,
)
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
                replace(guard, on_cash_flow=dice.choice(list(OnCashFlow)))
                for guard in dice.sample(
                    [
                        daily(dice.choice([50_000, 500_000]) * unit, comparison),
                        overall(initial - dice.choice([100_000, 1_000_000]) * unit, comparison),
                    ],
                    dice.randint(1, 2),
                )
            ),
            target=dice.choice(
                [None, Target(profit_minor=2_000 * unit, days_min=dice.randint(1, 2))]
            ),
            reset=dice.choice(RESETS),
        )

    def ask_of_firm(self, setup, taken):
        """Withdrawals of all, a part or too much; restores of known and unknown ones; halts."""
        dice = self.dice
        roll = dice.random()
        if roll < 0.5:
            return self.withdraw(setup, taken)
        if roll < 0.8:
            return Restore(dice.choice([*taken[-2:], setup.account_id]))
        if roll < 0.83:
            return Halt(dice.choice([Reason.PAYMENT_DISPUTED, Reason.UNDER_REVIEW]))
        return Resume()

    def withdraw(self, setup, taken):
        taken.append(derive(setup.account_id, f"withdrawal {len(taken)}"))
        unit = 100 if setup.currency == "JPY" else 1
        asked = self.dice.choice([None, None, None, None, 1, 50 * unit, 500 * unit, 5_000 * unit])
        return Withdraw(taken[-1], asked)

    def ask(self, setup, orders):
        dice = self.dice
        known = [instrument.symbol for instrument in setup.instruments]
        symbol = dice.choice([*known, *known, "XXX/USD"] if dice.random() < 0.1 else known)
        name = f"order {len(orders)}"
        order_id = derive(setup.account_id, name)
        roll = dice.random()
        if roll < 0.5:
            orders.append(order_id)
            return Place(order_id, self._order(name, symbol))
        if roll < 0.9:
            orders.append(order_id)
            part = dice.choice(
                [{}, {}, {}, {"share_ppm": dice.randint(1, 1_000_000)}, {"qty": 5_000}]
            )
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
        taken = {setup.account_id: [] for setup in setups}
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
                if isinstance(ask, Close):  # profit is withdrawn at the moment it is made
                    yield Command(
                        setup.account_id, asked_us, self.withdraw(setup, taken[setup.account_id])
                    )
            if self.dice.random() < 0.05:
                setup = self.dice.choice(setups)
                yield Command(
                    setup.account_id, at_us, self.ask_of_firm(setup, taken[setup.account_id])
                )
