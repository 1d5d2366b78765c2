"""What has happened to an account, as its stream tells it; only the engine writes there."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from tradesense.kernel.events import Event
from tradesense.trading.model.orders import OrderType, Reason, Side, TimeInForce
from tradesense.trading.model.setups import Comparison, Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The floor of one guard as it stands."""

    guard: str
    measure: Measure
    comparison: Comparison
    floor_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One position as a guard saw it: what it cost, and what closing it would bring."""

    symbol: str
    qty: int
    cost: int
    price: int
    quote_seq: int
    conversion_price: int | None
    conversion_seq: int | None
    pnl_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOpened(Event):
    account_id: UUID
    challenge_id: UUID
    phase: str
    price_seq: int
    input_seq: int
    currency: str
    initial_minor: int
    leverage: int
    reset: str
    day: date
    floors: tuple[Floor, ...]
    terms_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAccepted(Event):
    """
    The engine took the order; `asked_us` is the clock of the edge that took the request.

    `closing`: a market order that was asked for as the close of a position.
    """

    order_id: UUID
    client_order_id: str
    price_seq: int
    input_seq: int
    asked_us: int
    symbol: str
    side: Side
    type: OrderType
    tif: TimeInForce
    qty: int
    limit_price: int | None
    stop_price: int | None
    closing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRejected(Event):
    """
    The order did nothing. `input_seq` is None where it was accepted first (stale price, margin).

    A close of an unknown position has no side and quantity 0.
    """

    order_id: UUID
    client_order_id: str
    price_seq: int
    input_seq: int | None
    asked_us: int
    symbol: str
    side: Side | None
    type: OrderType
    tif: TimeInForce
    qty: int
    limit_price: int | None
    stop_price: int | None
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilled(Event):
    """
    A whole order filled at one price; liquidations too (`liquidation` names what caused them).

    `number` counts the account's fills from 1; `conversion_*` is set where a profit was realised.
    `opening`: it increased the absolute position. `position_*` and `balance_minor` are after it.
    """

    order_id: UUID
    number: int
    price_seq: int
    quote_seq: int
    symbol: str
    side: Side
    qty: int
    price: int
    conversion_price: int | None
    conversion_seq: int | None
    realised_minor: int
    balance_minor: int
    position_qty: int
    position_cost: int
    opening: bool
    day: date
    liquidation: Reason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCancelled(Event):
    order_id: UUID
    price_seq: int
    input_seq: int | None
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRejected(Event):
    """A cancel found no such order at work."""

    order_id: UUID
    price_seq: int
    input_seq: int
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRolled(Event):
    """A reset: `day` begins with these floors; `opened` tells whether the day before counted."""

    price_seq: int
    day: date
    opened: bool
    days_opened: int
    balance_minor: int
    equity_minor: int
    floors: tuple[Floor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardBreached(Event):
    """
    `value_minor` crossed `floor_minor`; `legs` is the whole arithmetic of the equity.

    `fills` is how many the account had by then: any later one is a liquidation.
    """

    account_id: UUID
    challenge_id: UUID
    phase: str
    price_seq: int
    guard: str
    measure: Measure
    comparison: Comparison
    floor_minor: int
    value_minor: int
    balance_minor: int
    reset_balance_minor: int
    day: date
    fills: int
    legs: tuple[Leg, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetReached(Event):
    account_id: UUID
    challenge_id: UUID
    phase: str
    price_seq: int
    profit_minor: int
    target_minor: int
    balance_minor: int
    days_opened: int
    days_min: int
    day: date
    fills: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountClosing(Event):
    """Somebody asked to close the account; cancels and liquidations follow."""

    price_seq: int
    input_seq: int
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountClosed(Event):
    """Everything is flat and no order is at work; the account never trades again."""

    price_seq: int
    reason: Reason
    balance_minor: int


Outcome = GuardBreached | TargetReached
"""What the engine hands to `challenges.conclude`, in the transaction that stores it."""
