"""Payouts: what Stripe owes the platform goes to its bank, under a trace id the bank shows."""

from tradesense.app.sandbox.store import Json
from tradesense.app.sandbox.stripe.answers import Refused, make_id
from tradesense.app.sandbox.stripe.books.balance import add_balance_transaction
from tradesense.app.sandbox.stripe.call import Call
from tradesense.app.sandbox.stripe.forms import check, integer, metadata, one_of, text, texts
from tradesense.app.sandbox.world.bank.moves import add_credit, make_trace

Response = tuple[int, Json]

_CREATE = {
    "amount": integer(1, 10**12),
    "currency": text,
    "description": text,
    "expand": texts,
    "metadata": metadata,
    "method": one_of("standard", "instant"),
    "statement_descriptor": text,
}


def create(call: Call) -> Response:
    asked = check(call.params, _CREATE, ("amount", "currency"))
    currency = asked["currency"].lower()
    if asked["amount"] > call.store.sum_net("balance_transaction").get(currency, 0):
        raise Refused(
            400,
            "You have insufficient funds in your Stripe account for this payout.",
            code="balance_insufficient",
            is_kept=True,
        )
    payout = _payout(call, asked, currency)
    call.store.add(payout)
    add_balance_transaction(call, payout, amount=-payout["amount"], kind="payout")
    add_credit(
        call.store,
        at=call.now,
        amount=payout["amount"],
        currency=currency,
        reference=payout["trace_id"]["value"],
        debtor="STRIPE",
        text=payout["statement_descriptor"] or "STRIPE PAYOUT",
    )
    call.emit("payout.created", payout)
    call.emit("payout.paid", payout)
    return 200, payout


def fail(call: Call, payout: Json) -> Json:
    """Let a payout come back: the bank refused it."""
    if payout["status"] != "paid":
        raise Refused(400, f"Payout {payout['id']} is {payout['status']}.", param="id")
    line_id = make_id("txn", payout["id"], "failed")
    payout |= {
        "failure_balance_transaction": line_id,
        "failure_code": "account_closed",
        "failure_message": "The bank account has been closed.",
        "status": "failed",
    }
    call.store.save(payout)
    add_balance_transaction(
        call, payout, amount=payout["amount"], kind="payout_failure", line_id=line_id
    )
    add_credit(
        call.store,
        at=call.now,
        amount=-payout["amount"],
        currency=payout["currency"],
        reference=payout["trace_id"]["value"],
        debtor="STRIPE",
        text="STRIPE PAYOUT RETURNED",
    )
    call.emit("payout.failed", payout)
    return payout


def list_all(call: Call) -> Response:
    return 200, call.list_of("payout", "/v1/payouts", status="status")


def _payout(call: Call, asked: Json, currency: str) -> Json:
    payout_id = call.new_id("po")
    return {
        "id": payout_id,
        "object": "payout",
        "amount": asked["amount"],
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": call.now,
        "automatic": False,
        "balance_transaction": make_id("txn", payout_id),
        "created": call.now,
        "currency": currency,
        "description": asked.get("description", "STRIPE PAYOUT"),
        "destination": "ba_sandbox",
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": asked.get("metadata", {}),
        "method": asked.get("method", "standard"),
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": asked.get("statement_descriptor"),
        "status": "paid",
        "trace_id": {"status": "supported", "value": make_trace(payout_id)},
        "type": "bank_account",
    }
