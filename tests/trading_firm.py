"""The second opinion on what the firm asks of an account: halts, withdrawals, restores."""

from tradesense.trading.engine.state import Halt, Restore, Resume, Withdraw
from tradesense.trading.model import (
    AccountHalted,
    AccountResumed,
    HaltRejected,
    Reason,
    RestoreRefused,
    ResumeRejected,
    WithdrawalRefused,
    WithdrawalRestored,
    Withdrawn,
)


def words_of_firm(event):
    """Return what the engine said to the firm in the oracle's words."""
    match event:
        case Withdrawn() | WithdrawalRestored():
            floors = tuple(floor.floor_minor for floor in event.floors)
            return (type(event).__name__, event.amount_minor, event.balance_minor, floors)
        case AccountHalted() | HaltRejected() | ResumeRejected() | WithdrawalRefused():
            return (type(event).__name__, event.reason)
        case RestoreRefused():
            return ("RestoreRefused", event.amount_minor, event.reason)
        case AccountResumed():
            return ("AccountResumed",)
    return ()


class Firm:
    """What an oracle does with a command of the firm."""

    def _on_firm(self, book, ask):
        match ask:
            case Halt(reason):
                if book.ended or book.halted:
                    why = Reason.HALTED if not book.ended else self._end_of(book)
                    return self._say(book, "HaltRejected", why)
                book.halted = True
                self._say(book, "AccountHalted", reason)
                for order in [each for each in book.orders if not each["closing"]]:
                    book.orders.remove(order)
                    self._say(book, "cancelled", self.seq, Reason.HALTED)
            case Resume():
                if book.ended or not book.halted:
                    why = Reason.NOT_HALTED if not book.ended else self._end_of(book)
                    return self._say(book, "ResumeRejected", why)
                book.halted = False
                self._say(book, "AccountResumed")
            case Withdraw(key, asked):
                self._withdraw(book, key, asked)
            case Restore(key):
                self._restore(book, key)
        return None

    def _withdraw(self, book, key, asked):
        free = book.balance - book.setup.initial_minor
        amount = free if asked is None else asked
        why = self._keeps(book, key, amount, free)
        if why is not None:
            return self._say(book, "WithdrawalRefused", why)
        book.balance, book.shifted, book.out[key] = (
            book.balance - amount, book.shifted + amount, amount,
        )  # fmt: skip
        return self._say(book, "Withdrawn", amount, book.balance, self._floors(book))

    def _restore(self, book, key):
        amount = book.out.get(key, 0)
        if book.ended or amount == 0:
            why = Reason.NOT_ACTIVE if book.ended else Reason.UNKNOWN_WITHDRAWAL
            return self._say(book, "RestoreRefused", amount, why)
        book.balance, book.shifted, book.out[key] = (
            book.balance + amount, book.shifted - amount, 0,
        )  # fmt: skip
        return self._say(book, "WithdrawalRestored", amount, book.balance, self._floors(book))

    def _keeps(self, book, key, amount, free):  # noqa: PLR0911 -- a column of guards
        if book.ended:
            return Reason.NOT_ACTIVE
        if book.halted:
            return Reason.HALTED
        if key in book.out:
            return Reason.ALREADY_WITHDRAWN
        if book.held or book.orders:
            return Reason.NOT_FLAT
        if free <= 0:
            return Reason.NO_PROFIT
        if amount > free:
            return Reason.ABOVE_PROFIT
        as_if = {**book.out, key: amount}
        for guard in book.setup.guards:
            floor = self._floor(book, guard, out=as_if, shifted=book.shifted + amount)
            left = book.balance - amount
            if left < floor or (left == floor and guard.comparison.value == "at_or_below"):
                return Reason.WOULD_CROSS_FLOOR
        return None

    def _end_of(self, book):
        return Reason.CLOSED if book.closed else Reason.NOT_ACTIVE

    def _floors(self, book):
        return tuple(
            self._floor(book, guard, out=book.out, shifted=book.shifted)
            for guard in book.setup.guards
        )
