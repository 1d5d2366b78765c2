"""The sums of the second opinion: equity, margin and silence, slowly and with fractions."""

from fractions import Fraction

from tradesense.market.calendars import next_open, session_at
from tradesense.trading.model import Comparison, OnCashFlow, Side, Static

SECOND = 1_000_000
MINOR = {"USD": 100, "JPY": 1, "EUR": 100}


class Sums:
    """What an account is worth at `self.quotes`, symbol -> (bid, ask, at), at `self.now`."""

    def _crossed(self, book):
        equity, found = self._equity(book), []
        for guard in book.setup.guards:
            kind = 0 if isinstance(guard.recipe, Static) else 1
            floor = self._floor(book, guard, out=book.out, shifted=book.shifted)
            touched = equity == floor and guard.comparison is Comparison.AT_OR_BELOW
            if equity < floor or touched:
                found.append((floor, kind, guard))
        return sorted(found, key=lambda each: (-each[0], each[1]))

    def _floor(self, book, guard, *, out, shifted):
        if guard.on_cash_flow is OnCashFlow.FLOOR_TO_INITIAL and any(out.values()):
            return book.setup.initial_minor
        if isinstance(guard.recipe, Static):
            return guard.recipe.floor_minor
        moved = shifted if guard.on_cash_flow is OnCashFlow.SHIFT else 0
        return book.snapshot - moved - guard.recipe.amount_minor

    def _equity(self, book):
        return book.balance + sum(
            self._money(book, symbol, quantity * self._exit(symbol, quantity) - cost)
            for symbol, (quantity, cost) in book.held.items()
        )

    def _exit(self, symbol, quantity):
        return self.quotes[symbol][0 if quantity > 0 else 1]

    def _money(self, book, symbol, raw):
        """Raw is quantity x price in units; Python's round() is half to even."""
        instrument = self._instrument(book, symbol)
        value = Fraction(raw, 10 ** (instrument.price_digits + instrument.qty_digits))
        value *= self._rate(book, instrument, gain=raw >= 0)
        return round(value * MINOR[book.setup.currency])

    def _rate(self, book, instrument, *, gain):
        if instrument.quote == book.setup.currency:
            return Fraction(1)
        by, inverted = self._converter(book, instrument)
        bid, ask, _ = self.quotes[by.symbol]
        if inverted:
            return Fraction(10**by.price_digits, ask if gain else bid)
        return Fraction(bid if gain else ask, 10**by.price_digits)

    def _bears(self, book, order, price):
        symbol = order["symbol"]
        before = book.held.get(symbol, [0])[0]
        after = before + (order["qty"] if order["side"] is Side.BUY else -order["qty"])
        if abs(after) <= abs(before):
            return True
        bound = self._margin(book, symbol, after, price)
        for other, (quantity, _) in book.held.items():
            if other != symbol:
                bound += self._margin(book, other, quantity, self._exit(other, quantity))
        return self._equity(book) >= bound

    def _margin(self, book, symbol, quantity, price):
        instrument = self._instrument(book, symbol)
        value = Fraction(
            abs(quantity) * price, 10 ** (instrument.price_digits + instrument.qty_digits)
        )
        value *= self._rate(book, instrument, gain=False) * MINOR[book.setup.currency]
        value /= book.setup.leverage
        return -(-value.numerator // value.denominator)

    def _is_fresh(self, book, symbol):
        if symbol not in self.quotes:
            return False
        instrument, at = self._instrument(book, symbol), self.quotes[symbol][2]
        session = session_at(instrument, self.now)
        if session is None or at < session.open_us:
            return False
        return self.now - at <= instrument.stale_after_s * SECOND

    def _needed(self, book):
        needed = set(book.held)
        for symbol in book.held:
            instrument = self._instrument(book, symbol)
            if instrument.quote != book.setup.currency:
                needed.add(self._converter(book, instrument)[0].symbol)
        return needed

    def _silent(self, book):
        return any(
            self._must_quote(self._instrument(book, symbol)) for symbol in self._needed(book)
        )

    def _must_quote(self, instrument):
        at = self.quotes[instrument.symbol][2]
        session = session_at(instrument, self.now)
        if session is None:
            return False
        limit = instrument.stale_after_s * SECOND
        if at >= session.open_us:
            return self.now - at > limit
        if next_open(instrument, at) < session.open_us:
            return True
        return not 60 * SECOND <= self.now - session.open_us <= limit

    def _instrument(self, book, symbol):
        return next((each for each in book.setup.instruments if each.symbol == symbol), None)

    def _converter(self, book, instrument):
        pairs = {(each.base, each.quote): each for each in book.setup.instruments}
        direct = pairs.get((instrument.quote, book.setup.currency))
        if direct is not None:
            return direct, False
        inverse = pairs.get((book.setup.currency, instrument.quote))
        return None if inverse is None else (inverse, True)
