"""The nouns of the bank: accounts, statements, lines, matches, outgoing transfers, facts."""

from tradesense.payments.bank.model.facts import (
    BankAccountRegistered,
    LineApplied,
    MatchApproved,
    MatchProposed,
    MatchRejected,
    OutgoingExported,
    OutgoingPaid,
    OutgoingRequested,
    OutgoingReturned,
    StatementImported,
)
from tradesense.payments.bank.model.lines import (
    BankAccount,
    BankLine,
    LineKind,
    ReadLine,
    ReadStatement,
)
from tradesense.payments.bank.model.matches import (
    Match,
    MatchStatus,
    Offer,
    Strength,
    Suggestion,
)
from tradesense.payments.bank.model.outgoing import Outgoing, OutgoingKind, OutgoingStatus

__all__ = [
    "BankAccount",
    "BankAccountRegistered",
    "BankLine",
    "LineApplied",
    "LineKind",
    "Match",
    "MatchApproved",
    "MatchProposed",
    "MatchRejected",
    "MatchStatus",
    "Offer",
    "Outgoing",
    "OutgoingExported",
    "OutgoingKind",
    "OutgoingPaid",
    "OutgoingRequested",
    "OutgoingReturned",
    "OutgoingStatus",
    "ReadLine",
    "ReadStatement",
    "StatementImported",
    "Strength",
    "Suggestion",
]
