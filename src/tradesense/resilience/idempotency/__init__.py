"""
Do a thing once however often it is asked for: keys, payloads, verdicts, single flight.

Owns     nothing; where claims and answers are kept is the user's affair.
Promises whatever was found under a key, one rule says what to do; copies of one request in one
         process cost one look at the store, and none of them waits for the first to be served.
Speaks   `parse_key`, `digest`, `judge`, `Flights`.
"""

from tradesense.resilience.idempotency.flights import Flights
from tradesense.resilience.idempotency.judging import (
    Claim,
    Finding,
    KeyReused,
    StillServed,
    judge,
)
from tradesense.resilience.idempotency.keys import (
    KEY_BITS_MIN,
    KEY_LENGTH_MAX,
    KeyMissing,
    KeyUnusable,
    parse_key,
)
from tradesense.resilience.idempotency.payloads import digest

__all__ = [
    "KEY_BITS_MIN",
    "KEY_LENGTH_MAX",
    "Claim",
    "Finding",
    "Flights",
    "KeyMissing",
    "KeyReused",
    "KeyUnusable",
    "StillServed",
    "digest",
    "judge",
    "parse_key",
]
