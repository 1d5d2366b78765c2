"""Mollie's objects as our nouns, and back. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tradesense.kernel.money import MINOR_DIGITS, Money
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
)
from tradesense.payments.providers.metadata import (
    PAYMENT,
    PURCHASE,
    REFUND,
    read_id,
    read_word,
)

PROVIDER = "mollie"

# https://docs.mollie.com/docs/status-change; a payment that failed or expired stays so.
_STATUS = {
    "open": ProviderStatus.OPEN,
    "pending": ProviderStatus.UNDERWAY,
    "authorized": ProviderStatus.AUTHORISED,
    "paid": ProviderStatus.SUCCEEDED,
    "canceled": ProviderStatus.CANCELLED,
    "expired": ProviderStatus.CANCELLED,
    "failed": ProviderStatus.CANCELLED,
}
# https://docs.mollie.com/reference/get-refund
_REFUND_STATUS = {
    "queued": RefundStatus.REQUESTED,
    "pending": RefundStatus.REQUESTED,
    "processing": RefundStatus.REQUESTED,
    "refunded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}
# https://docs.mollie.com/reference/list-balance-transactions
_KINDS = {
    "payment": MovementKind.CHARGE,
    "capture": MovementKind.CHARGE,
    "failed-payment": MovementKind.DISPUTE,
    "unauthorized-direct-debit": MovementKind.DISPUTE,
    "refund": MovementKind.REFUND,
    "returned-refund": MovementKind.REFUND_FAILED,
    "chargeback": MovementKind.DISPUTE,
    "chargeback-reversal": MovementKind.DISPUTE_REVERSED,
    "payment-fee": MovementKind.FEE,
    "application-fee": MovementKind.FEE,
    "balance-charge-fee": MovementKind.FEE,
    "invoice-compensation": MovementKind.FEE,
    "outgoing-transfer": MovementKind.PAYOUT,
    "outgoing-custom-amount-transfer": MovementKind.PAYOUT,
    "canceled-outgoing-transfer": MovementKind.PAYOUT_FAILED,
    "returned-transfer": MovementKind.PAYOUT_FAILED,
}
_OBJECTS = ("refundId", "chargebackId", "settlementId", "transferId", "captureId", "paymentId")


def payment_body(asked: IntentAsked, *, home: str, webhook_url: str) -> dict[str, Any]:
    """Return what a payment is made of; `home` is where a buyer goes who is led nowhere else."""
    body: dict[str, Any] = {
        "amount": write_amount(asked.amount),
        "description": f"Trading challenge {str(asked.purchase_id)[:8]}",
        "metadata": {PAYMENT: str(asked.payment_id), PURCHASE: str(asked.purchase_id)},
        "redirectUrl": asked.return_url or home,
        "webhookUrl": webhook_url,
    }
    if asked.is_captured_later:
        body |= {"captureMode": "manual", "method": "creditcard"}
    return body


def write_amount(amount: Money) -> dict[str, str]:
    """Return `{"currency": "USD", "value": "540.00"}`, with the currency's own digits."""
    digits = MINOR_DIGITS[amount.currency]
    whole, part = divmod(amount.minor, 10**digits)
    value = f"{whole}.{part:0{digits}d}" if digits else str(whole)
    return {"currency": amount.currency, "value": value}


def read_amount(amount: Mapping[str, Any]) -> tuple[int, str]:
    """Return signed minor units and currency. Raises KeyError or ValueError."""
    currency, value = str(amount["currency"]), str(amount["value"])
    whole, _, part = value.lstrip("-").partition(".")
    if len(part) != MINOR_DIGITS.get(currency, len(part)) or not (whole + part).isdigit():
        raise ValueError(f"{value!r} is no amount of {currency}")
    minor = int(whole + part)
    return (-minor if value.startswith("-") else minor), currency


def read_payment(payment: Mapping[str, Any]) -> ProviderPayment:
    """
    Return a payment as it stands, with the refunds and chargebacks embedded in it.

    Raises KeyError or ValueError for another shape.
    """
    ref, status = str(payment["id"]), read_word(_STATUS, payment["status"])
    minor, currency = read_amount(payment["amount"])
    received = 0
    if status is ProviderStatus.SUCCEEDED:
        received, _ = read_amount(payment.get("amountCaptured") or payment["amount"])
    checkout = (payment.get("_links") or {}).get("checkout") or {}
    embedded = payment.get("_embedded") or {}
    return ProviderPayment(
        provider=PROVIDER,
        ref=ref,
        payment_id=read_id(payment, PAYMENT),
        status=status,
        amount_minor=minor,
        received_minor=received,
        currency=currency,
        pay_url=checkout.get("href"),
        decline_id=ref if payment["status"] == "failed" else None,
        decline_reason=(payment.get("details") or {}).get("failureReason"),
        refunds=tuple(read_refund(refund) for refund in embedded.get("refunds", ())),
        disputes=tuple(read_chargeback(one) for one in embedded.get("chargebacks", ())),
    )


def read_refund(refund: Mapping[str, Any]) -> ProviderRefund:
    """Return a refund as it stands. Raises KeyError or ValueError for another shape."""
    minor, currency = read_amount(refund["amount"])
    return ProviderRefund(
        provider=PROVIDER,
        ref=str(refund["id"]),
        refund_id=read_id(refund, REFUND),
        status=read_word(_REFUND_STATUS, refund["status"]),
        amount_minor=minor,
        currency=currency,
    )


def read_chargeback(chargeback: Mapping[str, Any]) -> ProviderDispute:
    """
    Return a chargeback as it stands: lost when it comes, won if it is reversed one day.

    Mollie has no state between the two. Raises KeyError or ValueError for another shape.
    """
    minor, currency = read_amount(chargeback["amount"])
    is_reversed = chargeback.get("reversedAt") is not None
    return ProviderDispute(
        provider=PROVIDER,
        ref=str(chargeback["id"]),
        payment_ref=str(chargeback["paymentId"]),
        status=DisputeStatus.WON if is_reversed else DisputeStatus.LOST,
        amount_minor=minor,
        currency=currency,
        reason=str((chargeback.get("reason") or {}).get("description", "chargeback")),
        is_withdrawn=not is_reversed,
    )


def read_movement(line: Mapping[str, Any]) -> Movement:
    """
    Return a balance transaction, without the bank's reference, which its settlement knows.

    Raises KeyError or ValueError for another shape.
    """
    result, currency = read_amount(line["resultAmount"])
    minor, first_currency = read_amount(line["initialAmount"])
    if first_currency != currency:  # paid in another one; what counts is what reached us
        minor = result
    context = line.get("context") or {}
    objects = (context[name] for name in _OBJECTS if context.get(name))
    return Movement(
        provider=PROVIDER,
        ref=str(line["id"]),
        kind=_KINDS.get(str(line["type"]), MovementKind.OTHER),
        amount_minor=minor,
        fee_minor=minor - result,
        currency=currency,
        at=datetime.fromisoformat(str(line["createdAt"])),
        payment_ref=context.get("paymentId"),
        object_ref=next(objects, None),
    )
