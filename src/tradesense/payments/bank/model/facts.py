"""What the bank's part publishes; ids and amounts only, nobody's name or account."""

from dataclasses import dataclass
from uuid import UUID

from tradesense.kernel.events import Event


@dataclass(frozen=True, slots=True)
class BankAccountRegistered(Event):
    """The firm's own account; its number is printed on every offer."""

    account: str
    currency: str


@dataclass(frozen=True, slots=True)
class StatementImported(Event):
    statement_id: UUID
    account: str
    currency: str
    bank_id: str
    opening_minor: int
    closing_minor: int
    lines: int
    content_sha256: str


@dataclass(frozen=True, slots=True)
class MatchProposed(Event):
    match_id: UUID
    kind: str
    line_ids: tuple[UUID, ...]
    payment_ids: tuple[UUID, ...]
    party: str
    reason: str


@dataclass(frozen=True, slots=True)
class MatchApproved(Event):
    match_id: UUID


@dataclass(frozen=True, slots=True)
class MatchRejected(Event):
    match_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class LineApplied(Event):
    """A line is known for what it is, and stands where it belongs in the books."""

    line_id: UUID
    kind: str
    party: str
    amount_minor: int
    currency: str
    transfer_id: UUID


@dataclass(frozen=True, slots=True)
class OutgoingRequested(Event):
    outgoing_id: UUID
    kind: str
    amount_minor: int
    currency: str
    end_to_end_id: str


@dataclass(frozen=True, slots=True)
class OutgoingExported(Event):
    """It was written into a file for the bank."""

    outgoing_id: UUID
    message_id: str


@dataclass(frozen=True, slots=True)
class OutgoingPaid(Event):
    """A statement shows that the bank has sent it."""

    outgoing_id: UUID
    kind: str
    amount_minor: int
    currency: str
    line_id: UUID


@dataclass(frozen=True, slots=True)
class OutgoingReturned(Event):
    """A statement shows that it came back."""

    outgoing_id: UUID
    kind: str
    amount_minor: int
    currency: str
    line_id: UUID
