"""Stripe's objects as our nouns. Pure, and without the `stripe` package."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from tradesense.payments.model import (
    Movement,
    MovementKind,
    ProviderPayment,
    ProviderRefund,
    ProviderStatus,
    RefundStatus,
)

T = TypeVar("T")

PROVIDER = "stripe"
PAYMENT = "tradesense_payment"  # the names under which Stripe keeps our ids
PURCHASE = "tradesense_purchase"
REFUND = "tradesense_refund"

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
_REFUND_STATUS = {
    "pending": RefundStatus.REQUESTED,
    "requires_action": RefundStatus.REQUESTED,
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
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


def read_intent(intent: Mapping[str, Any]) -> ProviderPayment:
    """Return a payment intent as it stands. Raises KeyError or ValueError for another shape."""
    error = intent.get("last_payment_error") or {}
    charge = error.get("charge")
    return ProviderPayment(
        provider=PROVIDER,
        ref=str(intent["id"]),
        payment_id=_uuid(intent, PAYMENT),
        status=_one(_STATUS, intent["status"]),
        amount_minor=int(intent["amount"]),
        received_minor=int(intent.get("amount_received") or 0),
        currency=str(intent["currency"]).upper(),
        client_secret=intent.get("client_secret"),
        pay_url=intent.get("sandbox_pay_url"),
        decline_id=None if charge is None else str(charge),
        decline_reason=error.get("decline_code") or error.get("code"),
    )


def read_refund(refund: Mapping[str, Any]) -> ProviderRefund:
    """Return a refund as it stands. Raises KeyError or ValueError for another shape."""
    return ProviderRefund(
        provider=PROVIDER,
        ref=str(refund["id"]),
        refund_id=_uuid(refund, REFUND),
        status=_one(_REFUND_STATUS, refund["status"]),
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
        bank_reference=of.get("statement_descriptor") if of.get("object") == "payout" else None,
    )


def intent_of(event: Mapping[str, Any]) -> str | None:
    """Return the id of the payment intent an event is about, or None if it is about none."""
    data = event.get("data")
    subject = data.get("object") if isinstance(data, Mapping) else None
    if not isinstance(subject, Mapping):
        return None
    field = "id" if subject.get("object") == "payment_intent" else "payment_intent"
    value = subject.get(field)
    return value if isinstance(value, str) else None


def _uuid(shape: Mapping[str, Any], name: str) -> UUID | None:
    text = (shape.get("metadata") or {}).get(name)
    try:
        return None if text is None else UUID(text)
    except ValueError:
        return None  # somebody else's metadata


def _one(known: Mapping[str, T], word: object) -> T:
    try:
        return known[str(word)]
    except KeyError:
        raise ValueError(f"unknown status {word!r}") from None
