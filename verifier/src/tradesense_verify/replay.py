"""
The account lived again: the same prices and commands, every consequence worked out anew.

Inputs are the tape's items and the commands that the entries record (each has an `input_seq`
and the number of the last price before it). What follows from each input must be exactly the
entries that stand next in the account's stream, field by field.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from tradesense_verify.findings import Wrong
from tradesense_verify.log.entries import Entry, number_of
from tradesense_verify.prices import Item
from tradesense_verify.rules import judge, orders
from tradesense_verify.rules.account import Account, Order, Said, derived_id
from tradesense_verify.rules.arithmetic import Quote
from tradesense_verify.rules.firm import cash, halts
from tradesense_verify.rules.instants import SECOND_US, text_of, wall_to_us
from tradesense_verify.rules.opening import open_account
from tradesense_verify.rules.terms import Terms

PART = "recomputation"
_DAY = timedelta(days=1)
# How far a price's stamp may run ahead of the clock that is sequenced after it.
SLACK_US = 10 * SECOND_US
FOR_EVER_US = 2**62


@dataclass(slots=True)
class Counts:
    """What a replay went through."""

    prices: int = 0
    commands: int = 0
    days: int = 0
    fills: int = 0
    rejected: int = 0


class Replay:
    """One account, its entries still to be explained, and the feed's time."""

    def __init__(self, terms: Terms, entries: Sequence[Entry], terms_sha256: str) -> None:
        self.entries = entries
        self.counts = Counts()
        self.outcome: Said | None = None
        self._next = 1
        self._input_seq = 1
        self._feed_us = 0
        self._latest_us = FOR_EVER_US
        self.account = open_account(terms, entries[0], terms_sha256)

    def run(self, items: Sequence[Item]) -> None:
        """Live through `items` and the commands between them. Raises Wrong at a difference."""
        bounds = _next_clocks(items)
        opened = self.account.seq
        for number, item in enumerate(items):
            if item.seq > opened:
                self._take_commands(before=item.seq)
            self._latest_us = bounds[number]
            if item.seq <= opened:
                self._remember(item)
            elif self.account.status != "closed":
                self._live(item)
        self._latest_us = FOR_EVER_US
        self._take_commands(before=None)
        if self._next < len(self.entries):
            raise Wrong(PART, f"nothing causes {self.entries[self._next]}")

    def _remember(self, item: Item) -> None:
        """Take in a price from before the opening: it marks, it judges nothing."""
        self._feed_us = max(self._feed_us, item.at_us)
        if item.status == "valid":
            self.account.quotes[item.symbol] = Quote(item.bid, item.ask, item.at_us, item.seq)

    def _live(self, item: Item) -> None:
        account = self.account
        self.counts.prices += item.kind == "quote"
        self._feed_us = max(self._feed_us, item.at_us, self._stated_us(item.seq))
        account.seq, account.now_us = item.seq, self._feed_us
        self._check_reset_due(item)
        orders.expire(account)
        if item.status == "valid":
            account.quotes[item.symbol] = Quote(item.bid, item.ask, item.at_us, item.seq)
            if item.symbol in account.symbols():
                self._trade_on(item.symbol)
        elif item.kind == "reset" and item.reset == account.terms.reset:
            self._roll(item)
        self._explain(self._feed_us)

    def _trade_on(self, symbol: str) -> None:
        account = self.account
        if account.status == "active":
            quote = account.quotes[symbol]
            for order in [each for each in account.orders if each.symbol == symbol]:
                if order.is_triggered(quote):
                    orders.execute(account, order)
        elif symbol in account.positions:
            judge.liquidate(account, symbol)
        judge.settle(account)

    def _roll(self, item: Item) -> None:
        terms = self.account.terms
        day = _day_of(item)
        due = wall_to_us(day, terms.reset_time, terms.reset_zone)
        if due != item.at_us:
            said = f"the reset numbered {item.seq} stands at {text_of(item.at_us)}"
            raise Wrong("prices", f"{said}; {terms.reset} of {day} is {text_of(due)}")
        judge.roll(self.account, day)

    def _check_reset_due(self, item: Item) -> None:
        """No valid price stamped after a local midnight may come before its reset."""
        account, terms = self.account, self.account.terms
        if item.status != "valid" or account.status != "active":
            return
        due = wall_to_us(account.day + _DAY, terms.reset_time, terms.reset_zone)
        if item.at_us >= due:
            said = f"the reset {terms.reset} of {account.day + _DAY} is missing"
            raise Wrong("prices", f"{said} before price {item.seq}")

    def _take_commands(self, *, before: int | None) -> None:
        """Take the commands (and expiries at prices not in the bundle) numbered below `before`."""
        while self._next < len(self.entries):
            entry = self.entries[self._next]
            seq = number_of(entry, "price_seq")
            if before is not None and seq >= before:
                return
            at_us = entry.at_us()
            asked_us = entry.data.get("asked_us")
            self._check_time(entry, at_us, asked_us if entry.data.get("input_seq") else None)
            self.account.seq, self.account.now_us = seq, at_us
            if entry.data.get("input_seq") is None:
                orders.expire(self.account)
            else:
                self._take(entry)
            explained = self._next
            self._explain(at_us)
            if self._next == explained:
                raise Wrong(PART, f"nothing causes {entry}")

    def _take(self, entry: Entry) -> None:
        account, data = self.account, entry.data
        self._input_seq += 1
        self.counts.commands += 1
        if data["input_seq"] != self._input_seq:
            raise Wrong(PART, f"{entry} is command {data['input_seq']}, not {self._input_seq}")
        match entry.kind:
            case "OrderAccepted" | "OrderRejected":
                orders.place(account, _asked_for(account, entry), self._input_seq)
            case "OrderCancelled" | "CancelRejected":
                orders.request_cancel(account, str(data.get("order_id")), self._input_seq)
            case _:
                self._obey_firm(entry)
        judge.settle(account)

    def _obey_firm(self, entry: Entry) -> None:
        account, data, seq = self.account, entry.data, self._input_seq
        withdrawal_id = str(data.get("withdrawal_id"))
        match entry.kind:
            case "AccountClosing":
                reason = str(data.get("reason"))
                account.say("AccountClosing", input_seq=seq, reason=reason)
                if account.status == "active":
                    judge.wind_up(account, "closing", reason)
            case "AccountHalted" | "HaltRejected":
                halts.halt(account, str(data.get("asked", data.get("reason"))), seq)
            case "AccountResumed" | "ResumeRejected":
                halts.resume(account, seq)
            case "Withdrawn" | "WithdrawalRefused":
                asked = data.get("asked_minor", data.get("amount_minor"))
                cash.withdraw(account, withdrawal_id, asked, seq)
            case "WithdrawalRestored" | "RestoreRefused":
                cash.restore(account, withdrawal_id, seq)
            case _:
                raise Wrong(PART, f"{entry} is no answer to a command")

    def _explain(self, at_us: int) -> None:
        """Hold what has just followed against the entries that stand next."""
        said, self.account.said = self.account.said, []
        for kind, data in said:
            if self._next >= len(self.entries):
                raise Wrong(PART, f"{kind} at price {data['price_seq']} follows, but has no entry")
            entry = self.entries[self._next]
            if (entry.kind, entry.data) != (kind, data):
                raise Wrong(PART, _difference(entry, (kind, data)))
            if entry.at != text_of(at_us):
                raise Wrong(PART, f"{entry} is dated {entry.at}, not {text_of(at_us)}")
            self._next += 1
            self._count((kind, data))

    def _count(self, said: Said) -> None:
        kind = said[0]
        if kind in {"GuardBreached", "TargetReached"}:
            self.outcome = said
        self.counts.days += kind == "DayRolled"
        self.counts.fills += kind == "OrderFilled"
        self.counts.rejected += kind == "OrderRejected"

    def _stated_us(self, seq: int) -> int:
        """Return the feed's time at `seq` where the next entry states it; else nothing new."""
        if self._next >= len(self.entries):
            return 0
        entry = self.entries[self._next]
        if entry.data.get("price_seq") != seq or entry.data.get("input_seq") is not None:
            return 0
        at_us = entry.at_us()
        self._check_time(entry, at_us, None)
        return at_us

    def _check_time(self, entry: Entry, at_us: int, asked_us: int | None) -> None:
        """Check that the feed's time stated by an entry lies between its neighbours' times."""
        lowest = max(self._feed_us, asked_us or 0)
        highest = max(self._latest_us, asked_us or 0)
        if not lowest <= at_us <= highest:
            between = f"between {text_of(lowest)} and {text_of(highest)}"
            raise Wrong(PART, f"{entry} is dated {entry.at}, not {between}")


def _asked_for(account: Account, entry: Entry) -> Order:
    data = entry.data
    try:
        order = Order(
            order_id=derived_id(account.account_id, data["client_order_id"]),
            client_order_id=data["client_order_id"],
            asked_us=data["asked_us"],
            symbol=data["symbol"],
            side=data["side"],
            type=data["type"],
            tif=data["tif"],
            qty=data["qty"],
            limit_price=data["limit_price"],
            stop_price=data["stop_price"],
            closing=bool(data.get("closing")),
        )
    except (KeyError, TypeError) as error:
        raise Wrong(PART, f"{entry} states no order ({error!r})") from None
    # A refusal does not say whether it was asked for as a close; its reason may need that.
    if entry.kind == "OrderRejected" and orders.refusal(account, order) != data.get("reason"):
        return replace(order, closing=True)
    return order


def _difference(entry: Entry, said: Said) -> str:
    kind, data = said
    if entry.kind != kind:
        return f"{entry}: {kind} follows here ({_short(data)})"
    fields = [
        f"{name} is {data.get(name)!r} when worked out, {entry.data.get(name)!r} in the entry"
        for name in sorted(data.keys() | entry.data.keys())
        if data.get(name) != entry.data.get(name) or (name in data) != (name in entry.data)
    ]
    return f"{entry}: {'; '.join(fields)}"


def _short(data: dict[str, Any]) -> str:
    shown = ("reason", "guard", "symbol", "side", "qty", "price", "price_seq")
    return ", ".join(f"{name} {data[name]}" for name in shown if name in data)


def _day_of(item: Item) -> date:
    try:
        return date.fromisoformat(item.day)
    except ValueError:
        raise Wrong("prices", f"the reset numbered {item.seq} begins no day") from None


def _next_clocks(items: Sequence[Item]) -> list[int]:
    """Return, for each item, the latest time the feed can have before the item after it."""
    bounds, latest = [FOR_EVER_US] * len(items), FOR_EVER_US
    for number in range(len(items) - 1, -1, -1):
        bounds[number] = latest
        if items[number].kind == "clock":
            latest = items[number].at_us + SLACK_US
    return bounds
