"""The sandbox, asked by Stripe's official client over real HTTP."""

import pytest
import stripe

ORDER = {"amount": 54_000, "currency": "usd", "metadata": {"order": "42", "plan": "ftmo"}}


def created(client, key, **changes):
    return client.v1.payment_intents.create({**ORDER, **changes}, {"idempotency_key": key})


def paid(client, key, method="pm_card_visa"):
    intent = created(client, key)
    return client.v1.payment_intents.confirm(intent.id, {"payment_method": method})


def test_an_intent_has_the_fields_that_stripe_documents(client, key):
    intent = created(client, key)

    assert intent.object == "payment_intent"
    assert intent.id.startswith("pi_")
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    assert (intent.amount, intent.amount_received, intent.currency) == (54_000, 0, "usd")
    assert intent.status == "requires_payment_method"
    assert intent.metadata.to_dict() == ORDER["metadata"]
    assert client.v1.payment_intents.retrieve(intent.id).to_dict() == intent.to_dict()


def test_a_confirmed_intent_is_paid_by_a_charge(client, key):
    intent = paid(client, key)

    assert (intent.status, intent.amount_received) == ("succeeded", 54_000)
    charge = client.v1.charges.retrieve(intent.latest_charge, {"expand": ["balance_transaction"]})
    assert charge.paid
    assert charge.payment_intent == intent.id
    assert charge.payment_method_details.card.last4 == "4242"
    # 2.9 % and 30 cents
    assert (charge.balance_transaction.fee, charge.balance_transaction.net) == (1_596, 52_404)


def test_create_and_confirm_in_one_call(client, key):
    intent = created(client, key, confirm=True, payment_method="pm_card_visa")

    assert intent.status == "succeeded"


def test_a_declined_card_is_a_card_error_and_the_intent_stays_open(client, key):
    intent = created(client, key)

    with pytest.raises(stripe.CardError) as declined:
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_chargeDeclined"})

    assert declined.value.http_status == 402
    assert declined.value.code == "card_declined"
    assert declined.value.error.decline_code == "generic_decline"
    after = client.v1.payment_intents.retrieve(intent.id)
    assert after.status == "requires_payment_method"
    assert after.last_payment_error.charge == after.latest_charge
    again = client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert again.status == "succeeded"


@pytest.mark.parametrize(
    ("method", "received", "currency"),
    [("pm_sandbox_underpay", 53_900, "usd"), ("pm_sandbox_wrong_currency", 54_000, "eur")],
)
def test_some_methods_pay_something_else(client, key, method, received, currency):
    intent = paid(client, key, method)

    assert (intent.amount_received, intent.currency) == (received, currency)


def test_a_cancelled_intent_cannot_be_paid(client, key):
    intent = created(client, key)
    cancelled = client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (cancelled.status, cancelled.cancellation_reason) == ("canceled", "abandoned")

    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})

    assert refused.value.code == "payment_intent_unexpected_state"


def test_a_paid_intent_cannot_be_cancelled(client, key):
    intent = paid(client, key)

    with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
        client.v1.payment_intents.cancel(intent.id)


def test_refunds_take_parts_and_never_more_than_was_paid(client, key):
    intent = paid(client, key)
    first = client.v1.refunds.create({"payment_intent": intent.id, "amount": 4_000})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        client.v1.refunds.create({"payment_intent": intent.id, "amount": 50_001})
    second = client.v1.refunds.create({"charge": intent.latest_charge})
    with pytest.raises(stripe.InvalidRequestError) as over:
        client.v1.refunds.create({"payment_intent": intent.id})

    assert (first.amount, second.amount) == (4_000, 50_000)
    assert (first.status, first.charge) == ("succeeded", intent.latest_charge)
    assert over.value.code == "charge_already_refunded"
    listed = client.v1.refunds.list({"payment_intent": intent.id})
    assert [refund.id for refund in listed.data] == [second.id, first.id]
    assert client.v1.refunds.retrieve(first.id).amount == 4_000
    assert client.v1.charges.retrieve(intent.latest_charge).refunded


def test_an_unpaid_intent_has_nothing_to_refund(client, key):
    intent = created(client, key)

    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        client.v1.refunds.create({"payment_intent": intent.id})


def test_the_same_key_and_parameters_get_the_stored_answer(client, key):
    first = created(client, key)
    again = created(client, key)

    assert again.to_dict() == first.to_dict()
    assert "idempotent-replayed" not in first.last_response.headers
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert again.last_response.headers["original-request"] == first.last_response.request_id


def test_the_same_key_with_other_parameters_is_refused(client, key):
    created(client, key)

    with pytest.raises(stripe.IdempotencyError) as refused:
        created(client, key, amount=54_001)

    assert refused.value.http_status == 400


def test_a_stored_decline_is_replayed_and_charges_nothing(client, key):
    intent = created(client, key)
    options = {"idempotency_key": f"{key}-confirm"}
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            client.v1.payment_intents.confirm(
                intent.id, {"payment_method": "pm_card_chargeDeclined"}, options
            )

    assert len(client.v1.charges.list({"payment_intent": intent.id}).data) == 1


def test_a_failure_of_the_server_is_stored_under_its_key_too(sandbox, client, key):
    sandbox.plant("answer_500", "POST /v1/payment_intents")
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failed:
            created(client, key)
        assert failed.value.http_status == 500

    assert created(client, f"{key}-next").status == "requires_payment_method"


def test_refused_parameters_are_not_stored_under_the_key(client, key):
    with pytest.raises(stripe.InvalidRequestError):
        created(client, key, amount=0)

    assert created(client, key).amount == 54_000


def test_ids_follow_from_the_idempotency_key(client, key, sandbox, tmp_path):
    here = created(client, key)
    elsewhere = type(sandbox)(tmp_path)
    elsewhere.start()
    try:
        there = created(elsewhere.client(), key)
    finally:
        elsewhere.stop()

    assert there.id == here.id


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -5}, "amount"),
        ({"amount": 49}, "amount"),
        ({"amount": 100_000_000}, "amount"),
        ({"amount": "a lot"}, "amount"),
        ({"currency": "xyz"}, "currency"),
        ({"colour": "red"}, "colour"),
        ({"payment_method": "pm_unheard_of"}, "payment_method"),
        ({"metadata": {str(number): "x" for number in range(51)}}, "metadata"),
    ],
)
def test_bad_parameters_are_named(client, key, changes, param):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        created(client, key, **changes)

    assert refused.value.http_status == 400
    assert refused.value.param == param


def test_unknown_objects_are_missing(client):
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.payment_intents.retrieve("pi_nobody")

    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")


@pytest.mark.parametrize("wrong", ["sk_test_wrong", " "])
def test_a_wrong_key_is_refused(sandbox, wrong):
    stranger = stripe.StripeClient(wrong, base_addresses={"api": sandbox.base})

    with pytest.raises(stripe.AuthenticationError) as refused:
        stranger.v1.payment_intents.list()

    assert refused.value.http_status == 401


def test_lists_are_paged_newest_first(client, key):
    made = [created(client, f"{key}-{number}").id for number in range(5)]

    page = client.v1.payment_intents.list({"limit": 2})
    walked = [intent.id for _, intent in zip(range(5), page.auto_paging_iter(), strict=False)]

    assert page.has_more
    assert walked == made[::-1]
    before = client.v1.payment_intents.list({"limit": 2, "ending_before": made[1]})
    assert [intent.id for intent in before.data] == [made[3], made[2]]
    since = page.data[0].created
    assert client.v1.payment_intents.list({"created": {"gt": since + 60}}).data == []


def test_what_happens_becomes_events(client, key):
    intent = paid(client, key)

    events = client.v1.events.list({"limit": 3}).data

    assert [event.type for event in events] == [
        "payment_intent.succeeded",
        "charge.succeeded",
        "payment_intent.created",
    ]
    told = client.v1.events.retrieve(events[0].id).data.object
    assert (told["id"], told["status"]) == (intent.id, "succeeded")
