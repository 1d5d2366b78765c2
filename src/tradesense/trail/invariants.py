"""What must always be true of the trail. Each query returns the rows that break it."""

INVARIANTS = {
    "every entry the last seal could see has its leaf": """
        SELECT e.id FROM trail_sealer s
        JOIN trail_entries e ON e.epoch < s.epoch
            OR e.epoch = s.epoch AND pg_visible_in_snapshot(e.xid, s.snapshot)
        WHERE NOT EXISTS (SELECT FROM trail_leaves l WHERE l.entry_id = e.id)
    """,
    "every leaf has its entry": """
        SELECT l.position, l.entry_id FROM trail_leaves l
        WHERE NOT EXISTS (SELECT FROM trail_entries e WHERE e.id = l.entry_id)
    """,
    "positions have no gap": """
        SELECT count(*), max(position) FROM trail_leaves HAVING count(*) <> max(position)
    """,
    # A stream without a head is kept by its owner, whose own invariants say where it ends.
    "versions of a stream have no gap, and its head is the last of them": """
        SELECT stream, head.version, found.last, found.count
        FROM (SELECT stream, max(version) AS last, count(*) FROM trail_entries GROUP BY stream)
            AS found
        FULL JOIN trail_streams AS head USING (stream)
        WHERE found.count IS DISTINCT FROM found.last
           OR head.stream IS NOT NULL AND head.version IS DISTINCT FROM found.last
    """,
    "within a stream positions follow versions": """
        SELECT stream, version FROM (
            SELECT e.stream, e.version, l.position,
                lead(l.position) OVER (PARTITION BY e.stream ORDER BY e.version) AS following
            FROM trail_entries e JOIN trail_leaves l ON l.entry_id = e.id
        ) AS walked WHERE following < position
    """,
    "the newest checkpoint counts every leaf, and the sealer knows it": """
        SELECT s.size, c.size, l.size FROM trail_sealer s,
            (SELECT coalesce(max(size), 0) AS size FROM trail_checkpoints) c,
            (SELECT coalesce(max(position), 0) AS size FROM trail_leaves) l
        WHERE s.size <> c.size OR s.size <> l.size
    """,
}
