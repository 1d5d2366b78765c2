"""What a test card does when it is charged."""

from typing import Any

from tradesense.app.sandbox.store import Json
from tradesense.app.sandbox.stripe.answers import make_id
from tradesense.app.sandbox.stripe.books.balance import add_balance_transaction
from tradesense.app.sandbox.stripe.books.disputes import open_dispute
from tradesense.app.sandbox.stripe.call import Call
from tradesense.app.sandbox.world.cards import CARDS, Card, fee_minor


def charge(call: Call, intent: Json, method: str) -> Json:
    """Charge `method` for `intent`; store and return the charge: paid, authorised or failed."""
    card = CARDS[method]
    number = call.store.count_of_intent("charge", intent["id"]) + 1
    charge_id = make_id("ch", intent["id"], str(number))
    decline = call.declines(intent["id"]) or card.decline
    currency = intent["currency"]
    if card.is_foreign:
        currency = "eur" if currency != "eur" else "usd"
    paid = decline is None
    made = _charge(call, intent, charge_id, card) | {
        "amount": max(intent["amount"] - card.short_minor, 1),
        "amount_captured": 0,
        "balance_transaction": None,
        "captured": False,
        "currency": currency,
        "failure_code": None if paid else "card_declined",
        "failure_message": None if paid else "Your card was declined.",
        "outcome": _outcome(decline),
        "paid": paid,
        "payment_method": method,
        "status": "succeeded" if paid else "failed",
    }
    call.store.add(made)
    if paid and intent["capture_method"] != "manual":
        take(call, made, made["amount"])
    return made


def take(call: Call, made: Json, amount: int) -> None:
    """Capture so much of an authorised charge, and release the rest."""
    made |= {
        "amount_captured": amount,
        "balance_transaction": make_id("txn", made["id"]),
        "captured": True,
    }
    call.store.save(made)
    add_balance_transaction(call, made, amount=amount, fee=fee_minor(amount), kind="charge")


def dispute_at_once(call: Call, made: Json) -> None:
    """Let the buyer's bank take a payment back at once, if the card is one of those."""
    reason = CARDS[made["payment_method"]].dispute
    if reason is not None:
        open_dispute(call, made, reason=reason)


def card_error(intent: Json, made: Json) -> Json:
    """Return Stripe's error object for a charge that was declined."""
    return {
        "charge": made["id"],
        "code": "card_declined",
        "decline_code": made["outcome"]["reason"],
        "doc_url": "https://docs.stripe.com/error-codes#card-declined",
        "message": "Your card was declined.",
        "payment_intent": intent,
        "payment_method": {
            "id": made["payment_method"],
            "object": "payment_method",
            "type": "card",
            "card": made["payment_method_details"]["card"],
        },
        "type": "card_error",
    }


def _outcome(decline: str | None) -> Json:
    is_paid = decline is None
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network" if is_paid else "declined_by_network",
        "reason": decline,
        "seller_message": "Payment complete." if is_paid else "The bank declined the payment.",
        "type": "authorized" if is_paid else "issuer_declined",
    }


def _charge(call: Call, intent: Json, charge_id: str, card: Card) -> Json:
    nobody: dict[str, Any] = {"email": None, "name": None, "phone": None, "tax_id": None}
    fields = ("city", "country", "line1", "line2", "postal_code", "state")
    return {
        "id": charge_id,
        "object": "charge",
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "billing_details": {"address": dict.fromkeys(fields), **nobody},
        "calculated_statement_descriptor": None,
        "created": call.now,
        "customer": None,
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "payment_intent": intent["id"],
        "payment_method_details": {
            "card": {
                "brand": card.brand,
                "country": "US",
                "funding": "credit",
                "last4": card.last4,
            },
            "type": "card",
        },
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "transfer_data": None,
        "transfer_group": None,
    }
