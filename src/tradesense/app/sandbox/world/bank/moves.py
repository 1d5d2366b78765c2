"""What moves at the platform's bank: money that came, and money that left."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime

from tradesense.app.sandbox.store import Json, Store

IBAN = "DE89370400440532013000"  # the example of the IBAN registry
CREDITS_MAX = 10_000  # a statement's; older ones are asked for by an earlier day


def make_trace(payout_id: str) -> str:
    """Return the number by which banks trace a transfer; it follows from the payout's id."""
    number = int.from_bytes(hashlib.sha256(payout_id.encode()).digest()[:8])
    return f"TR{number % 10**14:014d}"


def add_credit(
    store: Store,
    *,
    at: int,
    amount: int,
    currency: str,
    reference: str,
    debtor: str,
    text: str,
    account: str = "",
    reason: str = "",
) -> Json:
    """
    Let money arrive (or, negative, leave again); `at` in seconds since 1970.

    `debtor` and `account` are the other side, whoever paid; `reason` is why it came back, if so.
    """
    credit_id = f"bk_{store.count('bank_credit') + 1:012d}"
    return store.add(
        {
            "id": credit_id,
            "object": "bank_credit",
            "created": at,
            "amount": amount,
            "currency": currency.lower(),
            "reference": reference,
            "debtor": debtor,
            "text": text,
            "account": account,
            "reason": reason,
        }
    )


def list_credits(store: Store, *, currency: str, since: date, until: date) -> Sequence[Json]:
    """Return what moved on [since, until], oldest first."""
    found = store.list_page(
        "bank_credit",
        limit=CREDITS_MAX,
        equal={"currency": currency.lower()},
        created={"gte": _midnight(since), "lt": _midnight(until) + 86_400},
    )
    return list(reversed(found))


def list_since(store: Store, *, currency: str, after: str) -> Sequence[Json]:
    """Return what moved after the movement `after` (empty: all), oldest first."""
    found = store.list_page(
        "bank_credit", limit=CREDITS_MAX, equal={"currency": currency}, created={}
    )
    return [each for each in reversed(found) if each["id"] > after]


def opening_minor(store: Store, *, currency: str, since: date) -> int:
    """Return the balance before the first moment of `since`."""
    earlier = store.list_page(
        "bank_credit",
        limit=CREDITS_MAX,
        equal={"currency": currency.lower()},
        created={"lt": _midnight(since)},
    )
    return sum(int(credit["amount"]) for credit in earlier)


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
