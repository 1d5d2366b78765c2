"""What must always be true of sagas. Each query returns the rows that break it."""

# A claim is renewed or taken over within seconds; ten minutes overdue means nobody runs sagas.
INVARIANTS = {
    "every saga is over, parked, waiting within its deadline, or due": """
        SELECT id, state FROM saga_instances
        WHERE state IN ('running', 'compensating')
          AND NOT (wake_at IS NOT NULL OR (waits_for IS NOT NULL AND due_at IS NOT NULL))
    """,
    "no saga is overdue by ten minutes": """
        SELECT id, wake_at FROM saga_instances
        WHERE wake_at < clock_timestamp() - interval '10 minutes'
    """,
    "a saga that is over says so on the trail, once, and nothing else does": """
        SELECT i.id, i.state, count(e.stream) AS endings
        FROM saga_instances i
        LEFT JOIN trail_entries e ON e.stream = 'saga:' || i.id
          AND e.kind IN ('SagaCompleted', 'SagaCompensated')
        GROUP BY i.id, i.state
        HAVING count(e.stream) <> (i.state IN ('completed', 'compensated'))::int
    """,
    "a saga knows where its stream ends": """
        SELECT i.id, i.told_version, e.version FROM saga_instances i
        LEFT JOIN LATERAL (
          SELECT version, encode(sha256(canonical), 'hex') AS link FROM trail_entries
          WHERE stream = 'saga:' || i.id ORDER BY version DESC LIMIT 1
        ) AS e ON true
        WHERE i.told_version IS NOT NULL
          AND (i.told_version, i.told_link) IS DISTINCT FROM (e.version, e.link)
    """,
    "no step is done twice, or undone twice": """
        SELECT stream, canonical FROM (
          SELECT stream, convert_from(canonical, 'UTF8')::jsonb -> 'data' AS canonical
          FROM trail_entries WHERE stream LIKE 'saga:%' AND kind IN ('StepDone', 'StepUndone')
        ) AS told
        GROUP BY 1, 2 HAVING count(*) > 1
    """,
}
