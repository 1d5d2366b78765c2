"""
Disputes: the buyer's bank takes a payment back, and we may answer.

    needs_response -> under_review -> won (the money comes back) | lost

As with Stripe in test mode, evidence whose `uncategorized_text` is `winning_evidence` wins and
`losing_evidence` loses; other evidence waits for a decision of whoever controls the sandbox.
"""

from typing import Any

from tradesense.app.sandbox.store import Json
from tradesense.app.sandbox.stripe.answers import Refused, make_id
from tradesense.app.sandbox.stripe.books.balance import add_balance_transaction
from tradesense.app.sandbox.stripe.call import Call
from tradesense.app.sandbox.stripe.forms import check, metadata, nothing_in, texts, truth

Response = tuple[int, Json]

FEE_MINOR = 1_500  # Stripe's fee for a dispute in USD
ANSWER_WITHIN_S = 7 * 86_400
OPEN = ("needs_response", "under_review")
_OUTCOMES = {"winning_evidence": "won", "losing_evidence": "lost"}


def open_dispute(call: Call, charge: Json, *, reason: str) -> Json:
    """Take a captured charge back, for now; return the dispute."""
    if not charge["captured"] or charge["disputed"]:
        raise Refused(400, f"Charge {charge['id']} cannot be disputed.", param="charge")
    dispute_id = make_id("dp", charge["id"])
    amount = charge["amount_captured"] - charge["amount_refunded"]
    dispute = _dispute(call, charge, dispute_id, amount=amount, reason=reason)
    line = add_balance_transaction(
        call,
        dispute,
        amount=-amount,
        fee=FEE_MINOR,
        kind="adjustment",
        category="dispute",
        line_id=make_id("txn", dispute_id),
    )
    dispute["balance_transactions"] = [line]
    call.store.add(dispute)
    charge["disputed"] = True
    call.store.save(charge)
    call.emit("charge.dispute.created", dispute)
    call.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def is_disputed(call: Call, charge: Json) -> bool:
    """Whether a charge was taken back and has not come back to us."""
    dispute = call.store.find("dispute", make_id("dp", charge["id"]))
    return dispute is not None and dispute["status"] != "won"


def conclude(call: Call, dispute: Json, outcome: str) -> Json:
    """End an open dispute: `won` gives the money back, `lost` does not."""
    if dispute["status"] not in OPEN:
        raise Refused(400, f"Dispute {dispute['id']} is {dispute['status']} already.", param="id")
    dispute["status"] = outcome
    if outcome == "won":
        line = add_balance_transaction(
            call,
            dispute,
            amount=dispute["amount"],
            kind="adjustment",
            category="dispute_reversal",
            line_id=make_id("txn", dispute["id"], "won"),
        )
        dispute["balance_transactions"] = [*dispute["balance_transactions"], line]
    call.store.save(dispute)
    call.emit("charge.dispute.closed", dispute)
    if outcome == "won":
        call.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def update(call: Call, dispute_id: str) -> Response:
    asked = check(
        call.params,
        {"evidence": nothing_in, "expand": texts, "metadata": metadata, "submit": truth},
    )
    dispute = call.get("dispute", dispute_id, param="dispute")
    evidence: dict[str, Any] = asked.get("evidence", {})
    if dispute["status"] not in OPEN:
        raise Refused(400, "This dispute is already closed.", param="dispute", is_kept=True)
    dispute["evidence"] |= evidence
    dispute["evidence_details"]["has_evidence"] = bool(evidence)
    dispute["metadata"] |= asked.get("metadata", {})
    if asked.get("submit", True):
        dispute["evidence_details"]["submission_count"] += 1
        dispute["status"] = "under_review"
    call.store.save(dispute)
    outcome = _OUTCOMES.get(str(evidence.get("uncategorized_text")))
    if outcome is not None and dispute["status"] == "under_review":
        return 200, conclude(call, dispute, outcome)
    return 200, dispute


def close(call: Call, dispute_id: str) -> Response:
    """Give in."""
    check(call.params, {"expand": texts})
    return 200, conclude(call, call.get("dispute", dispute_id, param="dispute"), "lost")


def list_all(call: Call) -> Response:
    return 200, call.list_of(
        "dispute", "/v1/disputes", payment_intent="payment_intent", charge="charge"
    )


def _dispute(call: Call, charge: Json, dispute_id: str, *, amount: int, reason: str) -> Json:
    return {
        "id": dispute_id,
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": call.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {"uncategorized_text": None},
        "evidence_details": {
            "due_by": call.now + ANSWER_WITHIN_S,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": charge["payment_method_details"]["card"]["brand"],
                "case_type": "chargeback",
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        "reason": reason,
        "status": "needs_response",
    }
