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
}
