"""Mollie's API v2, for one-off payments: what we keep is ours, what we answer is theirs."""
