"""Stripe's own published objects, read by our mapping."""

import json
import os
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from tradesense.payments.model import (
    DisputeStatus,
    MovementKind,
    ProviderStatus,
    RefundStatus,
)
from tradesense.payments.providers.stripe_shapes import (
    PAYMENT,
    intent_of,
    read_dispute,
    read_intent,
    read_movement,
    read_refund,
    read_session,
)

DATA = Path(os.environ.get("TRADESENSE_DATA") or Path(__file__).parents[4] / "shared" / "data")  # noqa: TID251 -- where the samples lie is the test run's to say
FILE = DATA / "stripe" / "stripe_fixtures3_subset.json"
ID = UUID(int=7)


@pytest.fixture(scope="module")
def published():
    if not FILE.exists():
        pytest.skip(f"no sample objects at {FILE}; set TRADESENSE_DATA")
    return json.loads(FILE.read_text())


def test_a_published_intent_is_read(published):
    seen = read_intent(published["payment_intent"])

    assert seen.ref == "pi_1PgafyB7WZ01zgkWSjxsAJo3"
    assert (seen.amount_minor, seen.received_minor, seen.currency) == (1_099, 0, "USD")
    assert seen.status is ProviderStatus.OPEN
    assert seen.payment_id is None
    assert seen.pay_url is None


def test_a_published_refund_is_read(published):
    seen = read_refund(published["refund"])

    assert (seen.ref, seen.amount_minor) == ("re_1Pgc72B7WZ01zgkWqPvrRrPE", 100)
    assert seen.status is RefundStatus.SUCCEEDED


def test_a_published_session_is_read(published):
    session = published["checkout.session"]
    unpaid = read_session(session)

    assert unpaid.ref == session["id"]
    assert unpaid.status is ProviderStatus.OPEN
    assert unpaid.pay_url == session["url"]
    intent = {**published["payment_intent"], "status": "succeeded", "amount_received": 1_099}
    paid = read_session({**session, "status": "complete", "payment_intent": intent})
    assert (paid.ref, paid.status) == (session["id"], ProviderStatus.SUCCEEDED)
    assert (paid.received_minor, paid.currency) == (1_099, "USD")
    expired = read_session({**session, "status": "expired", "payment_intent": None})
    assert expired.status is ProviderStatus.CANCELLED


def test_a_published_dispute_is_read(published):
    dispute = read_dispute(published["dispute"], "pi_1")

    assert (dispute.ref, dispute.payment_ref) == (published["dispute"]["id"], "pi_1")
    assert (dispute.amount_minor, dispute.currency) == (1_000, "USD")
    assert dispute.status is DisputeStatus.OPEN
    assert not dispute.is_withdrawn  # an inquiry: nothing has been taken yet


def test_published_balance_transactions_are_read_with_their_source(published):
    line = published["balance_transaction"]
    charge = {**published["charge"], "payment_intent": "pi_1"}
    read = read_movement({**line, "source": charge})
    assert (read.kind, read.amount_minor, read.fee_minor) == (MovementKind.CHARGE, 100, 0)
    assert (read.payment_ref, read.object_ref) == ("pi_1", charge["id"])

    payout = {**published["payout"], "trace_id": {"status": "supported", "value": "T1"}}
    out = read_movement({**line, "type": "payout", "amount": -1_100, "source": payout})
    assert (out.kind, out.object_ref) == (MovementKind.PAYOUT, payout["id"])
    assert out.bank_reference == "T1"
    adjusted = {**line, "type": "adjustment", "amount": -1_000, "source": published["dispute"]}
    assert read_movement(adjusted).kind is MovementKind.DISPUTE
    back = read_movement({**adjusted, "amount": 1_000})
    assert back.kind is MovementKind.DISPUTE_REVERSED
    assert read_movement(line).object_ref is None  # its source was not expanded


def test_published_objects_in_events_name_their_payment(published):
    def event(name):
        return {**published["event"], "data": {"object": published[name]}}

    assert intent_of(event("payment_intent")) == published["payment_intent"]["id"]
    charge = {**published["charge"], "payment_intent": "pi_1"}
    assert intent_of({"data": {"object": charge}}) == "pi_1"
    for name in ("dispute", "refund", "charge", "customer", "payout", "invoice"):
        assert intent_of(event(name)) == published[name].get("payment_intent")
    session = published["checkout.session"]
    assert intent_of(event("checkout.session")) == session["id"]
    assert intent_of(published["event"]) is None


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("requires_action", ProviderStatus.OPEN),
        ("processing", ProviderStatus.UNDERWAY),
        ("requires_capture", ProviderStatus.AUTHORISED),
        ("succeeded", ProviderStatus.SUCCEEDED),
        ("canceled", ProviderStatus.CANCELLED),
    ],
)
def test_states_have_our_names(word, status):
    assert read_intent(intent(status=word)).status is status


def test_our_payment_is_found_in_the_metadata():
    assert read_intent(intent(metadata={PAYMENT: str(ID)})).payment_id == ID
    assert read_intent(intent(metadata={PAYMENT: "not an id"})).payment_id is None
    assert read_intent(intent(metadata=None)).payment_id is None


def test_the_last_decline_has_its_charge_and_its_reason():
    error = {"type": "card_error", "charge": "ch_1", "code": "card_declined"}
    seen = read_intent(intent(last_payment_error=error))
    assert (seen.decline_id, seen.decline_reason) == ("ch_1", "card_declined")

    poor = read_intent(intent(last_payment_error={**error, "decline_code": "insufficient_funds"}))
    assert poor == replace(seen, decline_reason="insufficient_funds")


@pytest.mark.parametrize("shape", [{}, {"id": "pi_1"}, {"id": "pi_1", "status": "new"}])
def test_other_shapes_are_refused(shape):
    with pytest.raises((KeyError, ValueError)):
        read_intent(shape)


def test_nonsense_in_an_event_is_about_no_payment():
    for event in ({}, {"data": []}, {"data": {"object": "pi_1"}}, {"data": {"object": {"id": 7}}}):
        assert intent_of(event) is None


def intent(**changes):
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 54_000,
        "amount_received": 0,
        "currency": "usd",
        "metadata": {},
        "status": "requires_payment_method",
        "last_payment_error": None,
        **changes,
    }
