"""Stripe's objects as our nouns. Pure, and without the `stripe` package."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tradesense.payments.model import (
    DisputeStatus,
    IntentAsked,
    Movement,
    MovementKind,
    ProviderDispute,
    ProviderPayment,
    ProviderRefund,
    ProviderStatus,
    RefundStatus,
    Way,
)
from tradesense.payments.providers.metadata import (
    PAYMENT,
    PURCHASE,
    REFUND,
    read_id,
    read_word,
)

PROVIDER = "stripe"
WAY = "tradesense_way"

# https://docs.stripe.com/upgrades: an id has up to 255 characters; what is written otherwise, none
_REF = re.compile(r"[A-Za-z0-9_]{1,255}")

# https://docs.stripe.com/payments/paymentintents/lifecycle
_STATUS = {
    "requires_payment_method": ProviderStatus.OPEN,
    "requires_confirmation": ProviderStatus.OPEN,
    "requires_action": ProviderStatus.OPEN,
    "processing": ProviderStatus.UNDERWAY,
    "requires_capture": ProviderStatus.AUTHORISED,
    "succeeded": ProviderStatus.SUCCEEDED,
    "canceled": ProviderStatus.CANCELLED,
}
# https://docs.stripe.com/api/checkout/sessions/object; what a complete one has come to, its
# payment intent says.
_SESSION_STATUS = {
    "open": ProviderStatus.OPEN,
    "complete": ProviderStatus.UNDERWAY,
    "expired": ProviderStatus.CANCELLED,
}
_REFUND_STATUS = {
    "pending": RefundStatus.REQUESTED,
    "requires_action": RefundStatus.REQUESTED,
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}

# https://docs.stripe.com/disputes/how-disputes-work; a closed or prevented inquiry cost nothing.
_DISPUTE_STATUS = {
    "warning_needs_response": DisputeStatus.OPEN,
    "warning_under_review": DisputeStatus.OPEN,
    "warning_closed": DisputeStatus.WON,
    "needs_response": DisputeStatus.OPEN,
    "under_review": DisputeStatus.OPEN,
    "prevented": DisputeStatus.WON,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}

# https://docs.stripe.com/reports/balance-transaction-types
_KINDS = {
    "charge": MovementKind.CHARGE,
    "payment": MovementKind.CHARGE,
    "refund": MovementKind.REFUND,
    "payment_refund": MovementKind.REFUND,
    "refund_failure": MovementKind.REFUND_FAILED,
    "payment_failure_refund": MovementKind.REFUND_FAILED,
    "stripe_fee": MovementKind.FEE,
    "payout": MovementKind.PAYOUT,
    "payout_failure": MovementKind.PAYOUT_FAILED,
    "payout_cancel": MovementKind.PAYOUT_FAILED,
}


def intent_params(asked: IntentAsked) -> dict[str, Any]:
    """Return what a payment intent is made of, for a program that pays."""
    return {
        "amount": asked.amount.minor,
        "capture_method": "manual" if asked.is_captured_later else "automatic",
        "currency": asked.amount.currency.lower(),
        "metadata": _metadata(asked),
    }


def session_params(asked: IntentAsked) -> dict[str, Any]:
    """Return what a checkout session is made of, for a person who pays."""
    return {
        "cancel_url": asked.return_url,
        "client_reference_id": str(asked.payment_id),
        "line_items": [
            {
                "price_data": {
                    "currency": asked.amount.currency.lower(),
                    "product_data": {"name": "Trading challenge"},
                    "unit_amount": asked.amount.minor,
                },
                "quantity": 1,
            }
        ],
        "metadata": _metadata(asked),
        "mode": "payment",
        "payment_intent_data": {
            "capture_method": "manual" if asked.is_captured_later else "automatic",
            "metadata": _metadata(asked),
        },
        "success_url": asked.return_url,
    }


def is_session(ref: str) -> bool:
    """Whether a reference names a checkout session."""
    return ref.startswith("cs_")


def way_of(intent: Mapping[str, Any]) -> Way | None:
    """Return the way in which we asked for a payment intent; None for a stranger's."""
    text = (intent.get("metadata") or {}).get(WAY)
    return Way(text) if text in set(Way) else None


def read_session(session: Mapping[str, Any]) -> ProviderPayment:
    """
    Return a checkout session as it stands, its payment intent expanded if there is one.

    Raises KeyError or ValueError for another shape.
    """
    intent = session.get("payment_intent")
    seen = read_intent(intent) if isinstance(intent, Mapping) else None
    page = read_word(_SESSION_STATUS, session["status"])
    if seen is None or (seen.status is ProviderStatus.OPEN and page is ProviderStatus.CANCELLED):
        status = page
    else:
        status = seen.status
    return ProviderPayment(
        provider=PROVIDER,
        ref=str(session["id"]),
        payment_id=read_id(session, PAYMENT),
        status=status,
        amount_minor=int(session["amount_total"] or 0),
        received_minor=0 if seen is None else seen.received_minor,
        currency=str(session["currency"] or "").upper() if seen is None else seen.currency,
        pay_url=session.get("url"),
        decline_id=None if seen is None else seen.decline_id,
        decline_reason=None if seen is None else seen.decline_reason,
    )


def is_disputed(intent: Mapping[str, Any]) -> bool:
    """Whether the buyer's bank has ever disputed a payment intent; its charge is expanded."""
    charge = intent.get("latest_charge")
    return bool(charge.get("disputed")) if isinstance(charge, Mapping) else False


def read_dispute(dispute: Mapping[str, Any], payment_ref: str) -> ProviderDispute:
    """Return a dispute as it stands. Raises KeyError or ValueError for another shape."""
    moved = sum(int(line["amount"]) for line in dispute["balance_transactions"])
    return ProviderDispute(
        provider=PROVIDER,
        ref=str(dispute["id"]),
        payment_ref=payment_ref,
        status=read_word(_DISPUTE_STATUS, dispute["status"]),
        amount_minor=int(dispute["amount"]),
        currency=str(dispute["currency"]).upper(),
        reason=str(dispute["reason"]),
        is_withdrawn=moved < 0,
    )


def read_intent(intent: Mapping[str, Any]) -> ProviderPayment:
    """Return a payment intent as it stands. Raises KeyError or ValueError for another shape."""
    error = intent.get("last_payment_error") or {}
    return ProviderPayment(
        provider=PROVIDER,
        ref=str(intent["id"]),
        payment_id=read_id(intent, PAYMENT),
        status=read_word(_STATUS, intent["status"]),
        amount_minor=int(intent["amount"]),
        received_minor=int(intent.get("amount_received") or 0),
        currency=str(intent["currency"]).upper(),
        client_secret=intent.get("client_secret"),
        pay_url=intent.get("sandbox_pay_url"),
        decline_id=_decline_id(error),
        decline_reason=error.get("decline_code") or error.get("code"),
    )


def read_refund(refund: Mapping[str, Any]) -> ProviderRefund:
    """Return a refund as it stands. Raises KeyError or ValueError for another shape."""
    return ProviderRefund(
        provider=PROVIDER,
        ref=str(refund["id"]),
        refund_id=read_id(refund, REFUND),
        status=read_word(_REFUND_STATUS, refund["status"]),
        amount_minor=int(refund["amount"]),
        currency=str(refund["currency"]).upper(),
        reason=refund.get("failure_reason"),
    )


def read_movement(line: Mapping[str, Any]) -> Movement:
    """Return a balance transaction with its source expanded. Raises KeyError or ValueError."""
    source = line.get("source")
    of = source if isinstance(source, Mapping) else {}
    kind = _KINDS.get(str(line["type"]), MovementKind.OTHER)
    if of.get("object") == "dispute":  # booked as an adjustment, and back as another
        won = int(line["amount"]) > 0
        kind = MovementKind.DISPUTE_REVERSED if won else MovementKind.DISPUTE
    intent = of.get("payment_intent")
    return Movement(
        provider=PROVIDER,
        ref=str(line["id"]),
        kind=kind,
        amount_minor=int(line["amount"]),
        fee_minor=int(line["fee"]),
        currency=str(line["currency"]).upper(),
        at=datetime.fromtimestamp(int(line["created"]), UTC),
        payment_ref=None if intent is None else str(intent),
        object_ref=str(of["id"]) if "id" in of else None,
        bank_reference=_bank_reference(of) if of.get("object") == "payout" else None,
    )


def _bank_reference(payout: Mapping[str, Any]) -> str | None:
    """Return what the bank shows of a payout: its trace id, once banks have told Stripe."""
    trace = (payout.get("trace_id") or {}).get("value")
    return trace or payout.get("statement_descriptor")


def intent_of(event: Mapping[str, Any]) -> str | None:
    """Return the checkout session or payment intent an event is about, None if about none."""
    data = event.get("data")
    subject = data.get("object") if isinstance(data, Mapping) else None
    if not isinstance(subject, Mapping):
        return None
    # A tuple: what is compared may be anything that JSON can hold, and not all of that hashes.
    is_payment = subject.get("object") in ("payment_intent", "checkout.session")
    value = subject.get("id" if is_payment else "payment_intent")
    return value if isinstance(value, str) and _REF.fullmatch(value) else None


def _metadata(asked: IntentAsked) -> dict[str, str]:
    return {
        PAYMENT: str(asked.payment_id),
        PURCHASE: str(asked.purchase_id),
        WAY: asked.way,
    }


def _decline_id(error: Mapping[str, Any]) -> str | None:
    """Return what tells one refused try from another: its charge, if it came that far."""
    charge = error.get("charge")
    if charge is not None:
        return str(charge)
    method = (error.get("payment_method") or {}).get("id")
    return None if method is None else f"{error.get('code')}:{method}"
