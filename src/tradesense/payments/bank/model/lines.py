"""
What a bank says: statements and their lines, as read and as kept.

Names and accounts of other people are in these nouns, never in a fact or in a `repr`.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from uuid import UUID


class LineKind(StrEnum):
    """What a line turned out to be."""

    PAYMENT = "payment"  # a buyer's, under a reference of ours
    PROVIDER_PAYOUT = "provider_payout"  # what another provider took for us, or took back
    OUTGOING = "outgoing"  # a transfer that we ordered
    OUTGOING_RETURNED = "outgoing_returned"  # one that came back
    FEE = "fee"  # what the bank takes for itself


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """The firm's own account of one currency; `account` is its IBAN, or its bare number."""

    account: str
    currency: str
    holder: str
    bic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLine:
    """One line as the file has it; `amount_minor` is positive where money came to us."""

    where: str
    """The place in the file, for whoever has to mend it."""
    booked_on: date
    valued_on: date
    amount_minor: int
    counterparty: str = field(default="", repr=False)
    counterparty_account: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    end_to_end_id: str = ""
    bank_ref: str = ""
    code: str = ""
    """The bank's own word for what it is, e.g. `ACMT/MDOP/CHRG`."""
    is_return: bool = False
    """Whether the bank says that this is a transfer coming back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStatement:
    """A statement as the file has it: opening balance, lines and closing balance add up."""

    account: str
    currency: str
    bank_id: str
    """What the bank calls it; once per account."""
    opening_minor: int
    closing_minor: int
    lines: tuple[ReadLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BankLine:
    """
    One line of a statement that was imported; it never changes.

    `amount_minor` is signed: positive is a credit, money that came to us. `seq` counts 1, 2, 3, …
    within its statement. `kind` is None while nobody knows what the line is.
    """

    line_id: UUID
    account: str
    booked_on: date
    valued_on: date
    amount_minor: int
    currency: str
    counterparty: str = field(repr=False)
    counterparty_account: str = field(repr=False)
    text: str = field(repr=False)
    end_to_end_id: str
    bank_ref: str
    statement_id: UUID
    seq: int
    code: str = ""
    is_return: bool = False
    kind: LineKind | None = None
