"""What the firm did to an account, as its stream tells it: halts, and cash in and out."""

from dataclasses import dataclass
from uuid import UUID

from tradesense.kernel.events import Event
from tradesense.trading.model.events import Floor
from tradesense.trading.model.orders import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmEvent(Event):
    """An answer to a command of the firm; `input_seq` is that command's number."""

    account_id: UUID
    challenge_id: UUID
    price_seq: int
    input_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountHalted(FirmEvent):
    """No new orders from here on; cancels of what was at work follow."""

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltRejected(FirmEvent):
    """The account could not be halted for `asked`: it is halted, or at its end."""

    asked: Reason
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountResumed(FirmEvent):
    """The account takes orders again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeRejected(FirmEvent):
    """The account was not halted, or is at its end."""

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn(FirmEvent):
    """
    `amount_minor` has left the account; balance and floors are after it.

    `fills` is how many the account had by then.
    """

    withdrawal_id: UUID
    amount_minor: int
    balance_minor: int
    fills: int
    floors: tuple[Floor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalRefused(FirmEvent):
    """Nothing has left the account. `asked_minor` is None where all profit was asked for."""

    withdrawal_id: UUID
    asked_minor: int | None
    balance_minor: int
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalRestored(FirmEvent):
    """A withdrawal is back in the account, whole; the rest as with Withdrawn."""

    withdrawal_id: UUID
    amount_minor: int
    balance_minor: int
    fills: int
    floors: tuple[Floor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRefused(FirmEvent):
    """
    Nothing came back: the account has ended, or has no such withdrawal outstanding.

    `amount_minor` is what is outstanding of it; 0 where nothing is.
    """

    withdrawal_id: UUID
    amount_minor: int
    reason: Reason
