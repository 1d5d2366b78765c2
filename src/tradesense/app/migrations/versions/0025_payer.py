"""A payment keeps what its buyer may be called: a bank transfer is matched by that name too."""

SQL = """
ALTER TABLE payments_payments ADD COLUMN payer text NOT NULL DEFAULT '';
"""
