"""
Trading: orders, fills and positions of simulated accounts, and the engine that makes them.

Owns     the tables `trading_*`; only the engine process writes accounts, orders and fills.
Promises the same tape and the same commands give the same fills and floors, to the cent;
         a guard is tested on every price that could cross it (see `invariants`).
Speaks   AccountOpened, OrderAccepted, OrderRejected, OrderFilled, OrderCancelled,
         CancelRejected, DayRolled, GuardBreached, TargetReached, AccountClosed.
"""

from tradesense.trading.model import (
    AccountSetup,
    BelowResetBalance,
    CloseRequest,
    Comparison,
    Effect,
    Guard,
    GuardBreached,
    Measure,
    OrderRequest,
    Outcome,
    Static,
    Target,
    TargetReached,
)
from tradesense.trading.service import (
    DuplicateClientOrderId,
    UnknownOrder,
    request_cancel,
    request_close,
    request_close_account,
    request_open,
    request_order,
)

__all__ = [
    "AccountSetup",
    "BelowResetBalance",
    "CloseRequest",
    "Comparison",
    "DuplicateClientOrderId",
    "Effect",
    "Guard",
    "GuardBreached",
    "Measure",
    "OrderRequest",
    "Outcome",
    "Static",
    "Target",
    "TargetReached",
    "UnknownOrder",
    "request_cancel",
    "request_close",
    "request_close_account",
    "request_open",
    "request_order",
]
