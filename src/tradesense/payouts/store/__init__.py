"""Every SQL statement of payouts."""
