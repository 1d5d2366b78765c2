"""The nouns of the ledger."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from tradesense.kernel.events import Event
from tradesense.kernel.money import Money


class Side(StrEnum):
    """The side of an account on which its balance normally stands."""

    DEBIT = "debit"
    CREDIT = "credit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One line of the chart: a sort of book account that exists once per currency (and party)."""

    normal: Side
    party: str | None = None  # what the middle part of the code names, e.g. "provider"
    bounded: bool = False  # never on the wrong side of zero; checked under a lock
    age_max: timedelta | None = None  # what stands for longer needs an explanation


@dataclass(frozen=True, slots=True, kw_only=True)
class BookAccount:
    """A book account: `clearing:stripe:USD` is kind clearing, party stripe, currency USD."""

    code: str
    kind: str
    currency: str
    normal: Side
    bounded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """
    A movement of `amount` from book account `credit` to book account `debit`.

    Both sides are one value, so books that do not balance cannot be written. `effective_at` is
    when it is true for the books; when it was recorded is the database's to say. `reverses`
    names the transfer that this one takes back in full.
    """

    id: UUID
    debit: str
    credit: str
    amount: Money
    reason: str
    effective_at: datetime
    reverses: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What one caller asks for: `transfers` are linked, so all of them are posted or none."""

    transfers: tuple[Transfer, ...]
    by: str = "system:ledger"
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A transfer as text: made once, used for its hash, its row and its entry on the trail."""

    transfer: Transfer
    request: Request
    id: str
    effective_at: str
    reason: str  # in JSON
    reverses: str  # in JSON
    payload_sha256: bytes

    @property
    def posted(self) -> bytes:
        """Return the canonical text of its TransferPosted."""
        made = self.transfer
        return (
            f'{{"amount_minor":{made.amount.minor},"credit":"{made.credit}",'
            f'"currency":"{made.amount.currency}","debit":"{made.debit}",'
            f'"effective_at":"{self.effective_at}","reason":{self.reason},'
            f'"reverses":{self.reverses},"transfer_id":"{self.id}"}}'
        ).encode()


class Outcome(StrEnum):
    """How a reservation ended."""

    POSTED = "posted"
    VOIDED = "voided"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """
    A pending transfer: its amount is held in the bounded account it comes from.

    `expires_at` is a moment of the database's clock; None waits for ever. `outcome` is None
    while it is open. `transfer_id` names what it was posted as.
    """

    transfer: Transfer
    expires_at: datetime | None
    outcome: Outcome | None = None
    transfer_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """
    Where a bounded account stands: debits minus credits, after `version` lines.

    `reserved_minor` of what it holds is kept for open reservations.
    """

    account: str
    balance_minor: int
    version: int
    reserved_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One transfer as one account sees it; `amount_minor` is positive on the debit side."""

    account: str
    version: int
    transfer_id: UUID
    amount_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True)
class Extended:
    """The lines that transfers add to bounded accounts, and where these accounts stand then."""

    lines: tuple[Line, ...]
    running: tuple[Running, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLine:
    """One account of a trial balance: all its debits, all its credits, its normal side."""

    account: str
    normal: Side
    debit: Money
    credit: Money

    @property
    def balance(self) -> Money:
        """What the account holds; positive on its normal side."""
        turnover = self.debit - self.credit
        return turnover if self.normal is Side.DEBIT else -turnover


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One line of an account's statement; `amount` and `balance` on its normal side."""

    version: int
    transfer: Transfer
    amount: Money
    balance: Money
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """
    How old what stands on a clearing account is: the newest movements account for it.

    `oldest_at` is when the oldest part of `balance` became effective, None if nothing stands.
    """

    account: str
    balance: Money
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferReserved(Event):
    """An amount is held for a transfer that may be posted later."""

    reservation_id: UUID
    debit: str
    credit: str
    amount_minor: int
    currency: str
    reason: str
    effective_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationResolved(Event):
    """A reservation came to its end; what it held is free again."""

    reservation_id: UUID
    outcome: Outcome
    transfer_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodEnded(Event):
    """The books take nothing that is effective before `closed_until` any more; `why`, if said."""

    closed_until: datetime
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferPosted(Event):
    """A transfer stands in the books, for good."""

    transfer_id: UUID
    debit: str
    credit: str
    amount_minor: int
    currency: str
    reason: str
    effective_at: datetime
    reverses: UUID | None
