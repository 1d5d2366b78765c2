"""Balance transactions: every change of what the sandbox's Stripe owes the platform."""

from tradesense.app.sandbox.store import Json
from tradesense.app.sandbox.stripe.call import Call
from tradesense.app.sandbox.stripe.forms import check, texts


def add_balance_transaction(
    call: Call,
    source: Json,
    *,
    amount: int,
    kind: str,
    fee: int = 0,
    category: str | None = None,
    line_id: str | None = None,
) -> Json:
    """Move the balance by `amount - fee`, because of `source`; return the line."""
    return call.store.add(
        {
            "id": line_id or source["balance_transaction"],
            "object": "balance_transaction",
            "amount": amount,
            "available_on": call.now,
            "balance_type": "payments",
            "created": call.now,
            "currency": source["currency"],
            "description": source.get("description"),
            "exchange_rate": None,
            "fee": fee,
            "fee_details": _fees(fee, source["currency"]),
            "net": amount - fee,
            "reporting_category": category or kind,
            "source": source["id"],
            "status": "available",
            "type": kind,
        }
    )


def retrieve_balance(call: Call) -> tuple[int, Json]:
    """Answer what could be paid out now, per currency."""
    check(call.params, {"expand": texts})
    available = [
        {"amount": net, "currency": currency, "source_types": {"card": net}}
        for currency, net in sorted(call.store.sum_net("balance_transaction").items())
    ]
    body: Json = {
        "object": "balance",
        "available": available or [{"amount": 0, "currency": "usd", "source_types": {"card": 0}}],
        "livemode": False,
        "pending": [],
    }
    return 200, body


def _fees(fee: int, currency: str) -> list[Json]:
    if fee == 0:
        return []
    return [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
