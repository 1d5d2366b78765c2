"""Which provider is asked for a payment, one after the other, so that nobody pays twice."""
