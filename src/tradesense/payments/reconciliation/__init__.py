"""
Reconciliation: our records and ledger, the providers' own books and the bank, three-way.

Owns     the tables `payments_movements`, `payments_bookings`, `payments_owners`,
         `payments_reconciliations`, `payments_cases` and `payments_corrections`.
Promises a provider's books are copied and never rewritten; what only the provider knows is booked
         once; whatever differs is one case with an owner and an end, and what is merely underway
         is none; every comparison, also one that finds nothing, is on the trail with its hash.
Speaks   DifferenceFound, DifferenceReopened, DifferenceGone, CaseAssigned, CorrectionProposed,
         CaseResolved and ReconciliationCompleted on `reconciliation:<provider>`.

    copy     the provider's books, between transactions, with an overlap
    book     fees, payouts and adjustments, by ids that follow from the line
    compare  in one snapshot, by subject: a payment is looked at whole, whenever its parts were
    conclude cases, facts and the report of the run, in one commit
"""

from tradesense.payments.reconciliation.casework import (
    NeverRun,
    approve_correction,
    assign,
    get,
    propose_correction,
    resolve,
)
from tradesense.payments.reconciliation.jobs import (
    ASKED,
    Asked,
    reconcile,
    reconcile_bank,
    reconcile_due,
)
from tradesense.payments.reconciliation.model import Case, CaseState, DifferenceKind, Run
from tradesense.payments.reconciliation.store.cases import (
    list_awaiting_approval,
    list_cases,
)
from tradesense.payments.reconciliation.store.runs import find_last

__all__ = [
    "ASKED",
    "Asked",
    "Case",
    "CaseState",
    "DifferenceKind",
    "NeverRun",
    "Run",
    "approve_correction",
    "assign",
    "find_last",
    "get",
    "list_awaiting_approval",
    "list_cases",
    "propose_correction",
    "reconcile",
    "reconcile_bank",
    "reconcile_due",
    "resolve",
]
