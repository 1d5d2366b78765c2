"""What must always be true of the bank's part; each query returns the rows that break it."""

INVARIANTS = {
    "a statement adds up, and begins where the one before ended": """
        SELECT s.account, s.bank_id, s.opening_minor, s.closing_minor
        FROM payments_bank_statements s
        LEFT JOIN payments_bank_statements p
            ON p.account = s.account AND p.ordinal = s.ordinal - 1
        CROSS JOIN LATERAL (
            SELECT count(*) AS lines, coalesce(sum(l.amount_minor), 0)::bigint AS moved_minor
            FROM payments_bank_lines l WHERE l.statement_id = s.statement_id
        ) l
        WHERE (s.ordinal > 1 AND p.closing_minor IS DISTINCT FROM s.opening_minor)
           OR (l.lines, s.opening_minor + l.moved_minor) <> (s.lines, s.closing_minor)
    """,
    "every line of a statement is in the books, once, as the bank has it": """
        SELECT l.line_id, l.amount_minor, l.currency, t.amount_minor AS booked_minor
        FROM payments_bank_lines l
        LEFT JOIN ledger_transfers t
            ON t.id = l.transfer_id AND t.amount_minor = abs(l.amount_minor)
            AND t.currency = l.currency
            AND t.debit = CASE WHEN l.amount_minor > 0 THEN 'bank:' ELSE 'unapplied:' END
                          || l.currency
            AND t.credit = CASE WHEN l.amount_minor > 0 THEN 'unapplied:' ELSE 'bank:' END
                           || l.currency
        WHERE t.id IS NULL
    """,
    "the books hold at the bank what the bank says they do": """
        SELECT a.account, coalesce(s.closing_minor, 0) AS bank_minor, b.booked_minor
        FROM payments_bank_accounts a
        LEFT JOIN LATERAL (
            SELECT closing_minor FROM payments_bank_statements
            WHERE account = a.account ORDER BY ordinal DESC LIMIT 1
        ) s ON true
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(CASE WHEN t.debit = 'bank:' || a.currency
                                THEN t.amount_minor ELSE -t.amount_minor END), 0)::bigint
                AS booked_minor
            FROM ledger_transfers t
            WHERE 'bank:' || a.currency IN (t.debit, t.credit)
        ) b
        WHERE coalesce(s.closing_minor, 0) <> b.booked_minor
    """,
    "a line that is known for what it is has left `unapplied`, in full": """
        SELECT a.line_id, a.kind, l.amount_minor, t.amount_minor AS moved_minor
        FROM payments_bank_applied a
        JOIN payments_bank_lines l USING (line_id)
        LEFT JOIN ledger_transfers t
            ON t.id = a.transfer_id AND t.amount_minor = abs(l.amount_minor)
            AND t.currency = l.currency
            AND 'unapplied:' || l.currency = CASE WHEN l.amount_minor > 0 THEN t.debit
                                             ELSE t.credit END
        WHERE t.id IS NULL
    """,
    "a match is approved by another than who proposed it, and then each of its lines is known": """
        SELECT m.match_id, m.proposed_by, m.decided_by, l.line_id
        FROM payments_bank_matches m
        JOIN payments_bank_match_lines l USING (match_id)
        LEFT JOIN payments_bank_applied a ON a.line_id = l.line_id AND a.match_id = m.match_id
        WHERE (m.status = 'approved') <> (a.line_id IS NOT NULL)
           OR (m.status = 'approved' AND m.decided_by = m.proposed_by)
    """,
    "what a match brought is what its payments received, each by a receipt of its own": """
        SELECT m.match_id, l.came_minor, p.received_minor
        FROM payments_bank_matches m
        CROSS JOIN LATERAL (
            SELECT sum(b.amount_minor) AS came_minor FROM payments_bank_match_lines ml
            JOIN payments_bank_lines b USING (line_id) WHERE ml.match_id = m.match_id
        ) l
        CROSS JOIN LATERAL (
            SELECT sum(r.amount_minor) AS received_minor FROM payments_bank_match_payments mp
            LEFT JOIN payments_receipts r ON r.provider = 'manual'
                AND r.provider_ref = mp.provider_ref AND r.payment_id = mp.payment_id
            WHERE mp.match_id = m.match_id
        ) p
        WHERE m.kind = 'payment' AND m.status = 'approved'
          AND l.came_minor IS DISTINCT FROM p.received_minor
    """,
    "a transfer is paid if, and only if, a statement shows it as it was ordered": """
        SELECT o.outgoing_id, o.status, o.amount_minor, l.amount_minor AS sent_minor
        FROM payments_bank_outgoing o
        LEFT JOIN payments_bank_applied a ON a.line_id = o.line_id AND a.kind = 'outgoing'
        LEFT JOIN payments_bank_lines l ON l.line_id = a.line_id
        WHERE o.line_id IS NOT NULL
          AND (l.line_id IS NULL OR (l.amount_minor, l.currency, l.end_to_end_id)
                                    <> (-o.amount_minor, o.currency, o.end_to_end_id))
    """,
}
