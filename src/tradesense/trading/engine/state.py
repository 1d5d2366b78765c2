"""What the engine knows: accounts, the market as the tape has told it, and what it is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from tradesense.kernel.events import Event
from tradesense.trading.engine.arithmetic import Mark, Terms, terms_by_symbol
from tradesense.trading.model import (
    AccountSetup,
    AccountStatus,
    CloseRequest,
    OrderRequest,
    OrderType,
    Reason,
    Side,
    TimeInForce,
)


@dataclass(frozen=True, slots=True)
class Position:
    """Net holding of one symbol; see `arithmetic` for the units. Never of quantity 0."""

    qty: int
    cost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order at work. Market orders wait for a fresh quote until `deadline_us`."""

    order_id: UUID
    client_order_id: str
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
    deadline_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """
    One account as it stands. `terms` follows from `setup`; orders stand in their sequence.

    `cash_today_minor`: what came in (less what went out) since the last reset. `withdrawals`:
    what of each is outstanding, 0 once it was restored.
    """

    setup: AccountSetup
    terms: Mapping[str, Terms] = field(compare=False, repr=False)
    status: AccountStatus
    ended_for: Reason | None
    input_seq: int
    fills: int
    balance_minor: int
    reset_balance_minor: int
    day: date
    days_opened: int
    opened_day: date | None
    halted_for: Reason | None
    cash_today_minor: int
    withdrawals: Mapping[UUID, int]
    positions: Mapping[str, Position]
    orders: tuple[Order, ...]

    @property
    def is_active(self) -> bool:
        return self.status is AccountStatus.ACTIVE

    @property
    def withdrawn_minor(self) -> int:
        """Return what has left the account and not come back."""
        return sum(self.withdrawals.values())

    @property
    def profit_minor(self) -> int:
        """Return the closed profit made so far; what was withdrawn of it counts."""
        return self.balance_minor + self.withdrawn_minor - self.setup.initial_minor


def new_account(setup: AccountSetup, day: date) -> Account:
    """Return the account of `setup` on its first day, before its opening is counted."""
    return Account(
        setup=setup,
        terms=terms_by_symbol(setup),
        status=AccountStatus.ACTIVE,
        ended_for=None,
        input_seq=0,
        fills=0,
        balance_minor=setup.initial_minor,
        reset_balance_minor=setup.initial_minor,
        day=day,
        days_opened=0,
        opened_day=None,
        halted_for=None,
        cash_today_minor=0,
        withdrawals={},
        positions={},
        orders=(),
    )


@dataclass(slots=True)
class Market:
    """What the tape has told up to `price_seq`; `feed_us` is its latest moment."""

    price_seq: int = 0
    feed_us: int = 0
    clock_us: int = 0
    marks: dict[str, Mark] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Open:
    """Open the account of `setup`."""

    setup: AccountSetup


@dataclass(frozen=True, slots=True)
class Place:
    order_id: UUID
    request: OrderRequest


@dataclass(frozen=True, slots=True)
class Close:
    """Close a position, or a part of it, by an order of this id."""

    order_id: UUID
    request: CloseRequest


@dataclass(frozen=True, slots=True)
class Cancel:
    order_id: UUID


@dataclass(frozen=True, slots=True)
class CloseAccount:
    reason: Reason


@dataclass(frozen=True, slots=True)
class Halt:
    reason: Reason


@dataclass(frozen=True, slots=True)
class Resume:
    """Lift a halt."""


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take profit out; `amount_minor` None means all there is."""

    withdrawal_id: UUID
    amount_minor: int | None


@dataclass(frozen=True, slots=True)
class Restore:
    """Put a withdrawal back."""

    withdrawal_id: UUID


Ask = Open | Place | Close | Cancel | CloseAccount | Halt | Resume | Withdraw | Restore


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody asks of one account; `asked_us` is the clock of the edge that took it."""

    account_id: UUID
    asked_us: int
    ask: Ask


@dataclass(frozen=True, slots=True)
class Output:
    """Something that happened to an account, at a moment of the feed."""

    account_id: UUID
    at_us: int
    event: Event
