"""What must always be true of operations; each query returns the rows that break it."""

INVARIANTS = {
    "what was decided about a breaker is what the trail says last, with who and why": """
        SELECT b.policy, b.version, b.state, t.told
        FROM operations_breakers b
        LEFT JOIN LATERAL (
            SELECT convert_from(e.canonical, 'UTF8')::jsonb AS told
            FROM trail_entries e
            WHERE e.stream = 'breaker:' || b.policy AND e.version = b.version
        ) t ON true
        WHERE t.told IS NULL
           OR t.told->>'by' <> b.directed_by
           OR t.told->'data'->>'why' <> b.why
           OR t.told->>'kind' <> CASE b.state
                WHEN 'force-open' THEN 'BreakerForcedOpen'
                WHEN 'disable' THEN 'BreakerDisabled'
                WHEN 'watch-only' THEN 'BreakerWatched'
                ELSE 'BreakerClosed' END
    """,
    "nothing on the trail was decided about a breaker after what holds": """
        SELECT h.stream, h.version FROM trail_streams h
        LEFT JOIN operations_breakers b ON h.stream = 'breaker:' || b.policy
        WHERE h.stream LIKE 'breaker:%' AND b.version IS DISTINCT FROM h.version
    """,
}
