"""The three sides as reconciliation compares them: ours, the provider's, the bank's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from tradesense.payments.model import Movement, MovementKind


class Standing(StrEnum):
    """How far something of ours has come."""

    UNDERWAY = "underway"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """
    What our payments say about one change of the balance at the provider.

    `ref` is the provider's name of the payment, refund or dispute, None until we know it.
    `amount_minor` is signed as it changes that balance. `at` is when the database recorded it.
    """

    kind: MovementKind
    ref: str | None
    payment_ref: str
    amount_minor: int
    currency: str
    at: datetime
    standing: Standing = Standing.DONE
    transfer_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A line of the provider's books, as it was shown last; `versions` counts its changes."""

    movement: Movement
    subject: str
    """What it belongs to: the payment's reference, else the object's, else its own."""
    versions: int = 1
    is_gone: bool = False


class Part(StrEnum):
    """What of a movement is booked because only the provider knows of it."""

    FEE = "fee"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A transfer that was made from a movement."""

    movement_ref: str
    part: Part
    transfer_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A transfer as the clearing account sees it; `change_minor` is positive on its debit side."""

    transfer_id: UUID
    account: str
    counter: str
    change_minor: int
    currency: str
    at: datetime
    reason: str
    reverses: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose payment a reference names: one of ours, or the id that the provider says, if any."""

    is_ours: bool
    claimed: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BankCredit:
    """
    A line of a bank statement, also a debit; `text` is all that it says about where it comes from.

    `end_to_end_id` is empty where whoever ordered the transfer gave it none.
    """

    line_id: UUID
    amount_minor: int
    currency: str
    booked_on: date
    text: str
    end_to_end_id: str = ""
    is_explained: bool = False
    """Whether somebody has said already what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPayout:
    """What a provider says it sent to our bank, and under which reference it arrives there."""

    provider: str
    reference: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """All there is in one currency: the provider's books to the end, and our clearing account."""

    currency: str
    provider_minor: int
    clearing_minor: int
    oldest_at: datetime | None = None
    """Since when the oldest part of the clearing balance stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """
    The sides of one provider over what is looked at, in one snapshot.

    Whatever belongs to a subject is here whole, on every side, whenever it happened; so nothing
    differs because a window cuts through it. `bank_until` is the last day that the statements
    of a currency cover.
    """

    provider: str
    movements: tuple[Copied, ...] = ()
    records: tuple[Record, ...] = ()
    bookings: tuple[Booking, ...] = ()
    transfers: tuple[Booked, ...] = ()
    explained: frozenset[UUID] = frozenset()
    """Transfers that are corrections of cases."""
    owners: Mapping[str, Owner]
    credits: tuple[BankCredit, ...] = ()
    bank_until: Mapping[str, date]
    totals: tuple[Totals, ...] = ()
