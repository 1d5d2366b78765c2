"""What the tests of tampering share: the ways to forge, and where the first wrong one is."""

SIZE = 700  # two full tiles and a bit; sealed in seven batches
TABLES = ["trail_entries", "trail_leaves", "trail_nodes", "trail_checkpoints", "trail_epochs"]


def first(report):
    return report.findings[0].position


FORGE = r"""
    UPDATE trail_entries SET canonical = replace(encode(canonical, 'escape'), '1.17', '9.99')::bytea
    WHERE id = (SELECT entry_id FROM trail_leaves WHERE position = 118)
"""
HASH_AGAIN = r"""
    UPDATE trail_leaves l SET hash = sha256('\x00'::bytea || e.canonical)
    FROM trail_entries e WHERE e.id = l.entry_id
"""
