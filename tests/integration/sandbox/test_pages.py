"""A person pays by hand, on the sandbox's own page."""

import httpx
import pytest

from payment_sandbox import MOLLIE_KEY


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


def session_of(sandbox):
    line = {
        "quantity": 1,
        "price_data": {
            "currency": "usd",
            "product_data": {"name": "Challenge"},
            "unit_amount": 54_000,
        },
    }
    return sandbox.client().v1.checkout.sessions.create(
        {"mode": "payment", "line_items": [line], "success_url": "http://shop.example"}
    )


def press(url, **form):
    secret = url.partition("client_secret=")[2]
    return httpx.post(
        url.partition("?")[0], data={"client_secret": secret, **form}, follow_redirects=True
    )


def mollie_payment(sandbox):
    answer = httpx.post(
        f"{sandbox.base}/v2/payments",
        json={
            "amount": {"currency": "USD", "value": "540.00"},
            "description": "Challenge",
            "redirectUrl": "http://shop.example",
        },
        headers={"Authorization": f"Bearer {MOLLIE_KEY}"},
    )
    return answer.json()["_links"]["checkout"]["href"]


@pytest.fixture(params=["checkout", "mollie"])
def page(request, sandbox):
    """The address of a page on which 540 dollars are to be paid."""
    return session_of(sandbox).url if request.param == "checkout" else mollie_payment(sandbox)


def test_a_page_of_either_provider_takes_the_money_once(page):
    assert "Pay 540.00 USD" in httpx.get(page).text
    assert "540.00 USD paid" in press(page, payment_method="pm_card_visa").text
    assert "540.00 USD paid" in press(page, payment_method="pm_card_visa").text


@pytest.mark.parametrize(("answer", "shows"), [("yes", "540.00 USD paid"), ("no", "")])
def test_the_bank_may_ask_the_buyer(page, answer, shows):
    asked = press(page, payment_method="pm_card_threeDSecure2Required")
    assert "Your bank asks" in asked.text

    after = press(page, confirmed=answer)

    assert shows in after.text
    assert ("paid" in after.text) == (answer == "yes")


def test_a_page_opens_for_nobody_without_its_secret(page):
    assert httpx.get(page[:-1] + ("0" if page[-1] != "0" else "1")).status_code == 404


def test_a_session_that_has_expired_takes_nothing(sandbox):
    session = session_of(sandbox)
    sandbox.client().v1.checkout.sessions.expire(session.id)

    assert "cancelled" in press(session.url, payment_method="pm_card_visa").text
