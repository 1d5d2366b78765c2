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
