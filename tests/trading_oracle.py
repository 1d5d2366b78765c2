"""
A second opinion: the rules of trading written down again, slowly, with fractions.

It looks at every account on every input and shares no arithmetic with the engine. What it
says is a flat list of tuples, which `told` makes of the engine's events.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from zoneinfo import ZoneInfo

from tradesense.kernel.instants import from_us
from tradesense.market.calendars import session_at
from tradesense.market.model import Kind, Status
from tradesense.trading.engine.state import Cancel, Close, CloseAccount, Open, Place
from tradesense.trading.model import (
    AccountClosed,
    DayRolled,
    GuardBreached,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    Reason,
    Side,
    TargetReached,
    TimeInForce,
)
from trading_firm import Firm, words_of_firm
from trading_sums import SECOND, Sums


def told(outputs):
    """Return what the engine said in the oracle's words."""
    return [(said.account_id, *_words(said.event)) for said in outputs if _words(said.event)]


def _words(event):  # noqa: PLR0911 -- a row per event
    match event:
        case OrderFilled():
            return (
                "filled", event.price_seq, event.symbol, event.side, event.qty, event.price,
                event.realised_minor, event.balance_minor, event.position_qty, event.opening,
            )  # fmt: skip
        case OrderRejected():
            return ("rejected", event.price_seq, event.reason)
        case OrderCancelled():
            return ("cancelled", event.price_seq, event.reason)
        case DayRolled():
            return ("rolled", event.day, event.balance_minor, event.equity_minor)
        case GuardBreached():
            return (
                "breached", event.price_seq, event.guard, event.floor_minor, event.value_minor,
            )  # fmt: skip
        case TargetReached():
            return ("reached", event.price_seq, event.profit_minor, event.days_opened)
        case AccountClosed():
            return ("closed", event.price_seq, event.reason, event.balance_minor)
    return words_of_firm(event)


@dataclass
class Book:
    """One account, spelt out."""

    setup: object
    day: object
    balance: int
    snapshot: int
    days: set = field(default_factory=set)
    held: dict = field(default_factory=dict)  # symbol -> [quantity, cost as a Fraction of raw]
    orders: list = field(default_factory=list)
    ended: object = None
    halted: bool = False
    shifted: int = 0  # what has gone out since the reset, less what came back
    out: dict = field(default_factory=dict)  # withdrawal -> what of it is out
    closed: bool = False


class Oracle(Firm, Sums):
    def __init__(self):
        self.books = {}
        self.quotes = {}
        self.now = self.seq = 0
        self.said = []

    # -- inputs

    def apply(self, item):
        self.seq, self.now = item.price_seq, max(self.now, item.at_us)
        for book in self._sorted():
            for order in list(book.orders):
                if order["until"] is not None and order["until"] < self.now:
                    book.orders.remove(order)
                    self._say(book, "rejected", self.seq, Reason.STALE_PRICE)
        if item.kind == Kind.QUOTE and item.status == Status.VALID:
            self.quotes[item.symbol] = (item.bid, item.ask, item.at_us)
            for book in self._sorted():
                self._on_quote(book, item.symbol)
        elif item.kind == Kind.RESET:
            for book in self._sorted():
                if book.setup.reset == item.reset and not book.ended and item.day > book.day:
                    self._on_reset(book, item.day)

    def take(self, command):
        feed, self.now = self.now, max(self.now, command.asked_us)
        match command.ask:
            case Open(setup):
                day = from_us(self.now).astimezone(ZoneInfo(setup.reset.split()[1])).date()
                book = Book(setup, day, setup.initial_minor, setup.initial_minor)
                self.books[setup.account_id] = book
            case ask:
                book = self.books[command.account_id]
                self._on_command(book, ask)
        self._judge(book)
        self.now = feed

    # -- effects

    def _on_quote(self, book, symbol):
        said, needed = len(self.said), self._needed(book)
        needed |= {order["symbol"] for order in book.orders}
        if book.ended:
            if symbol in book.held:
                self._fill(book, symbol, -book.held[symbol][0])
        else:
            for order in list(book.orders):
                if order["symbol"] == symbol:
                    self._try(book, order)
        if symbol in needed or len(self.said) > said:
            self._judge(book)

    def _on_reset(self, book, day):
        for order in list(book.orders):
            if order["tif"] is TimeInForce.DAY:
                book.orders.remove(order)
                self._say(book, "cancelled", self.seq, Reason.DAY_ENDED)
        while book.day < day:
            book.day = type(day).fromordinal(book.day.toordinal() + 1)
            book.snapshot, book.shifted = book.balance, 0
            self._say(book, "rolled", book.day, book.balance, self._equity(book))
        self._judge(book)

    def _on_command(self, book, ask):
        match ask:
            case Place(_, request):
                self._place(book, request, closing=False)
            case Close(_, request):
                self._place(book, self._as_order(book, request), closing=True)
            case Cancel(order_id):
                for order in list(book.orders):
                    if order["id"] == order_id:
                        book.orders.remove(order)
                        self._say(book, "cancelled", self.seq, Reason.REQUESTED)
            case CloseAccount(reason):
                if not book.ended:
                    self._end(book, reason)
            case _:
                self._on_firm(book, ask)
        if isinstance(ask, Place | Close) and book.orders and book.orders[-1]["id"] is None:
            book.orders[-1]["id"] = ask.order_id

    def _as_order(self, book, request):
        quantity = book.held.get(request.symbol, [0])[0]
        pending = sum(
            order["qty"]
            for order in book.orders
            if order["closing"] and order["symbol"] == request.symbol
        )
        free = abs(quantity) - (pending if quantity else 0)
        wanted = free
        if request.qty is not None:
            wanted = request.qty
        elif request.share_ppm is not None:
            wanted = abs(quantity) * request.share_ppm // 1_000_000
        return {
            "symbol": request.symbol,
            "side": Side.SELL if quantity >= 0 else Side.BUY,
            "qty": wanted,
            "free": free,
        }

    def _place(self, book, request, *, closing):
        if closing:
            order = {
                "limit": None,
                "stop": None,
                "tif": TimeInForce.GTC,
                "closing": True,
                **request,
            }
            if not book.ended and order["free"] == 0:
                return self._say(book, "rejected", self.seq, Reason.NO_POSITION)
            if not book.ended and order["qty"] > order["free"]:
                return self._say(book, "rejected", self.seq, Reason.BAD_QUANTITY)
        else:
            order = {
                "symbol": request.symbol, "side": request.side, "qty": request.qty,
                "limit": request.limit_price, "stop": request.stop_price, "tif": request.tif,
                "closing": False,
            }  # fmt: skip
        market = order["limit"] is None and order["stop"] is None
        order |= {"id": None, "until": self.now + 10 * SECOND if market else None}
        reason = self._refusal(book, order)
        if reason:
            return self._say(book, "rejected", self.seq, reason)
        book.orders.append(order)
        if self._is_fresh(book, order["symbol"]) and self._try(book, order):
            return None
        if order["limit"] and order["tif"] in {TimeInForce.IOC, TimeInForce.FOK}:
            book.orders.remove(order)
            self._say(book, "cancelled", self.seq, Reason.NOT_MARKETABLE)
        return None

    def _refusal(self, book, order):  # noqa: PLR0911, C901 -- a column of guards
        if book.ended:
            return Reason.NOT_ACTIVE
        if book.halted and not order["closing"]:
            return Reason.HALTED
        instrument = self._instrument(book, order["symbol"])
        if instrument is None:
            return Reason.UNKNOWN_SYMBOL
        if order["qty"] <= 0 or order["qty"] % instrument.min_qty:
            return Reason.BAD_QUANTITY
        if session_at(instrument, self.now) is None:
            return Reason.MARKET_CLOSED
        if self._crossed(book) and self._silent(book):
            return Reason.WAITING_FOR_PRICE
        if instrument.quote != book.setup.currency:
            by = self._converter(book, instrument)
            if by is None or by[0].symbol not in self.quotes:
                return Reason.NO_CONVERSION
        price = order["limit"] or order["stop"]
        if price is None and order["symbol"] in self.quotes:
            price = self.quotes[order["symbol"]][1 if order["side"] is Side.BUY else 0]
        if price is not None and not self._bears(book, order, price):
            return Reason.NO_MARGIN
        return None

    def _try(self, book, order):
        bid, ask, _ = self.quotes[order["symbol"]]
        buys = order["side"] is Side.BUY
        price = ask if buys else bid
        if order["limit"] is not None and (
            price > order["limit"] if buys else price < order["limit"]
        ):
            return False
        if order["stop"] is not None and (price < order["stop"] if buys else price > order["stop"]):
            return False
        book.orders.remove(order)
        held = book.held.get(order["symbol"], [0])[0]
        signed = order["qty"] if buys else -order["qty"]
        if order["closing"] and (held * signed >= 0 or abs(held + signed) >= abs(held)):
            self._say(book, "rejected", self.seq, Reason.NO_POSITION)
        elif not self._bears(book, order, price):
            self._say(book, "rejected", self.seq, Reason.NO_MARGIN)
        else:
            self._fill(book, order["symbol"], signed)
        return True

    def _fill(self, book, symbol, signed):
        bid, ask, _ = self.quotes[symbol]
        price = ask if signed > 0 else bid
        before, cost = book.held.get(symbol, [0, 0])
        gone = min(abs(signed), abs(before)) if before * signed < 0 else 0
        realised = 0
        if gone:
            share = cost if gone == abs(before) else round(Fraction(cost * gone, abs(before)))
            sign = 1 if before > 0 else -1
            realised = self._money(book, symbol, sign * gone * price - share)
            cost -= share
        left = before + signed
        cost += (abs(signed) - gone) * (1 if signed > 0 else -1) * price
        opening = abs(left) > abs(before)
        book.balance += realised
        book.held[symbol] = [left, cost]
        if left == 0:
            del book.held[symbol]
        if opening:
            book.days.add(book.day)
        side = Side.BUY if signed > 0 else Side.SELL
        self._say(
            book, "filled", self.seq, symbol, side, abs(signed), price, realised, book.balance,
            left, opening,
        )  # fmt: skip

    def _judge(self, book):
        if not book.ended:
            crossed = self._crossed(book)
            if crossed and not self._silent(book):
                floor, _, guard = crossed[0]
                self._say(book, "breached", self.seq, guard.name, floor, self._equity(book))
                self._end(book, Reason.BREACHED)
        target = book.setup.target
        if not book.ended and target is not None and not book.held:
            profit = book.balance + sum(book.out.values()) - book.setup.initial_minor
            if profit >= target.profit_minor and len(book.days) >= target.days_min:
                self._say(book, "reached", self.seq, profit, len(book.days))
                self._end(book, Reason.PASSED)
        if book.ended and not book.held and not book.closed:
            book.closed = True
            self._say(book, "closed", self.seq, book.ended, book.balance)

    def _end(self, book, reason):
        book.ended = reason
        for _ in book.orders:
            self._say(book, "cancelled", self.seq, reason)
        book.orders.clear()
        for symbol in sorted(book.held):
            if self._is_fresh(book, symbol):
                self._fill(book, symbol, -book.held[symbol][0])

    def _sorted(self):
        return [self.books[key] for key in sorted(self.books)]

    def _say(self, book, *words):
        self.said.append((book.setup.account_id, *words))
