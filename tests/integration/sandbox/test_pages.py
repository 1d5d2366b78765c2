"""A person pays by hand, on the sandbox's own page."""

import httpx
import pytest


@pytest.fixture
def intent(sandbox):
    return sandbox.client().v1.payment_intents.create({"amount": 54_000, "currency": "usd"})


def pay(intent, method, secret=None):
    return httpx.post(
        intent.sandbox_pay_url.partition("?")[0],
        data={"client_secret": secret or intent.client_secret, "payment_method": method},
        follow_redirects=True,
    )


def test_the_page_shows_the_price_and_the_cards(intent):
    page = httpx.get(intent.sandbox_pay_url)

    assert page.status_code == 200
    assert "Pay 540.00 USD" in page.text
    assert 'value="pm_card_visa" checked' in page.text


def test_a_card_that_pays_pays_once(sandbox, intent):
    assert "540.00 USD paid" in pay(intent, "pm_card_visa").text
    assert "540.00 USD paid" in pay(intent, "pm_card_visa").text

    assert len(sandbox.client().v1.charges.list({"payment_intent": intent.id}).data) == 1


def test_a_declined_card_may_be_followed_by_another(intent):
    assert "Your card was declined" in pay(intent, "pm_card_chargeDeclined").text
    assert "540.00 USD paid" in pay(intent, "pm_card_mastercard").text


@pytest.mark.parametrize("secret", ["wrong", "pi_x_secret_y", "\u00e9"])
def test_without_the_secret_nothing_opens(sandbox, intent, secret):
    answer = pay(intent, "pm_card_visa", secret)

    assert answer.status_code in {400, 404}
    status = sandbox.client().v1.payment_intents.retrieve(intent.id).status
    assert status == "requires_payment_method"


def test_an_unknown_card_pays_nothing(sandbox, intent):
    page = pay(intent, "<script>")

    assert "<script>" not in page.text
    status = sandbox.client().v1.payment_intents.retrieve(intent.id).status
    assert status == "requires_payment_method"


def test_a_cancelled_payment_says_so(sandbox, intent):
    sandbox.client().v1.payment_intents.cancel(intent.id)

    assert "was cancelled" in httpx.get(intent.sandbox_pay_url).text
