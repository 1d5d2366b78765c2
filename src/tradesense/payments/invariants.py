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
        WHERE (p.status = 'succeeded') <> (r.payment_id IS NOT NULL)
           OR (r.amount_minor, r.currency) <> (p.amount_minor, p.currency)
    """,
        "money that is not honoured goes back in full, once": """
        SELECT r.provider_ref, r.amount_minor, count(f.refund_id) AS refunds
        FROM payments_receipts r
        LEFT JOIN payments_refunds f USING (provider, provider_ref)
        WHERE r.fate = 'returned'
        GROUP BY r.provider_ref, r.amount_minor
        HAVING count(f.refund_id) <> 1 OR sum(f.amount_minor) <> r.amount_minor
    """,
        "no more goes back than was received": """
        SELECT r.provider_ref, r.amount_minor, sum(f.amount_minor) AS refunded_minor
        FROM payments_receipts r
        JOIN payments_refunds f USING (provider, provider_ref)
        WHERE f.status <> 'failed'
        GROUP BY r.provider_ref, r.amount_minor
        HAVING sum(f.amount_minor) > r.amount_minor
    """,
        "what went back left the books as it was sent, and nothing else did": """
        SELECT f.refund_id, f.status, f.amount_minor, f.currency, f.transfer_id
        FROM payments_refunds f
        JOIN payments_receipts r USING (provider, provider_ref)
        LEFT JOIN ledger_transfers t
            ON t.id = f.transfer_id AND t.amount_minor = f.amount_minor
            AND t.currency = f.currency AND t.debit = f.debit_account
            AND t.credit = 'clearing:' || f.provider || ':' || f.currency
        WHERE (f.status = 'succeeded' AND r.transfer_id IS NOT NULL) <> (t.id IS NOT NULL)
    """,
        "every webhook that was kept is being looked into, or has its outcome": """
        SELECT w.event_id FROM payments_webhooks w
        LEFT JOIN payments_webhook_work k USING (provider, event_id)
        WHERE k.event_id IS NULL OR (k.done_at IS NULL) <> (k.outcome IS NULL)
    """,
    }
)
