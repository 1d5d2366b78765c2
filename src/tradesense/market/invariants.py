"""What must always be true of the tape. Each query returns the rows that break it."""

# Only the newest thousand blocks are counted and hashed again: a check of a long tape stays quick.
INVARIANTS = {
    "prices are numbered 1, 2, 3, … without a gap": """
        SELECT counted, lowest, highest, last_seq
        FROM market_position,
            (SELECT count(*) AS counted, COALESCE(min(price_seq), 1) AS lowest,
                COALESCE(max(price_seq), 0) AS highest FROM market_tape) AS tape
        WHERE (counted, lowest, highest) IS DISTINCT FROM (last_seq, 1, last_seq)
    """,
    "the blocks of a symbol follow each other and hold all of its prices in between": """
        SELECT symbol, last_seq, items, held FROM (
            SELECT b.symbol, b.last_seq, b.items, (
                SELECT count(*) FROM market_tape t
                WHERE t.symbol = b.symbol AND t.price_seq <= b.last_seq AND t.price_seq > COALESCE(
                    (SELECT max(p.last_seq) FROM market_blocks p
                     WHERE p.symbol = b.symbol AND p.last_seq < b.last_seq), 0)
            ) AS held
            FROM (SELECT * FROM market_blocks ORDER BY last_seq DESC LIMIT 1000) AS b
        ) AS counted
        WHERE items <> held
    """,
    "the text of a sealed block has the hash that was sealed": """
        SELECT b.symbol, b.first_seq, b.last_seq
        FROM (SELECT * FROM market_blocks ORDER BY last_seq DESC LIMIT 1000) AS b
        JOIN market_tape t
            ON t.symbol = b.symbol AND t.price_seq BETWEEN b.first_seq AND b.last_seq
        GROUP BY b.symbol, b.first_seq, b.last_seq, b.sha256
        HAVING b.sha256 <> encode(sha256(convert_to(string_agg(
            concat_ws(',', t.price_seq, t.at_us, t.kind, COALESCE(t.bid::text, ''),
                COALESCE(t.ask::text, ''), COALESCE(t.status, ''), t.synthetic::int,
                COALESCE(t.reset, ''), COALESCE(t.day::text, '')) || chr(10),
            '' ORDER BY t.price_seq), 'UTF8')), 'hex')
    """,
    "only what may judge is the latest valid quote of its symbol": """
        SELECT l.symbol FROM market_latest l
        LEFT JOIN market_tape t ON t.price_seq = l.price_seq
        WHERE l.price_seq IS NOT NULL
            AND (t.symbol, t.bid, t.ask, t.status)
                IS DISTINCT FROM (l.symbol, l.bid, l.ask, 'valid')
    """,
    "every block's seal is on the trail": """
        SELECT b.symbol, b.blocks, COALESCE(e.version, 0) AS entries
        FROM (SELECT symbol, count(*) AS blocks FROM market_blocks GROUP BY symbol) AS b
        LEFT JOIN LATERAL (
            SELECT max(version) AS version FROM trail_entries
            WHERE stream = 'tape:' || b.symbol) AS e ON true
        WHERE b.blocks <> COALESCE(e.version, 0)
    """,
}
