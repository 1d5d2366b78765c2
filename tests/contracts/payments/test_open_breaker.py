"""What a caller hears of Stripe while its breaker rests: nothing happened, unless it may have."""

from uuid import UUID

import pytest

from payment_sandbox import API_KEY
from tradesense.infra import http
from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.kernel.money import Money
from tradesense.payments.model import IntentAsked
from tradesense.payments.providers.stripe import Stripe
from tradesense.resilience import BreakerSettings, Policy, PolicySettings, Streak, presets


def judged_by(failures):
    breaker = BreakerSettings(window=Streak(failures=failures))
    return Policy("stripe", http.judging(PolicySettings(breaker=breaker)))


@pytest.fixture
def asked(chance):
    payment_id, purchase_id = (UUID(int=chance.getrandbits(128)) for _ in range(2))
    return IntentAsked(payment_id=payment_id, purchase_id=purchase_id, amount=Money(54_000, "USD"))


async def test_a_call_that_was_not_made_did_not_happen(sandbox, asked):
    policy = judged_by(1)
    policy.breaker.force_open("maintenance")
    async with http.client(policy) as client:
        provider = Stripe(client, api_key=API_KEY, base=sandbox.base)
        with pytest.raises(Unavailable, match="stripe rests"):
            await provider.create_intent(asked)


async def test_a_failure_that_cannot_be_looked_up_may_have_happened(sandbox, asked):
    sandbox.plant("answer_500", "POST /v1/payment_intents")
    async with http.client(judged_by(1)) as client:  # the 500 opens it: no look-up is made
        provider = Stripe(client, api_key=API_KEY, base=sandbox.base)
        with pytest.raises(OutcomeUnknown, match="nor can it be looked up"):
            await provider.create_intent(asked)


async def test_five_answers_of_500_open_the_breaker_and_nothing_more_is_sent(sandbox, asked):
    sandbox.plant("answer_500", "POST /v1/payment_intents", times=3)
    sandbox.plant("answer_500", "GET /v1/payment_intents", times=2)
    policy = Policy("stripe", http.judging(presets.payments()))
    async with http.client(policy) as client:
        provider = Stripe(client, api_key=API_KEY, base=sandbox.base)
        for _ in range(2):  # each is a call and its look-up
            with pytest.raises(OutcomeUnknown):
                await provider.create_intent(asked)
        assert policy.breaker.snapshot().failures == presets.PAYMENT_FAILURES - 1
        with pytest.raises(OutcomeUnknown):  # the fifth opens it, its look-up is not sent
            await provider.create_intent(asked)
        made = sum(policy.snapshot().latency.counts)
        with pytest.raises(Unavailable):
            await provider.create_intent(asked)
    assert made == presets.PAYMENT_FAILURES
    assert sum(policy.snapshot().latency.counts) == made
    assert policy.breaker.snapshot().why == "5 failures in a row"
