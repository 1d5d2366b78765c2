"""
The nouns of trading: what an account is set up with, what is ordered, what has happened.

Units. Prices are integers in 10^-price_digits of the quote currency, quantities integers in
10^-qty_digits of the base currency (negative = short), money integers in minor units of the
account's currency, moments microseconds since 1970. `price_seq` is the tape's gapless number,
`input_seq` the account's own gapless number of commands (1 = its opening).

An order:  pending_new -> new -> filled | canceled | expired | rejected
An account:  active -> breached | passed | closing -> closed   (closed once everything is flat)
"""

from tradesense.trading.model.events import (
    AccountClosed,
    AccountClosing,
    AccountOpened,
    CancelRejected,
    DayRolled,
    Floor,
    GuardBreached,
    Leg,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    Outcome,
    TargetReached,
)
from tradesense.trading.model.orders import (
    PRICE_MAX,
    QTY_MAX,
    SHARE_ALL_PPM,
    AccountStatus,
    CloseRequest,
    FillRecord,
    OrderRecord,
    OrderRequest,
    OrderStatus,
    OrderType,
    Reason,
    Side,
    TimeInForce,
)
from tradesense.trading.model.setups import (
    LEVERAGE_MAX,
    MINOR_MAX,
    ORDER_WAIT_S,
    REOPENING_WAIT_S,
    AccountSetup,
    BelowResetBalance,
    Comparison,
    Conversion,
    Effect,
    Guard,
    Measure,
    Recipe,
    Static,
    Target,
)

__all__ = [
    "LEVERAGE_MAX",
    "MINOR_MAX",
    "ORDER_WAIT_S",
    "PRICE_MAX",
    "QTY_MAX",
    "REOPENING_WAIT_S",
    "SHARE_ALL_PPM",
    "AccountClosed",
    "AccountClosing",
    "AccountOpened",
    "AccountSetup",
    "AccountStatus",
    "BelowResetBalance",
    "CancelRejected",
    "CloseRequest",
    "Comparison",
    "Conversion",
    "DayRolled",
    "Effect",
    "FillRecord",
    "Floor",
    "Guard",
    "GuardBreached",
    "Leg",
    "Measure",
    "OrderAccepted",
    "OrderCancelled",
    "OrderFilled",
    "OrderRecord",
    "OrderRejected",
    "OrderRequest",
    "OrderStatus",
    "OrderType",
    "Outcome",
    "Reason",
    "Recipe",
    "Side",
    "Static",
    "Target",
    "TargetReached",
    "TimeInForce",
]
