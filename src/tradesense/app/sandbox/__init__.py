"""
The payment provider of an instance that has no real one: Stripe's shapes over real HTTP.

A process of its own with its own file, as a stranger would be: it shares no table, no clock and
no code path with the platform, lives in wall-clock time, and calls back by signed webhooks.
What it has acknowledged survives kill -9: effect, idempotent answer, events and their
deliveries are one commit.
"""
