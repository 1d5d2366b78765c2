"""What must always be true of logins; each query returns the rows that break it."""

INVARIANTS = {
    "every user has signed up on the trail, once": """
        SELECT u.user_id, count(e.id) AS facts FROM identity_users u
        LEFT JOIN trail_entries e
            ON e.stream = 'user:' || u.user_id AND e.kind = 'UserSignedUp'
        GROUP BY u.user_id HAVING count(e.id) <> 1
    """,
    "every API key has been issued on the trail, once": """
        SELECT k.key_id, count(e.id) AS facts FROM identity_keys k
        LEFT JOIN trail_entries e
            ON e.stream = 'user:' || k.user_id AND e.kind = 'ApiKeyIssued'
            AND convert_from(e.canonical, 'UTF8')::jsonb -> 'data' ->> 'key_id' = k.key_id
        GROUP BY k.key_id HAVING count(e.id) <> 1
    """,
    "no session outlives its thirty days": """
        SELECT user_id, opened_at, expires_at FROM identity_sessions
        WHERE expires_at > opened_at + interval '30 days 1 minute'
    """,
}
