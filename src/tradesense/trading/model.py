"""
The nouns of trading: what an account is set up with, what is ordered, what has happened.

Units. Prices are integers in 10^-price_digits of the quote currency, quantities integers in
10^-qty_digits of the base currency (negative = short), money integers in minor units of the
account's currency, moments microseconds since 1970. `price_seq` is the tape's gapless number,
`input_seq` the account's own gapless number of commands (1 = its opening).

An order:  pending_new -> new -> filled | canceled | expired | rejected
An account:  active -> breached | passed | closing -> closed   (closed once everything is flat)
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal
from uuid import UUID

from tradesense.kernel.events import Event
from tradesense.market.model import Instrument

QTY_MAX = 10**15  # 10 million lots of EUR/USD at 2 digits; keeps every product far below 2^127
PRICE_MAX = 10**12  # a million at 6 digits
MINOR_MAX = 10**15  # ten trillion dollars; a 64-bit column holds sums of thousands of them


class Measure(StrEnum):
    """What a guard tests."""

    EQUITY = "equity"
    BALANCE = "balance"


class Comparison(StrEnum):
    """When a tested value crosses its floor."""

    BELOW = "below"
    AT_OR_BELOW = "at_or_below"


class Effect(StrEnum):
    """What a crossed guard does."""

    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Static:
    """A floor that never moves."""

    floor_minor: int
    kind: Literal["static"] = "static"


@dataclass(frozen=True, slots=True, kw_only=True)
class BelowResetBalance:
    """A floor `amount_minor` below the balance at the last reset (at first: the opening's)."""

    amount_minor: int
    kind: Literal["below_reset_balance"] = "below_reset_balance"


Recipe = Static | BelowResetBalance


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A loss limit, compiled from sealed terms. `name` is unique within its account."""

    name: str
    measure: Measure
    recipe: Recipe
    comparison: Comparison
    effect: Effect = Effect.FAIL


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Closed profit to reach with everything flat, after `days_min` days with an opening."""

    profit_minor: int
    days_min: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSetup:
    """
    Everything the engine needs to run one account; fixed for its life.

    `reset` is the local time and IANA zone at which its day ends ("00:00 Europe/Prague").
    The conversion symbol of a quote currency follows from `instruments`: see
    `trading.conversion`.
    """

    account_id: UUID
    challenge_id: UUID
    phase: str
    currency: str
    initial_minor: int
    leverage: int
    instruments: tuple[Instrument, ...]
    guards: tuple[Guard, ...]
    target: Target | None
    reset: str
    terms_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """How one quote currency becomes account currency: by `symbol`, or by its inverse."""

    symbol: str
    inverted: bool
    price_digits: int


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"


class TimeInForce(StrEnum):
    """`day` ends at the account's next reset; `ioc` and `fok` fill at acceptance or never."""

    GTC = "gtc"
    DAY = "day"
    IOC = "ioc"
    FOK = "fok"


class OrderStatus(StrEnum):
    PENDING_NEW = "pending_new"
    NEW = "new"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"


class AccountStatus(StrEnum):
    """Not active: takes no orders. Not closed: still flattens."""

    ACTIVE = "active"
    BREACHED = "breached"
    PASSED = "passed"
    CLOSING = "closing"
    CLOSED = "closed"


class Reason(StrEnum):
    """Why an order was refused or ended."""

    NOT_ACTIVE = "account_not_active"
    UNKNOWN_SYMBOL = "unknown_symbol"
    BAD_QUANTITY = "bad_quantity"
    BAD_PRICE = "bad_price"
    MARKET_CLOSED = "market_closed"
    STALE_PRICE = "stale_price"
    NO_CONVERSION = "no_conversion"
    NO_MARGIN = "insufficient_margin"
    NO_POSITION = "no_position"
    NOT_MARKETABLE = "not_marketable"
    WAITING_FOR_PRICE = "judging_waits_for_price"
    UNKNOWN_ORDER = "unknown_order"
    TOO_MUCH = "limit_of_numbers"
    REQUESTED = "requested"
    DAY_ENDED = "day_ended"
    BREACHED = "breached"
    PASSED = "passed"
    CLOSED = "account_closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order as asked for. `limit_price` only for limits, `stop_price` only for stops."""

    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    tif: TimeInForce
    qty: int
    limit_price: int | None = None
    stop_price: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseRequest:
    """Close `symbol`: `qty` of it, or `share_ppm` millionths of it, or (neither) all of it."""

    client_order_id: str
    symbol: str
    qty: int | None = None
    share_ppm: int | None = None


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
