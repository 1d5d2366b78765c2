"""What is Mollie's own: its page only, payments that end by a decline, its key and its digits."""

from dataclasses import replace

import httpx
import pytest

from payment_sandbox import MOLLIE_KEY
from tradesense.infra import http
from tradesense.infra.policies import own_policy
from tradesense.kernel.errors import OutcomeUnknown, Rejected, Unavailable
from tradesense.kernel.money import Money
from tradesense.payments.model import ProviderStatus, Way
from tradesense.payments.providers.mollie import Mollie


@pytest.fixture
def kind():
    return "mollie-page"


def mollie(client, base, key=MOLLIE_KEY):
    return Mollie(
        client, api_key=key, base=base, home="http://shop", webhooks="http://shop/{}".format
    )


async def test_a_decline_ends_the_payment_and_says_why(shop):
    seen = await shop.paid("pm_card_chargeDeclinedInsufficientFunds")

    assert seen.status is ProviderStatus.CANCELLED
    assert (seen.decline_id, seen.decline_reason) == (seen.ref, "insufficient_funds")


async def test_programs_do_not_pay_at_mollie(shop):
    with pytest.raises(Rejected, match="on its page"):
        await shop.offered(way=Way.DIRECT)


@pytest.mark.parametrize(("minor", "currency"), [(54_000, "JPY"), (1, "EUR"), (54_005, "GBP")])
async def test_amounts_keep_their_digits(shop, minor, currency):
    amount = Money(minor, currency)
    offer = await shop.provider.create_intent(replace(shop.asked, amount=amount))

    assert (offer.amount_minor, offer.currency) == (minor, currency)


async def test_an_offer_is_found_on_a_later_page(shop):
    offer = await shop.offered()
    client = httpx.AsyncClient(headers={"Authorization": f"Bearer {MOLLIE_KEY}"})
    body = {
        "amount": {"currency": "EUR", "value": "1.00"},
        "description": "Another",
        "redirectUrl": "http://shop",
    }
    async with client:
        for _ in range(251):
            answer = await client.post(f"{shop.sandbox.base}/v2/payments", json=body)
            assert answer.status_code == 201

    assert await shop.provider.find(shop.asked.payment_id) == offer


async def test_a_wrong_key_is_ours_to_mend_and_nothing_has_happened(shop):
    async with http.client(own_policy("tests")) as client:
        with pytest.raises(Unavailable):
            await mollie(client, shop.sandbox.base, "test_wrong").create_intent(shop.asked)


async def test_a_provider_that_does_not_listen_did_nothing(shop):
    async with http.client(own_policy("tests")) as client:
        with pytest.raises(Unavailable):
            await mollie(client, "http://127.0.0.1:9").create_intent(shop.asked)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(201, text="<html>"),
        httpx.Response(201, json=[]),
        httpx.Response(201, json={"id": "tr_1", "status": "new"}),
        httpx.Response(502, text="<html>"),
    ],
)
async def test_nonsense_leaves_the_outcome_unknown(shop, answer):
    transport = httpx.MockTransport(lambda _: answer)
    async with http.client(own_policy("tests"), transport=transport) as client:
        with pytest.raises(OutcomeUnknown):
            await mollie(client, "http://mollie").create_intent(shop.asked)


async def test_our_key_goes_to_no_address_that_an_answer_names(shop):
    asked = []

    def answer(request):
        asked.append(request.url.host)
        links = {"next": {"href": "http://thief.example/v2/payments?from=tr_2"}}
        found = {"payments": []}
        return httpx.Response(200, json={"_embedded": found, "_links": links})

    transport = httpx.MockTransport(answer)
    async with http.client(own_policy("tests"), transport=transport) as client:
        assert await mollie(client, "http://mollie").find(shop.asked.payment_id) is None

    assert set(asked) == {"mollie"}
