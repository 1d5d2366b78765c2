"""
A funded challenge can be revoked, and terms are what their hash names, as the table checks.

0016 meant to replace the check of status and phase, but the name it dropped was that of the
check of the hash: PostgreSQL numbers the nameless checks of a table in their order.
"""

SQL = """
ALTER TABLE challenges_challenges DROP CONSTRAINT challenges_challenges_check1,
    ADD CONSTRAINT challenges_terms_as_hashed
        CHECK (terms_sha256 = encode(sha256(terms), 'hex'));
"""
