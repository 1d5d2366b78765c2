"""What a test card does when it is charged."""

from dataclasses import dataclass
from typing import Any

from tradesense.app.sandbox.store import Json
from tradesense.app.sandbox.stripe.answers import make_id
from tradesense.app.sandbox.stripe.call import Call


@dataclass(frozen=True, slots=True)
class Card:
    """A test payment method: what the buyer sees, and what the bank does."""

    label: str
    brand: str
    last4: str
    decline: str | None = None  # Stripe's decline code
    short_minor: int = 0  # takes this much less than asked
    is_foreign: bool = False  # takes another currency than asked


CARDS = {
    "pm_card_visa": Card("Visa, pays", "visa", "4242"),
    "pm_card_mastercard": Card("Mastercard, pays", "mastercard", "4444"),
    "pm_card_chargeDeclined": Card("Visa, declined", "visa", "0002", decline="generic_decline"),
    "pm_card_chargeDeclinedInsufficientFunds": Card(
        "Visa, not enough money", "visa", "9995", decline="insufficient_funds"
    ),
    "pm_sandbox_underpay": Card("Bank transfer, one unit short", "visa", "0019", short_minor=100),
    "pm_sandbox_wrong_currency": Card(
        "Bank transfer, wrong currency", "visa", "0027", is_foreign=True
    ),
}


def charge(call: Call, intent: Json, method: str) -> Json:
    """Charge `method` for `intent`; store and return the charge, paid or failed."""
    card = CARDS[method]
    number = call.store.count_of_intent("charge", intent["id"]) + 1
    charge_id = make_id("ch", intent["id"], str(number))
    amount = max(intent["amount"] - card.short_minor, 1)
    currency = intent["currency"]
    if card.is_foreign:
        currency = "eur" if currency != "eur" else "usd"
    paid = card.decline is None
    made = _charge(call, intent, charge_id, card) | {
        "amount": amount,
        "amount_captured": amount if paid else 0,
        "balance_transaction": make_id("txn", charge_id) if paid else None,
        "captured": paid,
        "currency": currency,
        "failure_code": None if paid else "card_declined",
        "failure_message": None if paid else "Your card was declined.",
        "outcome": _outcome(card),
        "paid": paid,
        "payment_method": method,
        "status": "succeeded" if paid else "failed",
    }
    call.store.add(made)
    if paid:
        add_balance_transaction(call, made, amount=amount, kind="charge")
    return made


def add_balance_transaction(call: Call, source: Json, *, amount: int, kind: str) -> None:
    """Move the sandbox's balance; it takes no fee."""
    call.store.add(
        {
            "id": source["balance_transaction"],
            "object": "balance_transaction",
            "amount": amount,
            "available_on": call.now,
            "balance_type": "payments",
            "created": call.now,
            "currency": source["currency"],
            "description": source.get("description"),
            "exchange_rate": None,
            "fee": 0,
            "fee_details": [],
            "net": amount,
            "reporting_category": kind,
            "source": source["id"],
            "status": "available",
            "type": kind,
        }
    )


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


def _outcome(card: Card) -> Json:
    is_paid = card.decline is None
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network" if is_paid else "declined_by_network",
        "reason": card.decline,
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
