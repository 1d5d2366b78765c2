"""The verbs of payouts. Each takes the caller's transaction and never commits it."""
