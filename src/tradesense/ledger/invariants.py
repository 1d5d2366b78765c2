"""What must always be true of the books. Each query returns the rows that break it."""

INVARIANTS = {
    "a bounded account's balance is the sum of its transfers": """
        SELECT a.code, coalesce(b.balance_minor, 0) AS balance_minor, s.turnover
        FROM ledger_accounts a
        LEFT JOIN ledger_balances b ON b.account = a.code
        LEFT JOIN (
          SELECT account, sum(amount) AS turnover FROM (
            SELECT debit AS account, amount_minor AS amount FROM ledger_transfers
            UNION ALL SELECT credit, -amount_minor FROM ledger_transfers
          ) AS sides GROUP BY 1
        ) AS s ON s.account = a.code
        WHERE a.bounded AND coalesce(b.balance_minor, 0) <> coalesce(s.turnover, 0)
    """,
    "an unbounded account's balance is the sum of the transfers that were followed": """
        SELECT a.code, coalesce(b.balance_minor, 0) AS balance_minor, s.turnover
        FROM ledger_accounts a
        LEFT JOIN ledger_balances b ON b.account = a.code
        LEFT JOIN (
          SELECT side.account, sum(side.amount) AS turnover
          FROM trail_leaves l JOIN trail_entries e ON e.id = l.entry_id
          JOIN ledger_transfers t ON e.stream = 'ledger:' || t.id
          CROSS JOIN LATERAL (VALUES (t.debit, t.amount_minor), (t.credit, -t.amount_minor))
            AS side (account, amount)
          WHERE e.kind = 'TransferPosted' AND l.position <= (SELECT position FROM ledger_follower)
          GROUP BY 1
        ) AS s ON s.account = a.code
        WHERE NOT a.bounded AND coalesce(b.balance_minor, 0) <> coalesce(s.turnover, 0)
    """,
    "versions of an account have no gap, and each line adds up": """
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
    "a line tells the amount of its transfer, and no transfer twice to one account": """
        SELECT l.account, l.version FROM ledger_lines l
        LEFT JOIN ledger_transfers t ON t.id = l.transfer_id
        WHERE l.amount_minor IS DISTINCT FROM
          CASE l.account WHEN t.debit THEN t.amount_minor WHEN t.credit THEN -t.amount_minor END
        UNION ALL
        SELECT account, max(version) FROM ledger_lines
        GROUP BY account, transfer_id HAVING count(*) > 1
    """,
    "an account holds what is reserved of it": """
        SELECT b.account, b.balance_minor, b.reserved_minor
        FROM ledger_balances b JOIN ledger_accounts a ON a.code = b.account AND a.bounded
        WHERE b.reserved_minor > CASE a.normal WHEN 'debit' THEN b.balance_minor
                                               ELSE -b.balance_minor END
    """,
    "what is reserved of an account is the sum of its open reservations": """
        SELECT b.account, b.reserved_minor, s.held
        FROM ledger_balances b
        LEFT JOIN ledger_accounts a ON a.code = b.account
        LEFT JOIN LATERAL (
          SELECT sum(r.amount_minor) AS held
          FROM ledger_open o JOIN ledger_reservations r ON r.id = o.reservation_id
          WHERE a.bounded AND CASE a.normal WHEN 'debit' THEN r.credit ELSE r.debit END = b.account
        ) AS s ON true
        WHERE b.reserved_minor <> coalesce(s.held, 0)
    """,
    "a reservation is open, or it has ended; never both": """
        SELECT r.id FROM ledger_reservations r
        LEFT JOIN ledger_open o ON o.reservation_id = r.id
        LEFT JOIN ledger_resolutions e ON e.reservation_id = r.id
        WHERE (o.reservation_id IS NULL) = (e.reservation_id IS NULL)
    """,
    "what a reservation was posted as is not more than it held": """
        SELECT r.id FROM ledger_resolutions e
        JOIN ledger_reservations r ON r.id = e.reservation_id
        JOIN ledger_transfers t ON t.id = e.transfer_id
        WHERE (r.debit, r.credit, r.currency) <> (t.debit, t.credit, t.currency)
           OR t.amount_minor > r.amount_minor
    """,
    "nothing was recorded into a closed period": """
        SELECT t.id, p.closed_until FROM ledger_transfers t
        JOIN ledger_periods p ON t.effective_at < p.closed_until AND t.recorded_at > p.recorded_at
    """,
    "a bounded account is never on the wrong side of zero": """
        SELECT l.account, l.version, l.balance_minor
        FROM ledger_lines l JOIN ledger_accounts a ON a.code = l.account AND a.bounded
        WHERE CASE a.normal WHEN 'debit' THEN l.balance_minor < 0 ELSE l.balance_minor > 0 END
    """,
    "every account that money moved through has been opened": """
        SELECT DISTINCT s.code FROM (
          SELECT debit AS code FROM ledger_transfers
          UNION ALL SELECT credit FROM ledger_transfers
          UNION ALL SELECT account FROM ledger_balances
            WHERE version <> 0 OR balance_minor <> 0 OR reserved_minor <> 0
        ) AS s
        WHERE NOT EXISTS (SELECT FROM ledger_accounts a WHERE a.code = s.code)
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
