"""Money back at Mollie: refunds that we make, and chargebacks that the buyer's bank makes."""

from typing import Any

from tradesense.app.sandbox.mollie.answers import (
    Refused,
    amount,
    link,
    mollie_id,
    moment,
    read_amount,
)
from tradesense.app.sandbox.mollie.balances import move
from tradesense.app.sandbox.mollie.calls import call_platform
from tradesense.app.sandbox.store import Json
from tradesense.app.sandbox.stripe.call import Call
from tradesense.app.sandbox.world.cards import CARDS

ARRIVES_AFTER_S = 1  # a real one is underway for days


def create_refund(call: Call, payment: Json, asked: Json) -> Json:
    """Send money of a payment back. Raises Refused beyond what is left of it."""
    minor, currency = read_amount(asked, (payment["currency"],))
    rest = payment["captured"] - payment["refunded"] - payment["charged_back"]
    if payment["status"] != "paid":
        raise Refused(422, "The payment is not paid, so there is nothing to refund", "amount")
    if minor > rest:
        raise Refused(422, "The amount is higher than the remaining amount", "amount")
    refund = call.store.add(
        {
            "id": mollie_id("re", call.seed),
            "object": "mollie_refund",
            "created": call.now,
            "payment_intent": payment["id"],  # under the name by which the file is indexed
            "amount": minor,
            "currency": currency,
            "description": str(asked.get("description", "")),
            "metadata": asked.get("metadata"),
            "status": "pending",
        }
    )
    payment["refunded"] += minor
    call.store.save(payment)
    move(call, "refund", refund, minor=-minor, context=_refund_context(refund))
    call_platform(call, payment, "refund.refunded", after_s=ARRIVES_AFTER_S)
    if not CARDS[payment["method"]].is_refundable:
        fail_refund(call, refund, payment)
    return refund


def fail_refund(call: Call, refund: Json, payment: Json) -> Json:
    """Let a refund come back. Raises Refused."""
    if refund["status"] != "pending":
        raise Refused(422, f"The refund is {refund['status']}")
    refund["status"] = "failed"
    call.store.save(refund)
    payment["refunded"] -= refund["amount"]
    call.store.save(payment)
    context = _refund_context(refund)
    move(call, "returned-refund", refund, minor=refund["amount"], context=context)
    call_platform(call, payment, "refund.failed")
    return refund


def show_refund(call: Call, refund: Json) -> Json:
    is_there = refund["status"] == "pending" and refund["created"] + ARRIVES_AFTER_S <= call.now
    own = f"{call.pay_base}/v2/payments/{refund['payment_intent']}"
    return {
        "resource": "refund",
        "id": refund["id"],
        "mode": "test",
        "amount": amount(refund["amount"], refund["currency"]),
        "status": "refunded" if is_there else refund["status"],
        "createdAt": moment(refund["created"]),
        "description": refund["description"],
        "metadata": refund["metadata"],
        "paymentId": refund["payment_intent"],
        "settlementAmount": amount(-refund["amount"], refund["currency"]),
        "_links": {"self": link(f"{own}/refunds/{refund['id']}"), "payment": link(own)},
    }


def charge_back(call: Call, payment: Json, *, reason: str) -> Json:
    """Take a payment back as the buyer's bank does. Raises Refused."""
    rest = payment["captured"] - payment["refunded"]
    if payment["status"] != "paid" or payment["charged_back"] or rest <= 0:
        raise Refused(422, "The payment cannot be charged back")
    chargeback = call.store.add(
        {
            "id": mollie_id("chb", payment["id"]),
            "object": "mollie_chargeback",
            "created": call.now,
            "payment_intent": payment["id"],
            "amount": rest,
            "currency": payment["currency"],
            "reason": reason,
            "reversed_at": None,
        }
    )
    payment["charged_back"] = rest
    call.store.save(payment)
    move(call, "chargeback", chargeback, minor=-rest, context=_chargeback_context(chargeback))
    call_platform(call, payment, "chargeback.received")
    return chargeback


def reverse(call: Call, chargeback: Json, payment: Json) -> Json:
    """Give a chargeback's money back to us. Raises Refused."""
    if chargeback["reversed_at"] is not None:
        raise Refused(422, "The chargeback is reversed already")
    chargeback["reversed_at"] = call.now
    call.store.save(chargeback)
    payment["charged_back"] = 0
    call.store.save(payment)
    context = _chargeback_context(chargeback)
    move(call, "chargeback-reversal", chargeback, minor=chargeback["amount"], context=context)
    call_platform(call, payment, "chargeback.reversed")
    return chargeback


def show_chargeback(call: Call, chargeback: Json) -> Json:
    own = f"{call.pay_base}/v2/payments/{chargeback['payment_intent']}"
    at = chargeback["reversed_at"]
    shown: dict[str, Any] = {
        "resource": "chargeback",
        "id": chargeback["id"],
        "amount": amount(chargeback["amount"], chargeback["currency"]),
        "settlementAmount": amount(-chargeback["amount"], chargeback["currency"]),
        "createdAt": moment(chargeback["created"]),
        "reversedAt": None if at is None else moment(at),
        "reason": {"code": "4853", "description": chargeback["reason"]},
        "paymentId": chargeback["payment_intent"],
        "_links": {"self": link(f"{own}/chargebacks/{chargeback['id']}"), "payment": link(own)},
    }
    return shown


def _refund_context(refund: Json) -> dict[str, str]:
    return {"paymentId": refund["payment_intent"], "refundId": refund["id"]}


def _chargeback_context(chargeback: Json) -> dict[str, str]:
    return {"paymentId": chargeback["payment_intent"], "chargebackId": chargeback["id"]}
