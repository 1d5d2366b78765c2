"""What is Stripe's own: refusals, declines, addresses and keys."""

from dataclasses import replace

import pytest

from payment_sandbox import API_KEY
from tradesense.infra import http
from tradesense.infra.policies import own_policy
from tradesense.kernel.errors import Rejected, Unavailable
from tradesense.kernel.money import Money
from tradesense.payments.model import ProviderStatus
from tradesense.payments.providers.stripe import Stripe


@pytest.fixture(params=["stripe-direct", "stripe-page"])
def kind(request):
    return request.param


async def test_a_decline_is_seen_and_leaves_the_payment_open(shop):
    seen = await shop.paid("pm_card_chargeDeclinedInsufficientFunds")

    assert seen.status is ProviderStatus.OPEN
    assert seen.decline_id
    assert seen.decline_reason == "insufficient_funds"


async def test_a_planted_decline_says_why(shop):
    offer = await shop.offered()
    shop.sandbox.plant("decline", "pi_*", code="do_not_honor")
    shop.sandbox.pay(offer.ref)

    assert (await shop.provider.fetch(offer.ref)).decline_reason == "do_not_honor"


async def test_a_refused_amount_is_refused(shop):
    with pytest.raises(Rejected, match="at least 50"):
        await shop.provider.create_intent(replace(shop.asked, amount=Money(1, "USD")))


async def test_a_payment_is_the_same_by_its_intent(shop, sandbox):
    paid = await shop.paid()
    client = sandbox.client()
    intent = paid.ref
    if paid.ref.startswith("cs_"):
        intent = client.v1.checkout.sessions.retrieve(paid.ref).payment_intent

    assert await shop.provider.fetch(intent) == paid


async def test_a_failure_to_cancel_that_is_stored_is_walked_around(shop):
    offer = await shop.offered()
    shop.sandbox.plant("answer_500", "POST /v1/*/*/expire")
    shop.sandbox.plant("answer_500", "POST /v1/*/*/cancel")

    assert (await shop.provider.cancel(offer.ref)).status is ProviderStatus.CANCELLED


async def test_a_wrong_key_is_ours_to_mend_and_nothing_has_happened(shop, sandbox):
    async with http.client(own_policy("tests")) as client:
        stranger = Stripe(client, api_key="sk_test_wrong", base=sandbox.base)
        with pytest.raises(Unavailable):
            await stranger.create_intent(shop.asked)


async def test_a_provider_that_does_not_listen_did_nothing(shop):
    async with http.client(own_policy("tests")) as client:
        away = Stripe(client, api_key=API_KEY, base="http://127.0.0.1:9")
        with pytest.raises(Unavailable):
            await away.create_intent(shop.asked)
