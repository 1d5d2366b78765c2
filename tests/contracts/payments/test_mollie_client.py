"""The sandbox, asked by Mollie's official client over real HTTP."""

import pytest
from mollie.api.client import Client
from mollie.api.error import NotFoundError, UnauthorizedError, UnprocessableEntityError

from payment_sandbox import MOLLIE_KEY

ORDER = {
    "amount": {"currency": "EUR", "value": "540.00"},
    "description": "Challenge",
    "redirectUrl": "https://shop.example/back",
    "metadata": {"order": "42"},
}


@pytest.fixture
def mollie(sandbox):
    client = Client(api_endpoint=sandbox.base)
    client.set_api_key(MOLLIE_KEY)
    return client


def paid(mollie, sandbox, card="pm_card_visa", **changes):
    payment = mollie.payments.create({**ORDER, **changes})
    sandbox.pay(payment.id, card)
    return mollie.payments.get(payment.id)


def test_a_payment_has_the_fields_that_mollie_documents(mollie):
    payment = mollie.payments.create(ORDER)

    assert payment.resource == "payment"
    assert payment.id.startswith("tr_")
    assert payment.is_open()
    assert payment.amount == {"value": "540.00", "currency": "EUR"}
    assert payment.metadata == {"order": "42"}
    assert payment.checkout_url.startswith("http")
    assert payment.is_cancelable
    assert mollie.payments.get(payment.id) == payment


def test_a_payment_is_paid_on_its_page(mollie, sandbox):
    payment = paid(mollie, sandbox)

    assert payment.is_paid()
    assert payment.checkout_url is None
    assert payment.amount_remaining == {"value": "540.00", "currency": "EUR"}


def test_a_declined_payment_has_failed_for_good(mollie, sandbox):
    payment = paid(mollie, sandbox, "pm_card_chargeDeclined")

    assert payment.is_failed()
    assert payment.details == {"failureReason": "generic_decline"}


def test_refunds_take_parts_and_never_more_than_is_left(mollie, sandbox):
    payment = paid(mollie, sandbox)
    part = {"amount": {"currency": "EUR", "value": "40.00"}, "metadata": {"why": "goodwill"}}
    refund = payment.refunds.create(part)

    with pytest.raises(UnprocessableEntityError, match="higher than the remaining"):
        payment.refunds.create({"amount": {"currency": "EUR", "value": "500.01"}})

    assert refund.is_pending()
    assert [one.id for one in payment.refunds.list()] == [refund.id]
    after = mollie.payments.get(payment.id)
    assert after.amount_refunded == {"value": "40.00", "currency": "EUR"}
    assert after.can_be_refunded()


def test_captures_take_what_was_authorised(mollie, sandbox):
    payment = paid(mollie, sandbox, captureMode="manual", method="creditcard")
    assert payment.is_authorized()

    capture = payment.captures.create({"amount": {"currency": "EUR", "value": "500.00"}})

    assert capture.amount["value"] == "500.00"
    assert mollie.payments.get(payment.id).is_paid()


def test_a_cancelled_payment_is_cancelled(mollie):
    payment = mollie.payments.create(ORDER)

    assert mollie.payments.delete(payment.id).is_canceled()
    with pytest.raises(UnprocessableEntityError):
        mollie.payments.delete(payment.id)


def test_chargebacks_are_listed_and_reversed(mollie, sandbox):
    payment = paid(mollie, sandbox)
    sandbox.dispute(payment.id)

    [chargeback] = mollie.payments.get(payment.id).chargebacks.list()

    assert chargeback.amount["value"] == "540.00"
    assert chargeback.reversed_at is None
    sandbox.conclude(chargeback.id, "won")
    [after] = mollie.payments.get(payment.id).chargebacks.list()
    assert after.reversed_at


def test_the_balance_says_what_moved_and_where_it_went(mollie, sandbox):
    payment = paid(mollie, sandbox)
    settled = sandbox.pay_out("mollie", "eur")

    balance = next(one for one in mollie.balances.list() if one.currency == "EUR")
    out, charged, *_ = list(balance.get_transactions())

    assert charged.context == {"paymentId": payment.id}
    assert charged.deductions == {"value": "-9.97", "currency": "EUR"}  # 1.8 % and 25 cents
    assert (out.type, out.context["settlementId"]) == ("outgoing-transfer", settled["id"])
    assert mollie.settlements.get(settled["id"]).reference == settled["reference"]
    assert settled["reference"] in sandbox.statement("eur")


def test_the_same_key_gets_the_same_payment(mollie, key):
    first = mollie.payments.create(ORDER, idempotency_key=key)

    assert mollie.payments.create(ORDER, idempotency_key=key) == first


def test_lists_are_paged_newest_first(mollie):
    made = [mollie.payments.create(ORDER).id for _ in range(5)]

    page = mollie.payments.list(limit=2)
    walked = [one.id for one in page]
    while page.has_next() and len(walked) < 5:
        page = page.get_next()
        walked += [one.id for one in page]

    assert walked[:5] == made[::-1]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": {"currency": "EUR", "value": "0.00"}}, "amount.value"),
        ({"amount": {"currency": "EUR", "value": "-1.00"}}, "amount.value"),
        ({"amount": {"currency": "EUR", "value": "1"}}, "amount.value"),
        ({"amount": {"currency": "EUR", "value": 1.0}}, "amount.value"),
        ({"amount": {"currency": "JPY", "value": "1.00"}}, "amount.value"),
        ({"amount": {"currency": "XYZ", "value": "1.00"}}, "amount.currency"),
        ({"description": ""}, "description"),
        ({"redirectUrl": None}, "redirectUrl"),
        ({"metadata": "x" * 2_000}, "metadata"),
        ({"captureMode": "never"}, "captureMode"),
    ],
)
def test_bad_parameters_are_named(mollie, changes, field):
    with pytest.raises(UnprocessableEntityError) as refused:
        mollie.payments.create({**ORDER, **changes})

    assert refused.value.field == field


def test_unknown_payments_are_missing(mollie):
    with pytest.raises(NotFoundError):
        mollie.payments.get("tr_nobody")


def test_a_wrong_key_is_refused(sandbox):
    stranger = Client(api_endpoint=sandbox.base)
    stranger.set_api_key("test_wrong")

    with pytest.raises(UnauthorizedError):
        stranger.payments.list()
