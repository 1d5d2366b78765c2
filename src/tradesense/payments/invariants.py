"""What must always be true of payments; each query returns the rows that break it."""

from tradesense.payments.bank.invariants import INVARIANTS as BANK
from tradesense.payments.reconciliation.invariants import INVARIANTS as RECONCILIATION

INVARIANTS = (
    BANK
    | RECONCILIATION
    | {
        "money received is in the books, once, as it was received": """
        SELECT r.provider_ref, r.amount_minor, r.currency, t.amount_minor AS booked_minor
        FROM payments_receipts r
        LEFT JOIN ledger_transfers t
            ON t.id = r.transfer_id AND t.amount_minor = r.amount_minor
            AND t.currency = r.currency
            AND t.debit = 'clearing:' || r.provider || ':' || r.currency
            AND t.credit = CASE r.fate WHEN 'honoured' THEN 'deferred-revenue:'
                           ELSE 'unapplied:' END || r.currency
        WHERE r.transfer_id IS NOT NULL AND t.id IS NULL
    """,
        "a payment has succeeded if, and only if, it has an honoured receipt of its amount": """
        SELECT p.payment_id, p.status, r.amount_minor, r.currency
        FROM payments_payments p
        LEFT JOIN payments_receipts r ON r.payment_id = p.payment_id AND r.fate = 'honoured'
        WHERE (p.status IN ('succeeded', 'partially_refunded', 'refunded', 'disputed', 'won',
                            'lost')) <> (r.payment_id IS NOT NULL)
           OR (r.amount_minor, r.currency) <> (p.amount_minor, p.currency)
    """,
        "money that is not honoured goes back in full, once": """
        SELECT r.provider_ref, r.amount_minor, count(f.refund_id) AS refunds
        FROM payments_receipts r
        LEFT JOIN payments_refunds f USING (provider, provider_ref)
        WHERE r.fate = 'returned'
        GROUP BY r.provider_ref, r.amount_minor
        HAVING count(*) FILTER (WHERE f.status <> 'failed') > 1
            OR coalesce(sum(f.amount_minor) FILTER (WHERE f.status <> 'failed'), 0)
               <> r.amount_minor AND count(*) FILTER (WHERE f.status = 'failed') = 0
    """,
        "no more goes back than was received": """
        SELECT r.provider_ref, r.amount_minor, sum(f.amount_minor) AS refunded_minor
        FROM payments_receipts r
        JOIN payments_refunds f USING (provider, provider_ref)
        WHERE f.status <> 'failed'
        GROUP BY r.provider_ref, r.amount_minor
        HAVING sum(f.amount_minor) > r.amount_minor
    """,
        "what is set aside to go back another way is not refunded as well": """
        SELECT a.payment_id, a.amount_minor, r.amount_minor AS received_minor, f.refunded_minor
        FROM payments_asides a
        JOIN payments_receipts r ON r.payment_id = a.payment_id AND r.fate = 'honoured'
        CROSS JOIN LATERAL (SELECT coalesce(sum(f.amount_minor), 0) AS refunded_minor
            FROM payments_refunds f WHERE (f.provider, f.provider_ref) =
                (r.provider, r.provider_ref) AND f.status <> 'failed' AND f.is_ours) f
        WHERE a.put_back_at IS NULL AND (a.currency <> r.currency
            OR a.amount_minor + f.refunded_minor > r.amount_minor)
    """,
        "what went back left the books as it was sent, and nothing else did": """
        SELECT f.refund_id, f.status, f.amount_minor, f.currency, f.transfer_id
        FROM payments_refunds f
        JOIN payments_receipts r USING (provider, provider_ref)
        LEFT JOIN ledger_transfers t
            ON t.id = f.transfer_id AND t.amount_minor = f.amount_minor
            AND t.currency = f.currency AND t.debit = f.debit_account
            AND t.credit = 'clearing:' || f.provider || ':' || f.currency
        WHERE (f.status = 'succeeded' AND r.transfer_id IS NOT NULL)
            <> (t.id IS NOT NULL AND f.reversal_id IS NULL)
    """,
        "a refund that came back is in the books again": """
        SELECT f.refund_id FROM payments_refunds f
        LEFT JOIN ledger_transfers t ON t.id = f.reversal_id AND t.reverses = f.transfer_id
        WHERE f.reversal_id IS NOT NULL AND (f.status <> 'failed' OR t.id IS NULL)
    """,
        "a payment stands as its refunds and disputes say": """
        SELECT p.payment_id, p.status, s.status AS said FROM payments_payments p
        JOIN payments_receipts r ON r.payment_id = p.payment_id AND r.fate = 'honoured'
        CROSS JOIN LATERAL (SELECT coalesce(sum(f.amount_minor), 0) AS back
            FROM payments_refunds f WHERE (f.provider, f.provider_ref) =
                (r.provider, r.provider_ref) AND f.status = 'succeeded') b
        CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE d.status = 'lost') AS lost,
                count(*) FILTER (WHERE d.status = 'open') AS open, count(*) AS all_of_them
            FROM payments_disputes d WHERE (d.provider, d.provider_ref) =
                (r.provider, r.provider_ref)) d
        CROSS JOIN LATERAL (SELECT CASE
            WHEN d.lost > 0 THEN 'lost' WHEN d.open > 0 THEN 'disputed'
            WHEN b.back >= r.amount_minor THEN 'refunded'
            WHEN b.back > 0 THEN 'partially_refunded'
            WHEN d.all_of_them > 0 THEN 'won' ELSE 'succeeded' END AS status) s
        WHERE p.status <> s.status
    """,
        "disputed money is held in the books exactly while the dispute is open": """
        SELECT d.dispute_ref, d.status, d.held_id, d.ended_id FROM payments_disputes d
        LEFT JOIN ledger_transfers h ON h.id = d.held_id AND h.amount_minor = d.amount_minor
            AND h.debit = 'disputes-held:' || d.currency
            AND h.credit = 'clearing:' || d.provider || ':' || d.currency
        LEFT JOIN ledger_transfers e ON e.id = d.ended_id AND e.amount_minor = d.amount_minor
            AND e.credit = 'disputes-held:' || d.currency
        WHERE (d.held_id IS NULL) <> (h.id IS NULL) OR (d.ended_id IS NULL) <> (e.id IS NULL)
            OR d.held_id IS NOT NULL AND (d.status = 'open') <> (d.ended_id IS NULL)
    """,
        "a dispute that was reversed is no loss in the books any more": """
        SELECT d.dispute_ref FROM payments_disputes d
        LEFT JOIN ledger_transfers t ON t.id = d.reversal_id AND t.amount_minor = d.amount_minor
            AND t.reverses IS NOT NULL AND t.debit = 'disputes-held:' || d.currency
        WHERE d.reversal_id IS NOT NULL AND (t.id IS NULL OR d.status <> 'won')
    """,
        "a buyer has at most one offer to pay, none once the payment is over": """
        SELECT p.payment_id, p.status, count(*) FROM payments_attempts a
        JOIN payments_payments p USING (payment_id) WHERE a.status = 'offered'
        GROUP BY p.payment_id, p.status
        HAVING count(*) > 1 OR p.status NOT IN ('offered', 'authorised')
    """,
        "an offered payment has its offer": """
        SELECT p.payment_id FROM payments_payments p
        WHERE p.status IN ('offered', 'authorised') AND NOT EXISTS (
            SELECT FROM payments_attempts a
            WHERE a.payment_id = p.payment_id AND a.status IN ('offered', 'withdrawing'))
    """,
        "the attempt that was paid is the one whose money is honoured": """
        SELECT a.payment_id, a.provider FROM payments_attempts a
        JOIN payments_payments p USING (payment_id)
        LEFT JOIN payments_receipts r USING (provider, provider_ref)
        WHERE a.status = 'paid' AND (r.payment_id IS DISTINCT FROM a.payment_id
            OR (r.fate = 'honoured') <> (p.status <> 'mismatched'))
    """,
        "every webhook that was kept is being looked into, or has its outcome": """
        SELECT w.event_id FROM payments_webhooks w
        LEFT JOIN payments_webhook_work k USING (provider, event_id)
        WHERE k.event_id IS NULL OR (k.done_at IS NULL) <> (k.outcome IS NULL)
    """,
    }
)
