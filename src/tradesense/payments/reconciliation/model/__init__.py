"""The nouns of reconciliation: the three sides, what may differ, cases, runs and their facts."""

from tradesense.payments.reconciliation.model.cases import (
    Case,
    CaseState,
    Correction,
    Difference,
    Findings,
    Run,
)
from tradesense.payments.reconciliation.model.facts import (
    CaseAssigned,
    CaseResolved,
    CorrectionProposed,
    DifferenceFound,
    DifferenceGone,
    DifferenceReopened,
    ReconciliationCompleted,
)
from tradesense.payments.reconciliation.model.kinds import (
    MEANINGS,
    DifferenceKind,
    Meaning,
    Severity,
)
from tradesense.payments.reconciliation.model.sides import (
    BankCredit,
    Booked,
    Booking,
    Books,
    Copied,
    Owner,
    Part,
    Record,
    SentPayout,
    Standing,
    Totals,
)

__all__ = [
    "MEANINGS",
    "BankCredit",
    "Booked",
    "Booking",
    "Books",
    "Case",
    "CaseAssigned",
    "CaseResolved",
    "CaseState",
    "Copied",
    "Correction",
    "CorrectionProposed",
    "Difference",
    "DifferenceFound",
    "DifferenceGone",
    "DifferenceKind",
    "DifferenceReopened",
    "Findings",
    "Meaning",
    "Owner",
    "Part",
    "ReconciliationCompleted",
    "Record",
    "Run",
    "SentPayout",
    "Severity",
    "Standing",
    "Totals",
]
