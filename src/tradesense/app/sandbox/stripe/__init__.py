"""Stripe's objects and answers, as far as the official client needs them for one-off payments."""
