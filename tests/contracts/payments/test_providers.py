"""What every payment provider of ours promises; so far there is one."""

from uuid import UUID

import pytest
import stripe

from payment_sandbox import API_KEY
from tradesense.infra import http
from tradesense.infra.db import inside_transaction
from tradesense.infra.policies import own_policy
from tradesense.kernel.errors import (
    InvariantBroken,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Unavailable,
)
from tradesense.kernel.money import Money
from tradesense.payments.model import (
    IntentAsked,
    Provider,
    ProviderStatus,
    RefundAsked,
    RefundStatus,
)
from tradesense.payments.providers.stripe import Stripe

PRICE = Money(54_000, "USD")


@pytest.fixture
async def provider(sandbox):
    async with http.client(own_policy("tests")) as client:
        yield Stripe(client, api_key=API_KEY, base=sandbox.base)


@pytest.fixture
def asked(chance):
    return IntentAsked(
        payment_id=UUID(int=chance.getrandbits(128)),
        purchase_id=UUID(int=chance.getrandbits(128)),
        amount=PRICE,
    )


def intents_of(client, asked):
    return [
        intent
        for intent in client.v1.payment_intents.list({"limit": 100}).auto_paging_iter()
        if intent.metadata.to_dict().get("tradesense_payment") == str(asked.payment_id)
    ]


def refund_of(seen, chance, amount_minor=54_000):
    return RefundAsked(
        refund_id=UUID(int=chance.getrandbits(128)),
        provider_ref=seen.ref,
        amount_minor=amount_minor,
        currency="USD",
    )


async def test_an_offer_says_what_was_asked_for(provider: Provider, asked):
    seen = await provider.create_intent(asked)

    assert seen.provider == provider.name
    assert seen.payment_id == asked.payment_id
    assert (seen.amount_minor, seen.currency, seen.received_minor) == (54_000, "USD", 0)
    assert seen.status is ProviderStatus.OPEN
    assert seen.client_secret
    assert seen.client_secret not in repr(seen)
    assert await provider.fetch(seen.ref) == seen


async def test_an_offer_repeated_is_the_same_offer(provider, asked, client):
    first, again = await provider.create_intent(asked), await provider.create_intent(asked)

    assert again == first
    assert len(intents_of(client, asked)) == 1


async def test_a_failure_that_is_stored_under_the_key_is_walked_around(
    provider, asked, client, sandbox
):
    sandbox.plant("answer_500", "POST /v1/payment_intents", times=2)

    seen = await provider.create_intent(asked)

    assert await provider.create_intent(asked) == seen
    assert len(intents_of(client, asked)) == 1


async def test_a_provider_that_keeps_failing_leaves_the_outcome_unknown(provider, asked, sandbox):
    sandbox.plant("answer_500", "POST /v1/payment_intents", times=3)

    with pytest.raises(OutcomeUnknown):
        await provider.create_intent(asked)


async def test_a_payment_is_seen_as_received(provider, asked, sandbox):
    offer = await provider.create_intent(asked)
    sandbox.pay(offer.ref)

    seen = await provider.fetch(offer.ref)

    assert (seen.status, seen.received_minor) == (ProviderStatus.SUCCEEDED, 54_000)


async def test_a_decline_is_seen_and_leaves_the_payment_open(provider, asked, sandbox):
    offer = await provider.create_intent(asked)
    sandbox.pay(offer.ref, "pm_card_chargeDeclinedInsufficientFunds")

    seen = await provider.fetch(offer.ref)

    assert seen.status is ProviderStatus.OPEN
    assert seen.decline_id
    assert seen.decline_reason == "insufficient_funds"


async def test_cancelling_says_what_became_of_the_payment(provider, asked):
    offer = await provider.create_intent(asked)

    assert (await provider.cancel(offer.ref)).status is ProviderStatus.CANCELLED
    assert (await provider.cancel(offer.ref)).status is ProviderStatus.CANCELLED


async def test_cancelling_too_late_shows_the_money(provider, asked, sandbox):
    offer = await provider.create_intent(asked)
    sandbox.pay(offer.ref)

    seen = await provider.cancel(offer.ref)

    assert (seen.status, seen.received_minor) == (ProviderStatus.SUCCEEDED, 54_000)


async def test_a_refund_repeated_sends_money_once(provider, asked, sandbox, client, chance):
    offer = await provider.create_intent(asked)
    sandbox.pay(offer.ref)
    refund = refund_of(offer, chance)

    first, again = await provider.refund(refund), await provider.refund(refund)

    assert again == first
    assert (first.status, first.refund_id) == (RefundStatus.SUCCEEDED, refund.refund_id)
    assert len(client.v1.refunds.list({"payment_intent": offer.ref}).data) == 1


async def test_a_refund_whose_failure_was_stored_is_made_under_the_next_key(
    provider, asked, sandbox, client, chance
):
    offer = await provider.create_intent(asked)
    sandbox.pay(offer.ref)
    sandbox.plant("answer_500", "POST /v1/refunds")

    refunded = await provider.refund(refund_of(offer, chance, 1_000))

    assert refunded.amount_minor == 1_000
    assert len(client.v1.refunds.list({"payment_intent": offer.ref}).data) == 1


async def test_a_refund_beyond_what_was_paid_is_refused(provider, asked, sandbox, chance):
    offer = await provider.create_intent(asked)
    sandbox.pay(offer.ref)

    with pytest.raises(Rejected, match="greater than unrefunded amount"):
        await provider.refund(refund_of(offer, chance, 54_001))


async def test_an_unknown_payment_is_not_found(provider):
    with pytest.raises(NotFound):
        await provider.fetch("pi_nobody")


async def test_a_refused_amount_is_refused(provider, asked):
    tiny = IntentAsked(
        payment_id=asked.payment_id, purchase_id=asked.purchase_id, amount=Money(1, "USD")
    )

    with pytest.raises(Rejected, match="at least 50"):
        await provider.create_intent(tiny)


async def test_a_wrong_key_is_ours_to_mend_and_nothing_has_happened(sandbox, asked):
    async with http.client(own_policy("tests")) as client:
        stranger = Stripe(client, api_key="sk_test_wrong", base=sandbox.base)
        with pytest.raises(Unavailable):
            await stranger.create_intent(asked)


async def test_a_provider_that_does_not_listen_did_nothing(asked):
    async with http.client(own_policy("tests")) as client:
        away = Stripe(client, api_key=API_KEY, base="http://127.0.0.1:9")
        with pytest.raises(Unavailable):
            await away.create_intent(asked)


async def test_one_key_for_two_things_is_our_mistake(provider, asked):
    await provider.create_intent(asked)
    other = IntentAsked(
        payment_id=asked.payment_id, purchase_id=asked.purchase_id, amount=Money(1_000, "USD")
    )

    with pytest.raises(InvariantBroken):
        await provider.create_intent(other)


async def test_nothing_is_sent_inside_a_transaction(provider, asked):
    token = inside_transaction.set(True)
    try:
        with pytest.raises(InvariantBroken, match="inside a transaction"):
            await provider.create_intent(asked)
    finally:
        inside_transaction.reset(token)


def test_the_package_is_the_official_one():
    assert stripe.VERSION.split(".")[0] >= "16"
