"""What became of requests with a key, counted for `/metrics`."""

from prometheus_client import Counter

REQUESTS = Counter(
    "tradesense_idempotency",
    "Requests with an Idempotency-Key, by what they turned out to be: "
    "first, replay, conflict, mismatch, takeover, expired",
    ["route", "finding"],
)
SHORTCUTS = Counter(
    "tradesense_idempotency_shortcuts",
    "Replays that Redis answered, without a connection to the database",
    ["route"],
)
