"""What is ordered, and what became of it."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

QTY_MAX = 10**15  # 10 billion lots of EUR/USD; keeps every product far below 2^127
PRICE_MAX = 10**12  # a million at 6 digits
SHARE_ALL_PPM = 1_000_000


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
    """Why something was refused or ended, or an account halted or closed."""

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
    REQUESTED = "requested"
    DAY_ENDED = "day_ended"
    BREACHED = "breached"
    PASSED = "passed"
    CLOSED = "account_closed"
    HALTED = "account_halted"
    NOT_HALTED = "account_not_halted"
    PAYMENT_DISPUTED = "payment_disputed"
    UNDER_REVIEW = "under_review"
    REFUNDED = "refunded"
    CHARGED_BACK = "charged_back"
    NOT_FLAT = "not_flat"
    NO_PROFIT = "no_profit"
    ABOVE_PROFIT = "amount_above_profit"
    WOULD_CROSS_FLOOR = "would_cross_a_floor"
    ALREADY_WITHDRAWN = "already_withdrawn"
    UNKNOWN_WITHDRAWAL = "unknown_withdrawal"


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
class CashFlow:
    """
    Money that left an account (`amount_minor` below zero) or came back.

    `fills` is how many the account had before it, `balance_minor` what it had after it.
    """

    withdrawal_id: UUID
    amount_minor: int
    balance_minor: int
    fills: int
    price_seq: int
    at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    """An order as it stands; `taken_us` is None while the engine has not taken it."""

    order_id: UUID
    account_id: UUID
    client_order_id: str
    symbol: str
    side: Side | None
    type: OrderType
    tif: TimeInForce
    qty: int
    limit_price: int | None
    stop_price: int | None
    closing: bool
    status: OrderStatus
    reason: Reason | None
    asked_us: int
    taken_us: int | None
    ended_us: int | None
    filled_price: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRecord:
    """A fill; `qty` is negative for a sale, `position_*` and `balance_minor` are after it."""

    number: int
    order_id: UUID
    price_seq: int
    at_us: int
    symbol: str
    qty: int
    price: int
    realised_minor: int
    balance_minor: int
    position_qty: int
    position_cost: int
    opening: bool
    day: date
    liquidation: Reason | None
