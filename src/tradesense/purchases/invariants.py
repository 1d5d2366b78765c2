"""What must always be true of purchases. Each query returns the rows that break it."""

INVARIANTS = {
    "an active purchase has its challenge, and no other purchase has one": """
        SELECT p.id, p.status FROM purchases_purchases p
        LEFT JOIN challenges_challenges c ON c.purchase_id = p.id
        WHERE (p.status = 'active') <> (c.id IS NOT NULL)
    """,
    "no challenge is bought without a settled payment": """
        SELECT p.id FROM purchases_purchases p
        JOIN challenges_challenges c ON c.purchase_id = p.id
        LEFT JOIN payments_payments m ON m.purchase_id = p.id AND m.status = 'succeeded'
          AND (m.amount_minor, m.currency) = (p.amount_minor, p.currency)
        GROUP BY p.id HAVING count(m.payment_id) <> 1
    """,
    "a paid purchase ends with one challenge or with all its money back": """
        SELECT p.id, p.status, m.status AS payment FROM purchases_purchases p
        JOIN payments_payments m ON m.purchase_id = p.id
        WHERE m.status = 'succeeded' AND (
          p.status IN ('cancelled', 'failed')
          OR p.status = 'refunded' AND p.amount_minor <> (
            SELECT coalesce(sum(r.amount_minor), 0) FROM payments_refunds r
            WHERE r.payment_id = m.payment_id AND r.status = 'succeeded'
              AND r.provider_ref = m.provider_ref))
    """,
    "a challenge that runs has not been refunded": """
        SELECT p.id FROM purchases_purchases p
        JOIN payments_payments m ON m.purchase_id = p.id
        JOIN payments_refunds r ON r.payment_id = m.payment_id
          AND r.provider_ref = m.provider_ref
        WHERE p.status = 'active'
    """,
    "each purchase has its saga, and both agree on how it ended": """
        SELECT p.id, p.status, i.state FROM purchases_purchases p
        LEFT JOIN saga_instances i ON i.id = p.id AND i.kind = 'purchase'
        WHERE i.id IS NULL
          OR (i.state = 'completed') <> (p.status = 'active')
          OR i.state = 'compensated' AND p.status NOT IN ('refunded', 'cancelled', 'failed')
    """,
}
