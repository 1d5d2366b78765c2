"""
Payment intents.

    requires_payment_method -> requires_confirmation -> (requires_action) -> succeeded
            ^________________________ declined ____|                     |
    any before succeeded -> canceled                              requires_capture -> succeeded
"""

import hmac
from typing import Any

from tradesense.app.sandbox.store import Json
from tradesense.app.sandbox.stripe.answers import Refused
from tradesense.app.sandbox.stripe.call import Call
from tradesense.app.sandbox.stripe.charges import card_error, charge, dispute_at_once, take
from tradesense.app.sandbox.stripe.forms import (
    Params,
    check,
    integer,
    metadata,
    nothing_in,
    one_of,
    text,
    texts,
    truth,
)
from tradesense.app.sandbox.world.cards import CARDS

Response = tuple[int, Json]

AMOUNT_MIN = 50  # Stripe's least charge in USD and EUR
AMOUNT_MAX = 99_999_999  # eight digits
CURRENCIES = ("usd", "eur", "gbp", "chf", "aud", "nzd", "cad", "jpy", "kwd")
PAYABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
_NOT_AUTHENTICATED = "payment_intent_authentication_failure"

_CREATE = {
    "amount": integer(AMOUNT_MIN, AMOUNT_MAX),
    "automatic_payment_methods": nothing_in,
    "capture_method": one_of("automatic", "automatic_async", "manual"),
    "confirm": truth,
    "currency": text,
    "description": text,
    "expand": texts,
    "metadata": metadata,
    "payment_method": text,
    "payment_method_types": texts,
    "receipt_email": text,
    "return_url": text,
    "statement_descriptor": text,
    "statement_descriptor_suffix": text,
}
_CONFIRM = {
    "client_secret": text,
    "expand": texts,
    "off_session": truth,
    "payment_method": text,
    "receipt_email": text,
    "return_url": text,
}
_REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")


def create(call: Call) -> Response:
    asked = check(call.params, _CREATE, ("amount", "currency"))
    currency = read_currency(asked["currency"])
    method = asked.get("payment_method")
    if method is not None:
        require_known(method)
    intent = call.store.add(new_intent(call, asked, currency))
    call.emit("payment_intent.created", intent)
    return pay(call, intent, method) if asked.get("confirm") else (200, intent)


def read_currency(text: str) -> str:
    """Return a currency in lower case. Raises Refused for one we do not take."""
    currency = text.lower()
    if currency not in CURRENCIES:
        raise Refused(
            400, f"Invalid currency: {currency}. Known: {', '.join(CURRENCIES)}", param="currency"
        )
    return currency


def retrieve(call: Call, intent_id: str) -> Response:
    asked = check(call.params, {"expand": texts, "client_secret": text})
    intent = call.get("payment_intent", intent_id, param="intent")
    if not hmac.compare_digest(
        asked.get("client_secret", intent["client_secret"]), intent["client_secret"]
    ):
        raise Refused(400, "The client_secret does not match.", param="client_secret")
    return 200, intent


def list_all(call: Call) -> Response:
    return 200, call.list_of("payment_intent", "/v1/payment_intents")


def confirm(call: Call, intent_id: str) -> Response:
    asked = check(call.params, _CONFIRM)
    intent = call.get("payment_intent", intent_id, param="intent")
    return pay(call, intent, asked.get("payment_method"))


def pay(call: Call, intent: Json, method: str | None) -> Response:
    """Charge `method`, or the one the intent has; answer 402 if the bank declines."""
    if intent["status"] not in PAYABLE:
        raise _unexpected(intent, "confirm")
    method = method or intent["payment_method"]
    if method is None:
        raise Refused(
            400,
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            code="payment_intent_unexpected_state",
            payment_intent=intent,
            is_kept=True,
        )
    require_known(method)
    intent["payment_method"] = method
    if CARDS[method].asks_buyer:
        return _ask_buyer(call, intent)
    return _charge(call, intent, method)


def authenticate(call: Call, intent: Json, *, is_confirmed: bool) -> Response:
    """Go on after 3-D Secure: charge the card, or let the buyer try another."""
    if intent["status"] != "requires_action":
        raise _unexpected(intent, "authenticate")
    intent["next_action"] = None
    if is_confirmed:
        return _charge(call, intent, intent["payment_method"])
    error: dict[str, Any] = {
        "code": _NOT_AUTHENTICATED,
        "message": "The buyer did not confirm the payment with their bank.",
        "payment_method": {"id": intent["payment_method"], "object": "payment_method"},
        "type": "invalid_request_error",
    }
    intent |= {
        "last_payment_error": error,
        "payment_method": None,
        "status": "requires_payment_method",
    }
    call.store.save(intent)
    call.emit("payment_intent.payment_failed", intent, unique=call.request_id)
    return 200, intent


def capture(call: Call, intent_id: str) -> Response:
    asked = check(call.params, {"amount_to_capture": integer(1, AMOUNT_MAX), "expand": texts})
    intent = call.get("payment_intent", intent_id, param="intent")
    if intent["status"] != "requires_capture":
        raise _unexpected(intent, "capture")
    amount: int = asked.get("amount_to_capture") or intent["amount_capturable"]
    if amount > intent["amount_capturable"]:
        raise Refused(
            400,
            f"The amount to capture ({amount}) is greater than what can be captured "
            f"({intent['amount_capturable']}).",
            code="amount_too_large",
            param="amount_to_capture",
            is_kept=True,
        )
    made = call.get("charge", intent["latest_charge"], param="charge")
    take(call, made, amount)
    intent |= {"amount_capturable": 0, "amount_received": amount, "status": "succeeded"}
    call.store.save(intent)
    call.emit("charge.captured", made)
    call.emit("payment_intent.succeeded", intent)
    dispute_at_once(call, made)
    return 200, intent


def _ask_buyer(call: Call, intent: Json) -> Response:
    url = f"{call.pay_base}/pay/{intent['id']}?client_secret={intent['client_secret']}"
    intent |= {
        "next_action": {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": None, "url": url},
        },
        "status": "requires_action",
    }
    call.store.save(intent)
    call.emit("payment_intent.requires_action", intent, unique=call.request_id)
    return 200, intent


def _charge(call: Call, intent: Json, method: str) -> Response:
    made = charge(call, intent, method)
    intent["latest_charge"] = made["id"]
    if not made["paid"]:
        return _declined(call, intent, made)
    intent |= {"currency": made["currency"], "last_payment_error": None, "payment_method": method}
    if not made["captured"]:
        intent |= {"amount_capturable": made["amount"], "status": "requires_capture"}
        call.store.save(intent)
        call.emit("charge.succeeded", made)
        call.emit("payment_intent.amount_capturable_updated", intent)
        return 200, intent
    intent |= {"amount_received": made["amount"], "status": "succeeded"}
    call.store.save(intent)
    call.emit("charge.succeeded", made)
    call.emit("payment_intent.succeeded", intent)
    dispute_at_once(call, made)
    return 200, intent


def _declined(call: Call, intent: Json, made: Json) -> Response:
    intent |= {"status": "requires_payment_method", "payment_method": None}
    error = card_error(dict(intent), made)
    intent["last_payment_error"] = {k: v for k, v in error.items() if k != "payment_intent"}
    call.store.save(intent)
    call.emit("charge.failed", made)
    call.emit("payment_intent.payment_failed", intent, unique=made["id"])
    return 402, {"error": error | {"payment_intent": intent}}


def cancel(call: Call, intent_id: str) -> Response:
    asked = check(call.params, {"cancellation_reason": one_of(*_REASONS), "expand": texts})
    intent = call.get("payment_intent", intent_id, param="intent")
    if intent["status"] not in {*PAYABLE, "requires_capture"}:
        raise _unexpected(intent, "cancel")
    return 200, withdraw(call, intent, reason=asked.get("cancellation_reason"))


def withdraw(call: Call, intent: Json, *, reason: str | None = None) -> Json:
    """Let nobody pay an intent any more, and release what was reserved for it."""
    intent |= {
        "amount_capturable": 0,
        "canceled_at": call.now,
        "cancellation_reason": reason,
        "status": "canceled",
    }
    call.store.save(intent)
    call.emit("payment_intent.canceled", intent)
    return intent


def require_known(method: str) -> None:
    if method not in CARDS:
        raise Refused(
            400,
            f"No such PaymentMethod: '{method}'; the sandbox knows {', '.join(CARDS)}",
            code="resource_missing",
            param="payment_method",
            is_kept=True,
        )


def _unexpected(intent: Json, verb: str) -> Refused:
    return Refused(
        400,
        f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}.",
        code="payment_intent_unexpected_state",
        payment_intent=intent,
        is_kept=True,
    )


def new_intent(call: Call, asked: Params, currency: str) -> Json:
    intent_id = call.new_id("pi")
    # Whoever knows it may pay and see the payment; so it does not follow from public names.
    secret = call.secret_of(intent_id)
    method = asked.get("payment_method")
    return {
        "id": intent_id,
        "object": "payment_intent",
        "amount": asked["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": {"enabled": True},
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": asked.get("capture_method", "automatic"),
        "client_secret": f"{intent_id}_secret_{secret}",
        "confirmation_method": "automatic",
        "created": call.now,
        "currency": currency,
        "customer": None,
        "description": asked.get("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": asked.get("metadata", {}),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": method,
        "payment_method_options": {},
        "payment_method_types": asked.get("payment_method_types", ["card"]),
        "processing": None,
        "receipt_email": asked.get("receipt_email"),
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": asked.get("statement_descriptor"),
        "statement_descriptor_suffix": asked.get("statement_descriptor_suffix"),
        "status": "requires_payment_method" if method is None else "requires_confirmation",
        "transfer_data": None,
        "transfer_group": None,
        # Ours, not Stripe's: where a person can pay this intent by hand.
        "sandbox_pay_url": f"{call.pay_base}/pay/{intent_id}"
        f"?client_secret={intent_id}_secret_{secret}",
    }
