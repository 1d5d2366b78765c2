"""The account as the rules see it: balance, positions, orders at work, floors; and its fills."""

import uuid
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from tradesense_verify.rules import calendars
from tradesense_verify.rules.arithmetic import (
    MINOR_DIGITS,
    Quote,
    Scale,
    half_even,
    margin_minor,
    profit_minor,
)
from tradesense_verify.rules.instants import SECOND_US
from tradesense_verify.rules.terms import Limit, Terms

# Ids follow from what they name: UUID version 5, one step per name, from this root.
ID_ROOT = uuid.UUID("5b0b7a3e-2f5c-4f0e-9c1e-6d1d0c9e7a51")

Said = tuple[str, dict[str, Any]]


def derived_id(account_id: str, *names: str) -> str:
    """Return the id that follows from the account and `names`."""
    made = uuid.uuid5(ID_ROOT, account_id)
    for name in names:
        made = uuid.uuid5(made, name)
    return str(made)


@dataclass(slots=True)
class Position:
    """Net holding: `qty` (negative: sold) that cost `cost` = sum of qty x price."""

    qty: int
    cost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order at work, or one just asked for. `deadline_us` only for market orders."""

    order_id: str
    client_order_id: str
    asked_us: int
    symbol: str
    side: str
    type: str
    tif: str
    qty: int
    limit_price: int | None
    stop_price: int | None
    closing: bool
    deadline_us: int | None = None

    @property
    def signed(self) -> int:
        return self.qty if self.side == "buy" else -self.qty

    def price_in(self, quote: Quote) -> int:
        """Return the side of the quote that the order trades at."""
        return quote.ask if self.side == "buy" else quote.bid

    def is_triggered(self, quote: Quote) -> bool:
        """Tell whether the quote fills it: stop at or beyond its price, limit at or better."""
        price, buys = self.price_in(quote), self.side == "buy"
        if self.limit_price is not None:
            return price <= self.limit_price if buys else price >= self.limit_price
        if self.stop_price is not None:
            return price >= self.stop_price if buys else price <= self.stop_price
        return True


@dataclass(slots=True, kw_only=True)
class Account:
    """Everything the next input depends on, and what the present one has made happen (`said`)."""

    account_id: str
    challenge_id: str
    terms: Terms
    day: date
    balance: int
    reset_balance: int
    status: str = "active"  # active | breached | passed | closing | closed
    ended_for: str | None = None
    seq: int = 0
    now_us: int = 0
    quotes: dict[str, Quote] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    fills: int = 0
    days_opened: int = 0
    opened_day: date | None = None
    halted_for: str | None = None
    out_today: int = 0  # what was withdrawn since the last reset, less what came back
    withdrawals: dict[str, int] = field(default_factory=dict)  # what of each is outstanding
    said: list[Said] = field(default_factory=list)
    scales: dict[str, Scale] = field(init=False)

    def __post_init__(self) -> None:
        self.scales = {symbol: _scale(self.terms, symbol) for symbol in self.terms.instruments}

    def say(self, kind: str, **data: object) -> None:
        """Note that something happened at the present place of the tape."""
        self.said.append((kind, {"price_seq": self.seq, **data}))

    def answer(self, kind: str, input_seq: int, **data: object) -> None:
        """Note the answer to a command of the firm."""
        whose = {"account_id": self.account_id, "challenge_id": self.challenge_id}
        self.say(kind, **whose, input_seq=input_seq, **data)

    def cancel(self, order: Order, reason: str, *, input_seq: int | None = None) -> None:
        """Take an order off the orders at work; `input_seq` is set where that was asked for."""
        self.orders.remove(order)
        self.say("OrderCancelled", order_id=order.order_id, input_seq=input_seq, reason=reason)

    def symbols(self) -> set[str]:
        """Return the symbols whose quotes can change anything: held, ordered, converting."""
        held = set(self.positions)
        converting = {c.symbol for each in held if (c := self.scales[each].conversion)}
        return held | converting | {order.symbol for order in self.orders}

    def conversion_quote(self, symbol: str) -> Quote | None:
        """Return the quote that converts what `symbol` earns, if one is needed and known."""
        conversion = self.scales[symbol].conversion
        return None if conversion is None else self.quotes.get(conversion.symbol)

    def conversion_price(self, symbol: str, *, gain: bool) -> int | None:
        """Return the price that converts a gain, or a loss, of `symbol`."""
        conversion, quote = self.scales[symbol].conversion, self.conversion_quote(symbol)
        if conversion is None or quote is None:
            return None
        return conversion.side(quote, gain=gain)

    def closing_price(self, symbol: str) -> int:
        """Return what the position would close at: long at bid, short at ask."""
        quote = self.quotes[symbol]
        return quote.bid if self.positions[symbol].qty > 0 else quote.ask

    def floating(self, symbol: str) -> int:
        """Return the floating profit of a held symbol, in minor units."""
        position = self.positions[symbol]
        raw = position.qty * self.closing_price(symbol) - position.cost
        return profit_minor(self.scales[symbol], raw, self.conversion_price(symbol, gain=raw >= 0))

    def equity(self) -> int:
        """Return balance + floating profit, in minor units."""
        return self.balance + sum(self.floating(symbol) for symbol in self.positions)

    def floor(self, limit: Limit) -> int:
        """Return the least value `limit` allows."""
        if limit.on_cash_flow == "floor_to_initial" and any(self.withdrawals.values()):
            return self.terms.initial_minor
        if limit.follows_reset:
            return self.day_reference(limit) - limit.amount_minor
        return self.terms.initial_minor - limit.amount_minor

    def day_reference(self, limit: Limit) -> int:
        """Return the balance at the last reset; less today's withdrawals where they shift it."""
        return self.reset_balance - (self.out_today if limit.on_cash_flow == "shift" else 0)

    def profit(self) -> int:
        """Return the closed profit made so far, whether it was withdrawn or not."""
        return self.balance + sum(self.withdrawals.values()) - self.terms.initial_minor

    def floors(self) -> list[dict[str, Any]]:
        """Return every floor as entries state it."""
        return [
            {
                "guard": limit.name,
                "measure": "equity",
                "comparison": "at_or_below" if limit.at_or_below else "below",
                "floor_minor": self.floor(limit),
            }
            for limit in self.terms.limits
        ]

    def has_margin(self, order: Order, price: int) -> bool:
        """Tell whether equity carries the margin of every position once `order` is filled."""
        held = self.positions.get(order.symbol)
        before = 0 if held is None else held.qty
        after = before + order.signed
        if abs(after) <= abs(before):
            return True
        needed = self._margin(order.symbol, after, price)
        for symbol, position in self.positions.items():
            if symbol != order.symbol:
                needed += self._margin(symbol, position.qty, self.closing_price(symbol))
        return self.equity() >= needed

    def _margin(self, symbol: str, qty: int, price: int) -> int:
        rate = self.conversion_price(symbol, gain=False)
        return margin_minor(self.scales[symbol], abs(qty) * price, rate, self.terms.leverage)

    def is_fresh(self, symbol: str) -> bool:
        """Tell whether the last quote may fill: of the open session, and not silent too long."""
        instrument, quote = self.terms.instruments[symbol], self.quotes.get(symbol)
        opened = calendars.session_opened_us(instrument.calendar, self.now_us)
        if quote is None or opened is None or quote.at_us < opened:
            return False
        return self.now_us - quote.at_us <= instrument.stale_after_s * SECOND_US

    def must_quote_first(self, symbol: str) -> bool:
        """
        Tell whether a breach that depends on `symbol` waits for its next quote.

        In an open session: once it is silent beyond its limit, and in the first minute (the
        terms say how long) of a session in which it has not quoted. What was silent for a whole
        session is stale in the next. The last price of a closed session is final.
        """
        instrument, quote = self.terms.instruments[symbol], self.quotes[symbol]
        opened = calendars.session_opened_us(instrument.calendar, self.now_us)
        if opened is None:
            return False
        if quote.at_us >= opened:
            return not self.is_fresh(symbol)
        if calendars.has_opened_between(instrument.calendar, quote.at_us, opened):
            return True
        waited = self.now_us - opened
        reopening_us = self.terms.reopening_wait_s * SECOND_US
        return waited < reopening_us or waited > instrument.stale_after_s * SECOND_US

    def fill(self, order_id: str, symbol: str, qty: int, *, liquidation: str | None) -> None:
        """Fill `qty` (negative: sold) at the last quote: first it closes, the rest opens."""
        quote = self.quotes[symbol]
        price = quote.ask if qty > 0 else quote.bid
        held = self.positions.get(symbol, Position(0, 0))
        closed = -min(abs(held.qty), abs(qty)) * _sign(qty) if held.qty * qty < 0 else 0
        part_cost = half_even(held.cost * closed, held.qty) if closed else 0
        raw = closed * price - part_cost
        rate = self.conversion_price(symbol, gain=raw >= 0) if closed else None
        realised = profit_minor(self.scales[symbol], raw, rate) if closed else 0
        opened = qty + closed
        after = Position(held.qty - closed + opened, held.cost - part_cost + opened * price)
        opening = abs(after.qty) > abs(held.qty)
        if opening and self.opened_day != self.day:
            self.days_opened, self.opened_day = self.days_opened + 1, self.day
        self.balance += realised
        self.fills += 1
        self.positions.pop(symbol, None)
        if after.qty:
            self.positions[symbol] = after
        by = self.conversion_quote(symbol)
        self.say(
            "OrderFilled",
            order_id=order_id,
            number=self.fills,
            quote_seq=quote.seq,
            symbol=symbol,
            side="buy" if qty > 0 else "sell",
            qty=abs(qty),
            price=price,
            conversion_price=rate,
            conversion_seq=None if rate is None or by is None else by.seq,
            realised_minor=realised,
            balance_minor=self.balance,
            position_qty=after.qty,
            position_cost=after.cost,
            opening=opening,
            day=self.day.isoformat(),
            liquidation=liquidation,
        )


def _sign(number: int) -> int:
    return 1 if number > 0 else -1


def _scale(terms: Terms, symbol: str) -> Scale:
    instrument = terms.instruments[symbol]
    digits = instrument.price_digits + instrument.qty_digits
    per_unit = Fraction(10 ** MINOR_DIGITS[terms.currency], 10**digits)
    if instrument.quote == terms.currency:
        return Scale(None, convertible=True, minor_per_unit=per_unit)
    conversion = terms.conversions.get(instrument.quote)
    return Scale(conversion, convertible=conversion is not None, minor_per_unit=per_unit)
