"""What must always be true of notifications; each query returns the rows that break it."""

INVARIANTS = {
    "nobody is told about another's purchase": """
        SELECT m.message_id, m.user_id, p.id AS purchase_id
        FROM notifications_messages m
        JOIN purchases_purchases p ON p.id::text = m.data ->> 'purchase_id'
        WHERE p.user_id <> m.user_id
    """,
    "nobody is told about another's challenge": """
        SELECT m.message_id, m.user_id, c.id AS challenge_id
        FROM notifications_messages m
        JOIN challenges_challenges c ON c.id::text = m.data ->> 'challenge_id'
        WHERE c.user_id <> m.user_id
    """,
}
