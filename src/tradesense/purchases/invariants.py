"""What must always be true of purchases. Each query returns the rows that break it."""

INVARIANTS = {
    "an active purchase has its challenge, and no other purchase has one": """
        SELECT p.id, p.status FROM purchases_purchases p
        LEFT JOIN challenges_challenges c ON c.purchase_id = p.id
        WHERE (p.status IN ('active', 'revoked')) <> (c.id IS NOT NULL)
    """,
    "no challenge is bought without a settled payment": """
        SELECT p.id FROM purchases_purchases p
        JOIN challenges_challenges c ON c.purchase_id = p.id
        LEFT JOIN payments_payments m ON m.purchase_id = p.id AND m.earned
          AND m.status IN ('succeeded', 'partially_refunded', 'refunded', 'disputed', 'won', 'lost')
          AND (m.amount_minor, m.currency) = (p.amount_minor, p.currency)
        GROUP BY p.id HAVING count(m.payment_id) <> 1
    """,
    "a paid purchase ends with one challenge or with all its money back": """
        SELECT p.id, p.status, m.status AS payment FROM purchases_purchases p
        JOIN payments_payments m ON m.purchase_id = p.id
        WHERE m.status IN ('succeeded', 'partially_refunded', 'refunded', 'disputed', 'won',
                           'lost') AND (
          p.status IN ('cancelled', 'failed')
          OR p.status = 'refunded' AND m.status NOT IN ('refunded', 'lost'))
    """,
    "a challenge that runs has not been refunded or charged back for a minute": """
        SELECT p.id, m.status FROM purchases_purchases p
        JOIN payments_payments m ON m.purchase_id = p.id
        WHERE p.status = 'active' AND m.status IN ('refunded', 'lost')
          AND greatest(
            (SELECT max(r.ended_at) FROM payments_refunds r WHERE r.payment_id = m.payment_id),
            (SELECT max(d.recorded_at) FROM payments_disputes d
             WHERE d.payment_id = m.payment_id)) < clock_timestamp() - interval '1 minute'
    """,
    "a challenge was revoked only if its money has gone": """
        SELECT p.id, m.status FROM purchases_purchases p
        JOIN payments_payments m ON m.purchase_id = p.id
        WHERE p.status = 'revoked' AND m.status NOT IN ('refunded', 'lost')
          AND NOT EXISTS (SELECT FROM payments_refunds r
                          WHERE r.payment_id = m.payment_id AND r.reversal_id IS NOT NULL)
          AND NOT EXISTS (SELECT FROM payments_disputes d
                          WHERE d.payment_id = m.payment_id AND d.reversal_id IS NOT NULL)
    """,
    "each purchase has its saga, and both agree on how it ended": """
        SELECT p.id, p.status, i.state FROM purchases_purchases p
        LEFT JOIN saga_instances i ON i.id = p.id AND i.kind = 'purchase'
        WHERE i.id IS NULL
          OR (i.state = 'completed') <> (p.status IN ('active', 'revoked'))
          OR i.state = 'compensated' AND p.status NOT IN ('refunded', 'cancelled', 'failed')
    """,
}
