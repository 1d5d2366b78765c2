"""
Checkout sessions: a page on which a person pays once.

    open -> complete     a payment intent is made when the buyer first pays, and is paid
         -> expired      a day is over, or we said so: nobody can pay any more
"""

from typing import Any

from tradesense.app.sandbox.store import Json
from tradesense.app.sandbox.stripe import intents
from tradesense.app.sandbox.stripe.answers import Refused, make_id
from tradesense.app.sandbox.stripe.call import Call
from tradesense.app.sandbox.stripe.forms import (
    Params,
    check,
    integer,
    metadata,
    nothing_in,
    one_of,
    text,
    texts,
)

Response = tuple[int, Json]

LIFE_S = 86_400  # Stripe's default
_PAID = ("succeeded", "requires_capture")


def _items(name: str, value: Any) -> list[Json]:
    """Accept lines with a price of their own: {"quantity", "price_data": {...}}."""
    if not isinstance(value, list) or not value:
        raise Refused(400, "Invalid array", param=name)
    lines = []
    for item in value:
        line = check(
            item if isinstance(item, dict) else {},
            {"price_data": nothing_in, "quantity": integer(1, 999_999)},
            ("price_data", "quantity"),
        )
        price = check(
            line["price_data"],
            {"currency": text, "product_data": nothing_in, "unit_amount": integer(0, 99_999_999)},
            ("currency", "product_data", "unit_amount"),
        )
        lines.append(price | {"quantity": line["quantity"]})
    return lines


_CREATE = {
    "cancel_url": text,
    "client_reference_id": text,
    "customer_email": text,
    "expand": texts,
    "expires_at": integer(0, 2**53),
    "line_items": _items,
    "metadata": metadata,
    "mode": one_of("payment"),
    "payment_intent_data": nothing_in,
    "payment_method_types": texts,
    "success_url": text,
}
_INTENT_DATA = {
    "capture_method": one_of("automatic", "automatic_async", "manual"),
    "description": text,
    "metadata": metadata,
}


def create(call: Call) -> Response:
    asked = check(call.params, _CREATE, ("line_items", "mode", "success_url"))
    asked["payment_intent_data"] = check(asked.get("payment_intent_data", {}), _INTENT_DATA)
    currency = intents.read_currency(asked["line_items"][0]["currency"])
    amount = sum(line["unit_amount"] * line["quantity"] for line in asked["line_items"])
    integer(intents.AMOUNT_MIN, intents.AMOUNT_MAX)("amount", str(amount))
    session = call.store.add(_session(call, asked, amount, currency))
    return 200, session


def retrieve(call: Call, session_id: str) -> Response:
    check(call.params, {"expand": texts})
    return 200, current(call, session_id)


def list_all(call: Call) -> Response:
    return 200, call.list_of(
        "checkout.session", "/v1/checkout/sessions", payment_intent="payment_intent"
    )


def expire(call: Call, session_id: str) -> Response:
    check(call.params, {"expand": texts})
    session = current(call, session_id)
    if session["status"] != "open":
        raise Refused(
            400,
            f'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of {session['status']}.",
            is_kept=True,
        )
    return 200, _expired(call, session)


def current(call: Call, session_id: str) -> Json:
    """Return a session as of now: its life may be over."""
    session = call.get("checkout.session", session_id, param="session")
    if session["status"] == "open" and session["expires_at"] <= call.now:
        return _expired(call, session)
    return session


def pay(call: Call, session: Json, method: str) -> Json:
    """Pay as the buyer on the page does; return the payment intent as it is then."""
    if session["status"] != "open":
        raise Refused(400, f"This Checkout Session is {session['status']}.", param="session")
    intents.require_known(method)
    intent = _intent_of(call, session)
    intents.pay(call, intent, method)
    return settle(call, session, intent)


def authenticate(call: Call, session: Json, *, is_confirmed: bool) -> Json:
    """Go on after 3-D Secure."""
    intent = call.get("payment_intent", session["payment_intent"], param="payment_intent")
    intents.authenticate(call, intent, is_confirmed=is_confirmed)
    return settle(call, session, intent)


def settle(call: Call, session: Json, intent: Json) -> Json:
    """Let the session follow its payment intent; return the intent."""
    if intent["status"] in _PAID and session["status"] == "open":
        is_paid = intent["status"] == "succeeded"
        session |= {"payment_status": "paid" if is_paid else "unpaid", "status": "complete"}
        call.store.save(session)
        call.emit("checkout.session.completed", session)
    return intent


def _intent_of(call: Call, session: Json) -> Json:
    if session["payment_intent"] is not None:
        return call.get("payment_intent", session["payment_intent"], param="payment_intent")
    wanted = session["sandbox_intent"]
    asked: Params = {"amount": session["amount_total"], **wanted}
    intent = intents.new_intent(call, asked, session["currency"])
    intent["id"] = make_id("pi", session["id"])
    intent["client_secret"] = f"{intent['id']}_secret_{call.secret_of(intent['id'])}"
    call.store.add(intent)
    call.emit("payment_intent.created", intent)
    session["payment_intent"] = intent["id"]
    call.store.save(session)
    return intent


def _expired(call: Call, session: Json) -> Json:
    session |= {"status": "expired", "url": None}
    call.store.save(session)
    if session["payment_intent"] is not None:
        intent = call.get("payment_intent", session["payment_intent"], param="payment_intent")
        intents.withdraw(call, intent, reason="abandoned")
    call.emit("checkout.session.expired", session)
    return session


def _session(call: Call, asked: Params, amount: int, currency: str) -> Json:
    session_id = call.new_id("cs")
    secret = call.secret_of(session_id)
    return {
        "id": session_id,
        "object": "checkout.session",
        "amount_subtotal": amount,
        "amount_total": amount,
        "automatic_tax": {"enabled": False, "liability": None, "status": None},
        "cancel_url": asked.get("cancel_url"),
        "client_reference_id": asked.get("client_reference_id"),
        "client_secret": None,
        "created": call.now,
        "currency": currency,
        "customer": None,
        "customer_email": asked.get("customer_email"),
        "expires_at": asked.get("expires_at", call.now + LIFE_S),
        "invoice": None,
        "livemode": False,
        "locale": None,
        "metadata": asked.get("metadata", {}),
        "mode": "payment",
        "payment_intent": None,
        "payment_link": None,
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "setup_intent": None,
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "success_url": asked["success_url"],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted",
        "url": f"{call.pay_base}/pay/{session_id}?client_secret={session_id}_secret_{secret}",
        # Ours, not Stripe's: what the payment intent shall be made of.
        "sandbox_intent": asked["payment_intent_data"],
        "sandbox_secret": f"{session_id}_secret_{secret}",
    }
