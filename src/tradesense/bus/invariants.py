"""What must always be true of the bus. Each query returns the rows that break it."""

INVARIANTS = {
    "a consumer has applied every entry it passed, or its stream waits": """
        SELECT k.consumer, e.stream, e.version
        FROM bus_kinds k
        JOIN bus_consumers c USING (consumer)
        JOIN trail_entries e ON e.kind = k.kind
        JOIN trail_leaves l ON l.entry_id = e.id
        LEFT JOIN bus_heads h ON h.consumer = k.consumer AND h.stream = e.stream
        WHERE l.position > k.since AND l.position <= c.position
          AND e.version > coalesce(h.version, 0)
          AND NOT EXISTS (SELECT FROM bus_waits w
                          WHERE w.consumer = k.consumer AND w.stream = e.stream
                            AND w.version <= e.version)
    """,
    "a stream waits before the first entry that was not applied": """
        SELECT w.consumer, w.stream, w.version, h.version AS applied
        FROM bus_waits w JOIN bus_heads h USING (consumer, stream)
        WHERE w.version < h.version OR (w.version = h.version AND w.tries > 0)
    """,
    "a dead entry stops its stream and can be replayed": """
        SELECT w.consumer, w.stream, w.entry_id FROM bus_waits w
        WHERE w.retry_at IS NULL
          AND NOT EXISTS (SELECT FROM bus_dead_letters d
                          WHERE d.consumer = w.consumer AND d.entry_id = w.entry_id
                            AND d.applied_at IS NULL)
    """,
    "a dead letter is replayed before its stream goes on": """
        SELECT d.consumer, d.stream, d.entry_id FROM bus_dead_letters d
        JOIN bus_heads h USING (consumer, stream)
        WHERE d.applied_at IS NULL AND h.version >= d.version
    """,
}
