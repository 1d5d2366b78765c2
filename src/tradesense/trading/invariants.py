"""What must always be true of trading. Each query returns the rows that break it."""

INVARIANTS = {
    "a position is the sum of its fills": """
        SELECT account_id, symbol, qty, filled FROM (
            SELECT account_id, symbol, sum(qty) AS filled FROM trading_fills GROUP BY 1, 2
        ) f FULL JOIN trading_positions p USING (account_id, symbol)
        WHERE COALESCE(qty, 0) <> COALESCE(filled, 0)
    """,
    "a position is what its last fill left": """
        SELECT p.account_id, p.symbol FROM trading_positions p
        LEFT JOIN LATERAL (
            SELECT position_qty, position_cost FROM trading_fills f
            WHERE f.account_id = p.account_id AND f.symbol = p.symbol
            ORDER BY number DESC LIMIT 1
        ) f ON true
        WHERE (p.qty, p.cost) IS DISTINCT FROM (f.position_qty, f.position_cost)
    """,
    "a balance is what the account began with, realised, paid out and got back": """
        SELECT a.account_id FROM trading_accounts a
        WHERE a.balance_minor <> (a.setup->>'initial_minor')::bigint
            + COALESCE((SELECT sum(realised_minor) FROM trading_fills f
                WHERE f.account_id = a.account_id), 0)
            + COALESCE((SELECT sum(amount_minor) FROM trading_cash_flows c
                WHERE c.account_id = a.account_id), 0)
    """,
    "every fill states the balance after it": """
        SELECT account_id, number FROM (
            SELECT f.account_id, f.number, f.balance_minor,
                (a.setup->>'initial_minor')::bigint + sum(realised_minor)
                    OVER (PARTITION BY f.account_id ORDER BY f.number)
                    + COALESCE((SELECT sum(amount_minor) FROM trading_cash_flows c
                        WHERE c.account_id = f.account_id AND c.fills < f.number), 0) AS summed
            FROM trading_fills f JOIN trading_accounts a USING (account_id)
        ) s WHERE balance_minor <> summed
    """,
    "fills are numbered without a gap": """
        SELECT a.account_id FROM trading_accounts a LEFT JOIN trading_fills f USING (account_id)
        GROUP BY a.account_id
        HAVING a.fills <> count(f.number) OR a.fills <> COALESCE(max(f.number), 0)
    """,
    "commands are stamped once each, without a gap, and their account knows the last": """
        SELECT account_id FROM trading_accounts a LEFT JOIN trading_commands c USING (account_id)
        GROUP BY account_id
        HAVING a.input_seq <> count(c.input_seq) OR a.input_seq <> COALESCE(max(c.input_seq), 0)
    """,
    "stamps of an account follow the tape": """
        SELECT account_id, input_seq FROM (
            SELECT account_id, input_seq, after_price_seq, lag(after_price_seq)
                OVER (PARTITION BY account_id ORDER BY input_seq) AS before
            FROM trading_commands WHERE input_seq IS NOT NULL
        ) s WHERE after_price_seq < before
    """,
    "no fill after an outcome but the liquidations of a breach": """
        SELECT account_id, f.number
        FROM trading_fills f JOIN trading_outcomes o USING (account_id)
        WHERE f.number > o.fills
            AND (o.kind <> 'breached' OR f.liquidation IS DISTINCT FROM 'breached')
    """,
    "a liquidation follows an outcome or a close of its account": """
        SELECT f.account_id, f.number FROM trading_fills f
        LEFT JOIN trading_outcomes o USING (account_id)
        WHERE f.liquidation = 'breached' AND (o.kind IS DISTINCT FROM 'breached'
            OR f.number <= o.fills)
    """,
    "an account has an outcome if, and only if, it was breached or passed": """
        SELECT account_id FROM trading_accounts a LEFT JOIN trading_outcomes o USING (account_id)
        WHERE (COALESCE(a.ended_for IN ('breached', 'passed'), false)) <> (o.kind IS NOT NULL)
            OR o.kind <> a.ended_for
    """,
    "a closed account is flat and has no order at work": """
        SELECT account_id FROM trading_accounts a WHERE status = 'closed' AND (
            EXISTS (SELECT FROM trading_positions p
                WHERE p.account_id = a.account_id AND p.qty <> 0)
            OR EXISTS (SELECT FROM trading_orders o
                WHERE o.account_id = a.account_id AND o.status = 'new'))
    """,
    "an order is filled if, and only if, there is its fill": """
        SELECT o.order_id FROM trading_orders o LEFT JOIN trading_fills f USING (order_id)
        WHERE (o.status = 'filled') <> (f.order_id IS NOT NULL)
            OR o.filled_price <> f.price OR o.account_id <> f.account_id
    """,
    "a cash flow states the balance after it": """
        SELECT c.account_id, c.input_seq FROM trading_cash_flows c
        JOIN trading_accounts a USING (account_id)
        WHERE c.balance_minor <> (a.setup->>'initial_minor')::bigint
            + COALESCE((SELECT sum(realised_minor) FROM trading_fills f
                WHERE f.account_id = c.account_id AND f.number <= c.fills), 0)
            + (SELECT sum(amount_minor) FROM trading_cash_flows d
                WHERE d.account_id = c.account_id AND d.input_seq <= c.input_seq)
    """,
    "only profit leaves an account, and what comes back is exactly what left": """
        SELECT c.account_id, c.withdrawal_id FROM trading_cash_flows c
        JOIN trading_accounts a USING (account_id)
        LEFT JOIN trading_cash_flows d ON d.withdrawal_id = c.withdrawal_id
            AND d.amount_minor < 0 AND c.amount_minor > 0 AND d.account_id = c.account_id
            AND d.input_seq < c.input_seq
        WHERE (c.amount_minor < 0 AND c.balance_minor < (a.setup->>'initial_minor')::bigint)
            OR (c.amount_minor > 0 AND c.amount_minor IS DISTINCT FROM -d.amount_minor)
    """,
    "every cash flow was asked for, by its stamp": """
        SELECT c.account_id, c.input_seq FROM trading_cash_flows c
        LEFT JOIN trading_commands t USING (account_id, input_seq)
        WHERE t.order_id IS DISTINCT FROM c.withdrawal_id
            OR t.kind <> CASE WHEN c.amount_minor < 0 THEN 'withdraw' ELSE 'restore' END
    """,
    "a halted account has no order at work but closing ones": """
        SELECT a.account_id FROM trading_accounts a JOIN trading_orders o USING (account_id)
        WHERE a.halted_for IS NOT NULL AND o.status = 'new' AND NOT o.closing
    """,
    "nothing was filled beyond the engine's cursor": """
        SELECT account_id, number FROM trading_fills f, trading_engines e
        WHERE f.price_seq > e.price_seq OR f.quote_seq > f.price_seq
    """,
}
