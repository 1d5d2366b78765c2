"""What must always be true of the books. Each query returns the rows that break it."""

INVARIANTS = {
    "a running balance is the sum of its transfers": """
        SELECT b.account, b.balance_minor, coalesce(s.turnover, 0) AS turnover
        FROM ledger_balances b
        LEFT JOIN (
          SELECT account, sum(amount) AS turnover FROM (
            SELECT debit AS account, amount_minor AS amount FROM ledger_transfers
            UNION ALL SELECT credit, -amount_minor FROM ledger_transfers
          ) AS sides GROUP BY 1
        ) AS s USING (account)
        WHERE b.balance_minor <> coalesce(s.turnover, 0)
    """,
    "versions of a bounded account have no gap, and each line adds up": """
        SELECT account, version FROM (
          SELECT account, version, amount_minor, balance_minor,
            lag(version, 1, 0::bigint) OVER w AS version_before,
            lag(balance_minor, 1, 0::bigint) OVER w AS balance_before
          FROM ledger_lines WINDOW w AS (PARTITION BY account ORDER BY version)
        ) AS l
        WHERE version <> version_before + 1 OR balance_minor <> balance_before + amount_minor
        UNION ALL
        SELECT account, b.version FROM ledger_balances b
        WHERE b.version <> (SELECT count(*) FROM ledger_lines l WHERE l.account = b.account)
    """,
    "a bounded account is never on the wrong side of zero": """
        SELECT l.account, l.version, l.balance_minor
        FROM ledger_lines l JOIN ledger_accounts a ON a.code = l.account
        WHERE CASE a.normal WHEN 'debit' THEN l.balance_minor < 0 ELSE l.balance_minor > 0 END
    """,
    "every account that money moved through has been opened": """
        SELECT DISTINCT code FROM ledger_transfers, unnest(ARRAY[debit, credit]) AS code
        WHERE NOT EXISTS (SELECT FROM ledger_accounts a WHERE a.code = code)
    """,
    "a reversal mirrors what it reverses": """
        SELECT r.id FROM ledger_transfers r JOIN ledger_transfers o ON o.id = r.reverses
        WHERE (r.debit, r.credit, r.amount_minor, r.currency)
           <> (o.credit, o.debit, o.amount_minor, o.currency) OR o.reverses IS NOT NULL
    """,
    "every transfer is told on the trail, once": """
        SELECT t.id FROM ledger_transfers t
        LEFT JOIN trail_entries e ON e.stream = 'ledger:' || t.id AND e.kind = 'TransferPosted'
        GROUP BY 1 HAVING count(e.stream) <> 1
    """,
}
