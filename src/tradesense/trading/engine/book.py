"""
Every account at work, the market as they see it, and which of them an input can touch.

The book is memory only: what it says is durable once the engine process has committed it, and
after any failure a new book is made from the database.
"""

from collections.abc import Iterable
from heapq import heappop, heappush
from uuid import UUID

from tradesense.kernel.events import Event
from tradesense.market.model import Kind, Status, TapeItem
from tradesense.trading.engine import steps
from tradesense.trading.engine.arithmetic import Mark
from tradesense.trading.engine.boxes.edges import EdgeIndex
from tradesense.trading.engine.boxes.thresholds import box_of
from tradesense.trading.engine.state import Account, Command, Market, Open, Output
from tradesense.trading.model import AccountStatus


class Book:
    """Accounts by id. `changed` collects those that differ from what was last drained."""

    def __init__(
        self, market: Market, accounts: Iterable[Account], *, edges: EdgeIndex | None = None
    ) -> None:
        self.market = market
        self.accounts: dict[UUID, Account] = {}
        self.changed: dict[UUID, Account] = {}
        self._numbers: dict[UUID, int] = {}
        self._ids: list[UUID] = []
        self._edges = EdgeIndex() if edges is None else edges
        self._by_reset: dict[str, set[UUID]] = {}
        self._deadlines: list[tuple[int, UUID]] = []
        for account in accounts:
            self.add(account)

    def add(self, account: Account) -> None:
        """Take in an account as it was stored."""
        self._put(account)

    def apply(self, item: TapeItem) -> list[Output]:
        """Let one tape item take effect on every account it touches."""
        market, outputs = self.market, list[Output]()
        market.price_seq = item.price_seq
        market.feed_us = max(market.feed_us, item.at_us)
        if self._deadlines and self._deadlines[0][0] < market.feed_us:
            self._expire(outputs)
        if item.kind == Kind.QUOTE:
            if item.status == Status.VALID:
                self._quote(item, outputs)
        elif item.kind == Kind.RESET:
            self._reset(item, outputs)
        else:
            market.clock_us = max(market.clock_us, item.at_us)
        return outputs

    def take(self, command: Command) -> list[Output]:
        """Let one command take effect; its account is in the book unless it opens it."""
        at_us = max(self.market.feed_us, command.asked_us)
        outputs = list[Output]()
        if isinstance(command.ask, Open):
            stepped = steps.open_account(command.ask.setup, self.market, asked_us=command.asked_us)
        else:
            account = self.accounts[command.account_id]
            stepped = steps.on_command(account, self.market, command)
        self._store(stepped, outputs, at_us=at_us)
        return outputs

    def drain_changed(self) -> dict[UUID, Account]:
        """Return the accounts that changed since the last call, and forget the closed ones."""
        changed, self.changed = self.changed, {}
        for account_id, account in changed.items():
            if account.status is AccountStatus.CLOSED:
                del self.accounts[account_id]
        return changed

    def _quote(self, item: TapeItem, outputs: list[Output]) -> None:
        symbol, bid, ask = item.symbol, item.bid, item.ask
        if symbol is None or bid is None or ask is None:
            return
        self.market.marks[symbol] = Mark(bid, ask, item.at_us, item.price_seq)
        touched = self._edges.touched(symbol, bid, ask)
        for account_id in sorted([self._ids[number] for number in touched]):
            account = self.accounts[account_id]
            self._store(steps.on_quote(account, self.market, symbol), outputs, before=account)

    def _reset(self, item: TapeItem, outputs: list[Output]) -> None:
        if item.reset is None or item.day is None:
            return
        for account_id in sorted(self._by_reset.get(item.reset, ())):
            account = self.accounts[account_id]
            self._store(steps.on_reset(account, self.market, item.day), outputs, before=account)

    def _expire(self, outputs: list[Output]) -> None:
        while self._deadlines and self._deadlines[0][0] < self.market.feed_us:
            account = self.accounts.get(heappop(self._deadlines)[1])
            if account is not None:
                self._store(steps.on_time(account, self.market), outputs, before=account)

    def _store(
        self,
        stepped: tuple[Account, list[Event]],
        outputs: list[Output],
        *,
        before: Account | None = None,
        at_us: int | None = None,
    ) -> None:
        account, events = stepped
        account_id = account.setup.account_id
        moment = self.market.feed_us if at_us is None else at_us
        outputs.extend(Output(account_id, moment, event) for event in events)
        if account is not before:
            self.changed[account_id] = account
        self._put(account)

    def _put(self, account: Account) -> None:
        account_id, reset = account.setup.account_id, account.setup.reset
        number = self._numbers.get(account_id)
        if number is None:
            number = self._numbers[account_id] = len(self._ids)
            self._ids.append(account_id)
        self.accounts[account_id] = account
        if account.is_active:
            self._by_reset.setdefault(reset, set()).add(account_id)
        else:
            self._by_reset.get(reset, set()).discard(account_id)
        self._edges.put(number, box_of(account, self.market.marks))
        for order in account.orders:
            if order.deadline_us is not None:
                heappush(self._deadlines, (order.deadline_us, account_id))
