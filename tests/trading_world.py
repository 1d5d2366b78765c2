"""A small world for the engine: one book, a tape that a test writes line by line."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

from tradesense.kernel.events import Event
from tradesense.kernel.ids import derive
from tradesense.kernel.instants import to_us
from tradesense.market.model import Instrument, Kind, Status, TapeItem
from tradesense.trading.engine.book import Book
from tradesense.trading.engine.boxes.edges import EdgeIndex
from tradesense.trading.engine.state import (
    Account,
    Cancel,
    Close,
    CloseAccount,
    Command,
    Market,
    Open,
    Output,
    Place,
)
from tradesense.trading.model import (
    AccountSetup,
    BelowResetBalance,
    CloseRequest,
    Comparison,
    Guard,
    Measure,
    OrderRequest,
    OrderType,
    Reason,
    Side,
    Static,
    Target,
    TimeInForce,
)

FRIDAY = datetime(2014, 5, 2, 8, 0, tzinfo=UTC)  # London open, 10:00 in Prague
WEDNESDAY = datetime(2014, 4, 30, 8, 0, tzinfo=UTC)  # its midnight falls into an open market
SECOND_US = 1_000_000
EURUSD, USDJPY, EURGBP, GBPUSD = "EUR/USD", "USD/JPY", "EUR/GBP", "GBP/USD"


def an_instrument(symbol: str, **changes: object) -> Instrument:
    base, quote = symbol.split("/")
    made = Instrument(
        symbol=symbol,
        base=base,
        quote=quote,
        price_digits=3 if quote == "JPY" else 5,
        qty_digits=0,
        min_qty=1,
        stale_after_s=300,
        calendar="crypto" if base == "BTC" else "forex",
        asset_class="forex",
    )
    return replace(made, **changes)  # type: ignore[arg-type] # each test names its own fields


def daily(amount_minor: int = 500_000, comparison: Comparison = Comparison.BELOW) -> Guard:
    return Guard(
        name="daily loss",
        measure=Measure.EQUITY,
        recipe=BelowResetBalance(amount_minor=amount_minor),
        comparison=comparison,
    )


def overall(floor_minor: int = 9_000_000, comparison: Comparison = Comparison.BELOW) -> Guard:
    return Guard(
        name="overall loss",
        measure=Measure.EQUITY,
        recipe=Static(floor_minor=floor_minor),
        comparison=comparison,
    )


def a_setup(number: int = 1, **changes: object) -> AccountSetup:
    """FTMO's 100,000 USD, first phase, unless `changes` say otherwise."""
    made = AccountSetup(
        account_id=UUID(int=number),
        challenge_id=UUID(int=1_000_000 + number),
        phase="phase 1",
        currency="USD",
        initial_minor=10_000_000,
        leverage=30,
        instruments=(an_instrument(EURUSD),),
        guards=(daily(), overall()),
        target=Target(profit_minor=1_000_000, days_min=1),
        reset="00:00 Europe/Prague",
        terms_sha256="ab" * 32,
    )
    return replace(made, **changes)  # type: ignore[arg-type] # each test names its own fields


class World:
    """Every call is one input; it returns the events that input caused."""

    def __init__(
        self,
        *setups: AccountSetup,
        at: datetime = FRIDAY,
        edges: EdgeIndex | None = None,
        accounts: Iterable[Account] = (),
        market: Market | None = None,
    ) -> None:
        self.book = Book(market or Market(), accounts, edges=edges)
        self.at_us = to_us(at)
        self.seq = self.book.market.price_seq
        self.orders = 0
        self.said: list[Output] = []
        self.clock()
        for setup in setups:
            self.open(setup)

    def wait(self, seconds: float) -> None:
        self.at_us += round(seconds * SECOND_US)

    def quote(
        self,
        bid: int,
        ask: int | None = None,
        *,
        symbol: str = EURUSD,
        status: Status = Status.VALID,
        at_us: int | None = None,
    ) -> list[Event]:
        return self.item(
            kind=Kind.QUOTE,
            symbol=symbol,
            bid=bid,
            ask=bid if ask is None else ask,
            status=status,
            at_us=self.at_us if at_us is None else at_us,
        )

    def clock(self) -> list[Event]:
        return self.item(kind=Kind.CLOCK, at_us=self.at_us)

    def reset(self, day: str, reset: str = "00:00 Europe/Prague") -> list[Event]:
        return self.item(
            kind=Kind.RESET, at_us=self.at_us, reset=reset, day=date.fromisoformat(day)
        )

    def item(self, **fields: object) -> list[Event]:
        self.seq += 1
        item = TapeItem(price_seq=self.seq, **fields)  # type: ignore[arg-type] # each test names its own fields
        return self._said(self.book.apply(item))

    def open(self, setup: AccountSetup) -> list[Event]:
        return self.command(setup.account_id, Open(setup))

    def buy(self, qty: int, **fields: object) -> list[Event]:
        return self.order(Side.BUY, qty, **fields)

    def sell(self, qty: int, **fields: object) -> list[Event]:
        return self.order(Side.SELL, qty, **fields)

    def order(
        self,
        side: Side,
        qty: int,
        *,
        account: int = 1,
        symbol: str = EURUSD,
        limit: int | None = None,
        stop: int | None = None,
        tif: TimeInForce = TimeInForce.GTC,
    ) -> list[Event]:
        kind = OrderType.MARKET
        if limit is not None:
            kind = OrderType.LIMIT
        elif stop is not None:
            kind = OrderType.STOP
        request = OrderRequest(
            client_order_id=self._next_name(),
            symbol=symbol,
            side=side,
            type=kind,
            tif=tif,
            qty=qty,
            limit_price=limit,
            stop_price=stop,
        )
        account_id = UUID(int=account)
        order_id = derive(account_id, request.client_order_id)
        return self.command(account_id, Place(order_id, request))

    def close(
        self,
        *,
        account: int = 1,
        symbol: str = EURUSD,
        qty: int | None = None,
        share_ppm: int | None = None,
    ) -> list[Event]:
        request = CloseRequest(
            client_order_id=self._next_name(), symbol=symbol, qty=qty, share_ppm=share_ppm
        )
        account_id = UUID(int=account)
        order_id = derive(account_id, request.client_order_id)
        return self.command(account_id, Close(order_id, request))

    def cancel(self, order_id: UUID, *, account: int = 1) -> list[Event]:
        return self.command(UUID(int=account), Cancel(order_id))

    def close_account(self, *, account: int = 1) -> list[Event]:
        return self.command(UUID(int=account), CloseAccount(Reason.REQUESTED))

    def command(self, account_id: UUID, ask: object, *, asked_us: int | None = None) -> list[Event]:
        asked = self.at_us if asked_us is None else asked_us
        return self._said(self.book.take(Command(account_id, asked, ask)))  # type: ignore[arg-type] # each test names its own fields

    def account(self, number: int = 1) -> Account:
        return self.book.accounts[UUID(int=number)]

    def _next_name(self) -> str:
        self.orders += 1
        return f"order {self.orders}"

    def _said(self, outputs: Sequence[Output]) -> list[Event]:
        self.said.extend(outputs)
        return [output.event for output in outputs]


def kinds(events: Iterable[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def only(events: Iterable[Event], kind: type[Event]) -> Event:
    found = [event for event in events if isinstance(event, kind)]
    assert len(found) == 1, f"{len(found)} {kind.__name__} in {kinds(events)}"
    return found[0]
