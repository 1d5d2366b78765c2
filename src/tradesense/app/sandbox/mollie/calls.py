"""Mollie's calls to the platform: unsigned, a form that holds an id and nothing else."""

from tradesense.app.sandbox.store import Json
from tradesense.app.sandbox.stripe.answers import make_id
from tradesense.app.sandbox.stripe.call import Call


def call_platform(call: Call, payment: Json, event_type: str, *, after_s: float = 0.0) -> None:
    """Tell the platform that something about a payment has changed, if it wants to know."""
    if payment["webhook_url"] is None:
        return
    number = call.store.count("mollie_call") + 1
    event: Json = {
        "id": make_id("mollie", payment["id"], str(number)),
        "object": "mollie_call",
        "created": call.now,
        "type": event_type,
        "url": payment["webhook_url"],
        "form": f"id={payment['id']}",
    }
    call.store.enqueue(event, at=call.now + after_s)
