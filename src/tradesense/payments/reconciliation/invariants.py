"""What must always be true of reconciliation; each query returns the rows that break it."""

INVARIANTS = {
    "the versions of a copied movement have no gap, and a subject never changes": """
        SELECT provider, ref, max(version) FROM payments_movements GROUP BY 1, 2
        HAVING max(version) <> count(*) OR min(version) <> 1 OR count(DISTINCT subject) <> 1
    """,
    "what is booked from a movement stands in the ledger, on its clearing account": """
        SELECT b.provider, b.movement_ref, b.part FROM payments_bookings b
        LEFT JOIN payments_movements m
            ON m.provider = b.provider AND m.ref = b.movement_ref AND m.version = 1
        LEFT JOIN ledger_transfers t ON t.id = b.transfer_id AND t.currency = m.currency
            AND 'clearing:' || b.provider || ':' || m.currency IN (t.debit, t.credit)
            AND t.amount_minor = abs(CASE b.part WHEN 'fee' THEN m.fee_minor
                                                 ELSE m.amount_minor END)
        WHERE t.id IS NULL
    """,
    "a complete run has the report that the trail has the hash of": """
        SELECT r.run_id FROM payments_reconciliations r
        LEFT JOIN trail_entries e ON e.stream = 'reconciliation:' || r.provider
            AND e.version = r.stream_version AND e.kind = 'ReconciliationCompleted'
            AND strpos(convert_from(e.canonical, 'UTF8'), r.report_sha256) > 0
        WHERE r.report IS NOT NULL AND (e.stream IS NULL
            OR encode(sha256(convert_to(r.report, 'UTF8')), 'hex') <> r.report_sha256)
    """,
    "a correction is posted if, and only if, another pair of eyes agreed": """
        SELECT k.correction_id FROM payments_corrections k
        LEFT JOIN ledger_transfers t ON t.id = k.transfer_id
            AND (t.debit, t.credit, t.amount_minor, t.currency)
              = (k.debit, k.credit, k.amount_minor, k.currency)
        WHERE (k.approved_by IS NOT NULL) <> (t.id IS NOT NULL)
           OR k.approved_by = k.proposed_by
    """,
    "every case has been told on the trail": """
        SELECT c.case_id FROM payments_cases c
        WHERE NOT EXISTS (
            SELECT FROM trail_entries e WHERE e.stream = 'reconciliation:' || c.provider
              AND e.kind = 'DifferenceFound'
              AND strpos(convert_from(e.canonical, 'UTF8'), c.case_id::text) > 0)
    """,
}
