"""What must always be true of payouts. Each query returns the rows that break it."""

INVARIANTS = {
    "what a payout took left the account once, and is shared out to the last unit": """
        SELECT p.id, p.withdrawn_minor, p.share_minor, p.split_bp, f.amount_minor AS left_minor
        FROM payouts_payouts p
        LEFT JOIN trading_cash_flows f
          ON f.withdrawal_id = p.id AND f.account_id = p.account_id AND f.amount_minor < 0
        WHERE p.withdrawn_minor IS NOT NULL AND (
          f.amount_minor IS DISTINCT FROM -p.withdrawn_minor
          OR abs(p.share_minor::numeric * 10000 - p.withdrawn_minor::numeric * p.split_bp) > 5000)
    """,
    "a trader is owed what was frozen and neither sent nor put back": """
        WITH owed AS (
          SELECT 'trader-payable:' || user_id || ':' || currency AS account,
                 sum(share_minor + fee_minor) FILTER (
                   WHERE withdrawn_minor IS NOT NULL
                     AND (status = 'frozen' OR status IN ('returned', 'refused')
                          AND left_in IS DISTINCT FROM 'account')
                     AND NOT EXISTS (SELECT FROM payouts_resends r
                                     WHERE r.payout_id = p.id AND r.status IN ('sent', 'paid'))
                 ) AS owed_minor
          FROM payouts_payouts p GROUP BY 1
        ), booked AS (
          SELECT account, sum(minor)::bigint AS booked_minor FROM (
            SELECT credit AS account, amount_minor AS minor FROM ledger_transfers
            UNION ALL SELECT debit, -amount_minor FROM ledger_transfers) sides
          WHERE account IN (SELECT account FROM owed) GROUP BY 1
        )
        SELECT account, owed_minor, booked_minor FROM owed LEFT JOIN booked USING (account)
        WHERE coalesce(owed_minor, 0) <> coalesce(booked_minor, 0)
           OR coalesce(booked_minor, 0) < 0
    """,
    "what is in transit is what the bank has been asked to send and has not yet": """
        WITH sent AS (
          SELECT p.currency, sum(p.share_minor + p.fee_minor) AS sent_minor FROM (
            SELECT id AS order_id, id AS payout_id, status FROM payouts_payouts
            UNION ALL SELECT id, payout_id, status FROM payouts_resends
          ) AS s JOIN payouts_payouts p ON p.id = s.payout_id
          JOIN payments_bank_outgoing o ON o.outgoing_id = s.order_id
          WHERE s.status IN ('sent', 'paid') AND o.status IN ('requested', 'exported', 'returned')
          GROUP BY 1
        ), booked AS (
          SELECT currency, sum(CASE WHEN credit LIKE 'payouts-in-transit:%' THEN amount_minor
                                    ELSE -amount_minor END)::bigint AS booked_minor
          FROM ledger_transfers t
          WHERE (credit LIKE 'payouts-in-transit:%' OR debit LIKE 'payouts-in-transit:%')
            AND currency IN (SELECT currency FROM payouts_payouts)
          GROUP BY 1
        )
        SELECT currency, sent_minor, booked_minor FROM sent FULL JOIN booked USING (currency)
        WHERE coalesce(sent_minor, 0) <> coalesce(booked_minor, 0)
    """,
    "a payout is ordered at the bank once it is sent, never before, for what is owed": """
        SELECT p.id, p.status, o.amount_minor FROM payouts_payouts p
        LEFT JOIN payments_bank_outgoing o ON o.outgoing_id = p.id
        WHERE (p.status IN ('sent', 'paid', 'returned')) <> (o.outgoing_id IS NOT NULL)
          OR o.outgoing_id IS NOT NULL
             AND (o.kind, o.amount_minor, o.currency, o.creditor_account)
                 <> ('payout', p.share_minor + p.fee_minor, p.currency, p.payee_account)
    """,
    "what is owed is sent again once two others agree, never before, and for all that is owed": """
        SELECT r.id, r.status, o.amount_minor FROM payouts_resends r
        JOIN payouts_payouts p ON p.id = r.payout_id
        LEFT JOIN payments_bank_outgoing o ON o.outgoing_id = r.id
        WHERE p.left_in IS DISTINCT FROM 'payable'
          OR (r.status IN ('sent', 'paid', 'returned')) <> (o.outgoing_id IS NOT NULL)
          OR o.outgoing_id IS NOT NULL AND (
            (o.kind, o.amount_minor, o.currency, o.creditor_account)
              <> ('payout', p.share_minor + p.fee_minor, p.currency, r.payee_account)
            OR r.decided_by = r.proposed_by)
          OR (ARRAY[r.proposed_by, r.decided_by]
              && ARRAY['operator:' || p.user_id, 'user:' || p.user_id])
    """,
    "a payout is approved by as many operators as it needs, and by nobody for themselves": """
        SELECT p.id, p.status, count(a.approved_by) AS approvals FROM payouts_payouts p
        LEFT JOIN payouts_approvals a ON a.payout_id = p.id
        GROUP BY p.id
        HAVING p.decision = 'approved' AND count(a.approved_by) <
            CASE WHEN p.share_minor + p.fee_minor <= p.alone_max_minor THEN 1 ELSE 2 END
          OR bool_or(a.approved_by IN ('operator:' || p.user_id, 'user:' || p.user_id))
    """,
    "the price of a challenge goes back once at most, and is never more than it was": """
        SELECT p.challenge_id, count(*) AS payouts, sum(p.fee_minor) AS fee_minor
        FROM payouts_payouts p
        JOIN challenges_challenges c ON c.id = p.challenge_id
        WHERE p.fee_minor > 0 AND p.left_in IS DISTINCT FROM 'account'
        GROUP BY p.challenge_id, c.terms
        HAVING count(*) > 1
          OR sum(p.fee_minor) > (convert_from(c.terms, 'UTF8')::jsonb #>> '{price,minor}')::bigint
    """,
    "a fee that goes back with a payout cannot be refunded too: it is set aside, and only it": """
        SELECT p.id, p.fee_minor, a.amount_minor FROM payouts_payouts p
        LEFT JOIN payments_asides a ON a.aside_id = p.id AND a.put_back_at IS NULL
        WHERE coalesce(a.amount_minor, 0)
           <> CASE WHEN p.left_in IS DISTINCT FROM 'account' THEN p.fee_minor ELSE 0 END
    """,
    "each payout has its saga, and both agree on how it ended": """
        SELECT p.id, p.status, i.state FROM payouts_payouts p
        LEFT JOIN saga_instances i ON i.id = p.id AND i.kind = 'payout'
        WHERE i.id IS NULL
          OR i.state = 'completed' AND p.status NOT IN ('paid', 'returned')
          OR i.state = 'compensated' AND p.status <> 'refused'
          OR p.status = 'refused' AND i.state NOT IN ('compensating', 'compensated', 'parked')
    """,
}
