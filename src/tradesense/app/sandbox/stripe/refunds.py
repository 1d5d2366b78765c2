"""Refunds: all of a charge or parts of it, never more."""

from tradesense.app.sandbox.store import Json
from tradesense.app.sandbox.stripe.answers import Refused, make_id
from tradesense.app.sandbox.stripe.books.balance import add_balance_transaction
from tradesense.app.sandbox.stripe.books.disputes import is_disputed
from tradesense.app.sandbox.stripe.call import Call
from tradesense.app.sandbox.stripe.forms import check, integer, metadata, one_of, text, texts
from tradesense.app.sandbox.world.cards import CARDS

Response = tuple[int, Json]

_CREATE = {
    "amount": integer(1, 99_999_999),
    "charge": text,
    "expand": texts,
    "metadata": metadata,
    "payment_intent": text,
    "reason": one_of("duplicate", "fraudulent", "requested_by_customer"),
}


def create(call: Call) -> Response:
    asked = check(call.params, _CREATE)
    paid = _charge_of(call, asked)
    rest = paid["amount_captured"] - paid["amount_refunded"]
    if is_disputed(call, paid):
        raise Refused(
            400,
            f"Charge {paid['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
            is_kept=True,
        )
    if rest == 0:
        raise Refused(
            400,
            f"Charge {paid['id']} has already been refunded.",
            code="charge_already_refunded",
            is_kept=True,
        )
    amount = asked.get("amount", rest)
    if amount > rest:
        raise Refused(
            400,
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({rest})",
            param="amount",
            is_kept=True,
        )
    refund = _refund(call, paid, asked, amount)
    call.store.add(refund)
    add_balance_transaction(call, refund, amount=-amount, kind="refund")
    paid["amount_refunded"] += amount
    paid["refunded"] = paid["amount_refunded"] == paid["amount_captured"]
    call.store.save(paid)
    call.emit("refund.created", refund)
    call.emit("charge.refunded", paid, unique=refund["id"])
    if not CARDS[paid["payment_method"]].is_refundable:
        fail(call, refund)
    return 200, refund


def fail(call: Call, refund: Json) -> Json:
    """Let a refund come back: the buyer's bank did not take it."""
    if refund["status"] != "succeeded":
        raise Refused(400, f"Refund {refund['id']} is {refund['status']}.", param="id")
    line_id = make_id("txn", refund["id"], "failed")
    refund |= {
        "failure_balance_transaction": line_id,
        "failure_reason": "lost_or_stolen_card",
        "status": "failed",
    }
    call.store.save(refund)
    add_balance_transaction(
        call, refund, amount=refund["amount"], kind="refund_failure", line_id=line_id
    )
    paid = call.get("charge", refund["charge"], param="charge")
    paid["amount_refunded"] -= refund["amount"]
    paid["refunded"] = False
    call.store.save(paid)
    call.emit("refund.failed", refund)
    return refund


def _refund(call: Call, paid: Json, asked: Json, amount: int) -> Json:
    refund_id = call.new_id("re")
    return {
        "id": refund_id,
        "object": "refund",
        "amount": amount,
        "balance_transaction": make_id("txn", refund_id),
        "charge": paid["id"],
        "created": call.now,
        "currency": paid["currency"],
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": asked.get("metadata", {}),
        "payment_intent": paid["payment_intent"],
        "reason": asked.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def retrieve(call: Call, refund_id: str) -> Response:
    check(call.params, {"expand": texts})
    return 200, call.get("refund", refund_id, param="id")


def list_all(call: Call) -> Response:
    return 200, call.list_of(
        "refund", "/v1/refunds", payment_intent="payment_intent", charge="charge"
    )


def _charge_of(call: Call, asked: Json) -> Json:
    if ("charge" in asked) == ("payment_intent" in asked):
        raise Refused(
            400,
            "One of the following params should be provided for this request: "
            "payment_intent or charge.",
            code="parameter_missing",
            param="payment_intent",
        )
    if "charge" in asked:
        return call.get("charge", asked["charge"], param="charge")
    intent = call.get("payment_intent", asked["payment_intent"], param="payment_intent")
    if intent["status"] != "succeeded":
        raise Refused(
            400,
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            param="payment_intent",
            is_kept=True,
        )
    return call.get("charge", intent["latest_charge"], param="charge")
