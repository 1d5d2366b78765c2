"""
Payments at Mollie, on a page of the sandbox.

    open -> paid | authorized -> paid | failed (the card was declined) | canceled | expired
"""

import json
from typing import Any

from tradesense.app.sandbox.mollie.answers import Refused, amount, link, moment, read_amount
from tradesense.app.sandbox.mollie.answers import mollie_id as make
from tradesense.app.sandbox.mollie.balances import move
from tradesense.app.sandbox.mollie.calls import call_platform
from tradesense.app.sandbox.store import Json
from tradesense.app.sandbox.stripe.call import Call
from tradesense.app.sandbox.world.cards import CARDS

CURRENCIES = ("aud", "cad", "chf", "eur", "gbp", "jpy", "nzd", "usd")
LIFE_S = 3_600
METADATA_MAX = 1_024  # bytes of JSON


def fee_minor(minor: int) -> int:
    """Return what a payment costs: 1.8 %, rounded up, and 25, as Mollie's price list says."""
    return 25 - (-minor * 180 // 10_000)


def create(call: Call, asked: Json) -> Json:
    minor, currency = read_amount(asked, CURRENCIES)
    for name in ("description", "redirectUrl"):
        if not isinstance(asked.get(name), str) or not asked[name]:
            raise Refused(422, f"The {name} is missing", name)
    if len(json.dumps(asked.get("metadata"))) > METADATA_MAX:
        raise Refused(422, "The metadata is too large", "metadata")
    if asked.get("captureMode", "automatic") not in {"automatic", "manual"}:
        raise Refused(422, "The captureMode is automatic or manual", "captureMode")
    return call.store.add(
        {
            "id": make("tr", call.seed),
            "object": "mollie_payment",
            "created": call.now,
            "amount": minor,
            "currency": currency,
            "captured": 0,
            "refunded": 0,
            "charged_back": 0,
            "description": asked["description"],
            "redirect_url": asked["redirectUrl"],
            "webhook_url": asked.get("webhookUrl"),
            "metadata": asked.get("metadata"),
            "is_captured_later": asked.get("captureMode") == "manual",
            "status": "open",
            "since": {},
            "asks_buyer": False,
            "method": None,
            "failure": None,
        }
    )


def current(call: Call, payment_id: str) -> Json:
    """Return a payment as of now: its life may be over. Raises Refused."""
    payment = call.store.find("mollie_payment", payment_id)
    if payment is None:
        raise Refused(404, f"No payment exists with token {payment_id}.")
    if payment["status"] == "open" and payment["created"] + LIFE_S <= call.now:
        return become(call, payment, "expired")
    return payment


def become(call: Call, payment: Json, status: str) -> Json:
    """Change the state of a payment, and tell the platform that something has."""
    payment |= {"status": status, "asks_buyer": False}
    payment["since"] |= {status: call.now}
    call.store.save(payment)
    call_platform(call, payment, f"payment.{status}")
    return payment


def pay(call: Call, payment: Json, method: str) -> Json:
    """Pay as the buyer on the page does."""
    if payment["status"] != "open":
        raise Refused(422, f"The payment is {payment['status']}")
    card = CARDS.get(method)
    if card is None:
        raise Refused(422, f"The sandbox knows {', '.join(CARDS)}", "method")
    payment["method"] = method
    if card.asks_buyer:
        payment["asks_buyer"] = True
        call.store.save(payment)
        return payment
    return _charge(call, payment)


def authenticate(call: Call, payment: Json, *, is_confirmed: bool) -> Json:
    """Go on after 3-D Secure."""
    if not payment["asks_buyer"]:
        raise Refused(422, "The bank asks nothing")
    if is_confirmed:
        return _charge(call, payment)
    payment["failure"] = "authentication_failed"
    return become(call, payment, "failed")


def take(call: Call, payment: Json, minor: int) -> Json:
    """Take so much of the buyer's money."""
    payment["captured"] = minor
    move(
        call,
        "capture" if payment["is_captured_later"] else "payment",
        payment,
        minor=minor,
        fee=fee_minor(minor),
        context={"paymentId": payment["id"]},
    )
    return become(call, payment, "paid")


def cancel(call: Call, payment: Json) -> Json:
    if payment["status"] != "open":
        raise Refused(422, "The payment cannot be canceled anymore")
    return become(call, payment, "canceled")


def release(call: Call, payment: Json) -> None:
    """Give back what was reserved and not captured."""
    if payment["status"] == "authorized":
        become(call, payment, "canceled")


def _charge(call: Call, payment: Json) -> Json:
    card = CARDS[payment["method"]]
    decline = call.declines(payment["id"]) or card.decline
    if decline is not None:
        payment["failure"] = decline
        return become(call, payment, "failed")
    if payment["is_captured_later"]:
        return become(call, payment, "authorized")
    return take(call, payment, payment["amount"])


def show(call: Call, payment: Json) -> Json:
    """Return a payment in Mollie's shape."""
    status, currency = payment["status"], payment["currency"]
    own = f"{call.pay_base}/v2/payments/{payment['id']}"
    shown: dict[str, Any] = {
        "resource": "payment",
        "id": payment["id"],
        "mode": "test",
        "createdAt": moment(payment["created"]),
        "amount": amount(payment["amount"], currency),
        "description": payment["description"],
        "method": None if payment["method"] is None else "creditcard",
        "metadata": payment["metadata"],
        "status": status,
        "isCancelable": status == "open",
        "expiresAt": moment(payment["created"] + LIFE_S),
        "profileId": "pfl_sandbox",
        "sequenceType": "oneoff",
        "redirectUrl": payment["redirect_url"],
        "webhookUrl": payment["webhook_url"],
        "captureMode": "manual" if payment["is_captured_later"] else "automatic",
        "_links": {"self": link(own), "refunds": link(f"{own}/refunds")},
    }
    for reached, at in payment["since"].items():
        shown[f"{reached}At"] = moment(at)
    if status == "open":
        secret = f"{payment['id']}_secret_{call.secret_of(payment['id'])}"
        page = f"{call.pay_base}/pay/{payment['id']}?client_secret={secret}"
        shown["_links"]["checkout"] = link(page, "text/html")
    if status == "paid":
        shown["amountRefunded"] = amount(payment["refunded"], currency)
        rest = payment["captured"] - payment["refunded"] - payment["charged_back"]
        shown["amountRemaining"] = amount(rest, currency)
        shown["settlementAmount"] = amount(payment["captured"], currency)
    if payment["is_captured_later"]:
        shown["amountCaptured"] = amount(payment["captured"], currency)
    if payment["charged_back"]:
        shown["amountChargedBack"] = amount(payment["charged_back"], currency)
    if payment["failure"] is not None:
        shown["details"] = {"failureReason": payment["failure"]}
    return shown
