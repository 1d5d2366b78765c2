"""
Trading: orders, fills and positions of simulated accounts, and the engine that makes them.

Owns     the tables `trading_*`; only the engine process writes accounts, orders and fills.
Promises the same tape and the same commands give the same fills and floors, to the cent;
         a guard is tested on every price that could cross it (see `invariants`).
Speaks   AccountOpened, OrderAccepted, OrderRejected, OrderFilled, OrderCancelled,
         CancelRejected, DayRolled, GuardBreached, TargetReached, AccountClosing, AccountClosed,
         AccountHalted, HaltRejected, AccountResumed, ResumeRejected, Withdrawn,
         WithdrawalRefused, WithdrawalRestored, RestoreRefused, on `account:<id>`.
"""

from tradesense.trading.firm import (
    UnknownWithdrawal,
    WithdrawalAskedDifferently,
    request_halt,
    request_restore,
    request_resume,
    request_withdrawal,
)
from tradesense.trading.model import (
    AccountSetup,
    BelowResetBalance,
    CloseRequest,
    Comparison,
    Effect,
    Guard,
    GuardBreached,
    Measure,
    OnCashFlow,
    OrderRequest,
    Outcome,
    Reason,
    Static,
    Target,
    TargetReached,
)
from tradesense.trading.reads import (
    AccountView,
    CurvePoint,
    PositionView,
    current_account,
    equity_curve,
    find_account,
)
from tradesense.trading.service import (
    DuplicateClientOrderId,
    UnknownAccount,
    UnknownOrder,
    request_cancel,
    request_close,
    request_close_account,
    request_open,
    request_order,
)
from tradesense.trading.store import find_order, list_cash_flows, list_fills, list_orders

__all__ = [
    "AccountSetup",
    "AccountView",
    "BelowResetBalance",
    "CloseRequest",
    "Comparison",
    "CurvePoint",
    "DuplicateClientOrderId",
    "Effect",
    "Guard",
    "GuardBreached",
    "Measure",
    "OnCashFlow",
    "OrderRequest",
    "Outcome",
    "PositionView",
    "Reason",
    "Static",
    "Target",
    "TargetReached",
    "UnknownAccount",
    "UnknownOrder",
    "UnknownWithdrawal",
    "WithdrawalAskedDifferently",
    "current_account",
    "equity_curve",
    "find_account",
    "find_order",
    "list_cash_flows",
    "list_fills",
    "list_orders",
    "request_cancel",
    "request_close",
    "request_close_account",
    "request_halt",
    "request_open",
    "request_order",
    "request_restore",
    "request_resume",
    "request_withdrawal",
]
