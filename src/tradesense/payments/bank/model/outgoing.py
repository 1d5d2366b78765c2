"""
Money that we send through our bank: ordered here, paid when a statement shows it.

    requested ─▶ exported ─▶ paid ─▶ returned
        │                     ▲
        └─────────────────────┘  somebody typed it in by hand
"""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class OutgoingKind(StrEnum):
    REFUND = "refund"
    PAYOUT = "payout"


class OutgoingStatus(StrEnum):
    REQUESTED = "requested"
    EXPORTED = "exported"
    PAID = "paid"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """
    A credit transfer of ours, known at the bank by `end_to_end_id`.

    `debit_account` is the book account that the money leaves once the bank has sent it.
    `refers_to` is what it pays: for a refund, the reference that the money came under.
    """

    outgoing_id: UUID
    kind: OutgoingKind
    refers_to: str
    end_to_end_id: str
    account: str
    amount_minor: int
    currency: str
    creditor: str = field(repr=False)
    creditor_account: str = field(repr=False)
    text: str
    debit_account: str
    status: OutgoingStatus = OutgoingStatus.REQUESTED
