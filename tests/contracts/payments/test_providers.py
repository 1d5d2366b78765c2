"""
What every payment provider of ours promises, in every way of paying.

Money that is reserved first is in `test_reserved.py`.
"""

import asyncio
from dataclasses import replace

import pytest
import stripe

from payment_sandbox import MOLLIE_KEY
from payment_shops import KINDS, Can, needs
from tradesense.infra.db import inside_transaction
from tradesense.infra.policies import platform_policies
from tradesense.kernel.errors import (
    InvariantBroken,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Unavailable,
)
from tradesense.kernel.money import Money
from tradesense.payments.model import DisputeStatus, ProviderStatus, RefundStatus, Way
from tradesense.payments.opening import open_providers


async def test_every_provider_that_can_be_opened_is_asked_here_in_every_way_it_takes(runtime):
    settings = replace(runtime.settings, mollie_api_key=MOLLIE_KEY)
    all_set_up = replace(runtime, settings=settings, policies=platform_policies(settings))

    async with open_providers(all_set_up) as providers:
        ways = {f"{each.name}-{way}" for each in providers for way in each.tariff.ways}

    assert ways == set(KINDS)


async def test_an_offer_says_what_was_asked_for(shop):
    seen = await shop.offered()

    assert seen.provider == shop.provider.name
    assert seen.payment_id == shop.asked.payment_id
    assert (seen.amount_minor, seen.currency, seen.received_minor) == (54_000, shop.currency, 0)
    assert seen.status is ProviderStatus.OPEN
    assert (seen.refunds, seen.disputes) == ((), ())
    assert await shop.provider.fetch(seen.ref) == seen


async def test_an_offer_leads_the_buyer_to_where_they_pay_and_says_so_to_nobody_else(shop):
    seen = await shop.offered()

    opens = seen.pay_url if shop.asked.way is Way.PAGE else seen.client_secret
    assert opens
    assert opens not in repr(seen)
    assert shop.asked.way in shop.provider.tariff.ways
    assert seen.currency in shop.provider.tariff.currencies


async def test_an_offer_repeated_is_the_same_offer(shop):
    first, again = await shop.offered(), await shop.offered()

    assert again == first
    assert shop.count_offers(shop.asked.payment_id) == 1


async def test_offers_asked_for_at_once_are_one(shop):
    outcomes = await asyncio.gather(*(shop.offered() for _ in range(5)), return_exceptions=True)

    refs = {seen.ref for seen in outcomes if not isinstance(seen, OutcomeUnknown)}
    assert len(refs) == 1
    assert shop.count_offers(shop.asked.payment_id) == 1


async def test_an_offer_is_found_by_our_own_id(shop):
    offer = await shop.offered()

    assert await shop.provider.find(shop.asked.payment_id) == offer


async def test_what_was_never_offered_is_not_found(shop):
    assert await shop.provider.find(shop.new_id()) is None


@needs(Can.FAIL)
@pytest.mark.parametrize("fault", ["fail_after", "reset_after"])
async def test_an_offer_whose_answer_was_lost_is_found(shop, fault):
    shop.sandbox.plant(fault, shop.offer_route)
    try:
        offer = await shop.offered()
    except OutcomeUnknown:
        offer = await shop.provider.find(shop.asked.payment_id)

    assert offer is not None
    assert await shop.offered() == offer
    assert shop.count_offers(shop.asked.payment_id) == 1
    assert [fault["met"] for fault in shop.sandbox.planted()] == [1]


@needs(Can.FAIL)
@pytest.mark.parametrize("after_bytes", [1, 30, 200, 700])
async def test_an_answer_that_breaks_off_leaves_the_outcome_unknown_and_repeats(shop, after_bytes):
    shop.sandbox.plant("cut_answer", shop.offer_route, after_bytes=after_bytes)

    with pytest.raises(OutcomeUnknown):
        await shop.offered()

    assert await shop.offered() == await shop.provider.find(shop.asked.payment_id)
    assert shop.count_offers(shop.asked.payment_id) == 1


@needs(Can.FAIL)
async def test_a_failure_that_is_stored_under_the_key_is_walked_around(shop):
    shop.sandbox.plant("answer_500", shop.offer_route, times=2)

    seen = await shop.offered()

    assert await shop.offered() == seen
    assert shop.count_offers(shop.asked.payment_id) == 1


@needs(Can.FAIL)
async def test_a_provider_that_keeps_failing_leaves_the_outcome_unknown(shop):
    shop.sandbox.plant("answer_500", shop.offer_route, times=3)

    with pytest.raises(OutcomeUnknown):
        await shop.offered()


@needs(Can.FAIL)
@pytest.mark.parametrize("retry_after", [None, "1"])
async def test_a_provider_that_asks_for_patience_did_nothing(shop, retry_after):
    shop.sandbox.plant("answer_429", shop.offer_route, retry_after=retry_after)

    with pytest.raises(Unavailable):
        await shop.offered()

    assert shop.count_offers(shop.asked.payment_id) == 0


async def test_a_payment_is_seen_as_received(shop):
    seen = await shop.paid()

    assert (seen.status, seen.received_minor) == (ProviderStatus.SUCCEEDED, 54_000)
    assert seen.payment_id == shop.asked.payment_id


async def test_a_paid_offer_asked_for_again_is_not_a_second_one(shop):
    paid = await shop.paid()

    assert (await shop.offered()).ref == paid.ref
    assert shop.count_offers(shop.asked.payment_id) == 1


@needs(Can.CARD)
@pytest.mark.parametrize("confirmed", [True, False])
async def test_the_buyers_bank_may_ask_first(shop, confirmed):
    waiting = await shop.paid("pm_card_threeDSecure2Required")
    assert (waiting.status, waiting.received_minor) == (ProviderStatus.OPEN, 0)

    shop.sandbox.authenticate(waiting.ref, confirmed=confirmed)

    seen = await shop.provider.fetch(waiting.ref)
    if confirmed:
        assert seen.status is ProviderStatus.SUCCEEDED
    else:  # at Mollie a payment that failed stays so
        assert seen.status in {ProviderStatus.OPEN, ProviderStatus.CANCELLED}
        assert seen.decline_id
        assert "authentication" in seen.decline_reason


@needs(Can.TAKE_ANY_AMOUNT)
@pytest.mark.parametrize(("amount", "minor"), [("539.99", 53_999), ("540.01", 54_001)])
async def test_another_amount_than_asked_for_is_seen_as_it_came_and_may_go_back(
    shop, amount, minor
):
    seen = await shop.paid(amount)

    assert (seen.status, seen.amount_minor) == (ProviderStatus.SUCCEEDED, 54_000)
    assert seen.received_minor == minor
    assert (await shop.provider.refund(shop.refund_of(seen, minor))).amount_minor == minor
    with pytest.raises(Rejected):
        await shop.provider.refund(shop.refund_of(seen, 1))


async def test_cancelling_says_what_became_of_the_payment(shop):
    offer = await shop.offered()

    assert (await shop.provider.cancel(offer.ref)).status is ProviderStatus.CANCELLED
    assert (await shop.provider.cancel(offer.ref)).status is ProviderStatus.CANCELLED


async def test_cancelling_too_late_shows_the_money(shop):
    offer = await shop.paid()

    seen = await shop.provider.cancel(offer.ref)

    assert (seen.status, seen.received_minor) == (ProviderStatus.SUCCEEDED, 54_000)


async def test_a_refund_repeated_sends_money_once(shop):
    paid = await shop.paid()
    asked = shop.refund_of(paid)

    first, again = await shop.provider.refund(asked), await shop.provider.refund(asked)

    assert (again.ref, again.amount_minor) == (first.ref, 54_000)
    assert first.refund_id == asked.refund_id
    assert first.status in {RefundStatus.REQUESTED, RefundStatus.SUCCEEDED}
    assert shop.count_refunds(paid.ref) == 1


async def test_a_refund_asked_for_at_once_is_one(shop):
    asked = shop.refund_of(paid := await shop.paid(), 10_000)

    told = await asyncio.gather(
        *(shop.provider.refund(asked) for _ in range(4)), return_exceptions=True
    )

    refs = {refund.ref for refund in told if not isinstance(refund, OutcomeUnknown | Unavailable)}
    assert len(refs) == 1
    assert shop.count_refunds(paid.ref) == 1


async def test_refunds_at_once_never_send_more_than_came(shop):
    paid = await shop.paid()
    asked = [shop.refund_of(paid, 20_000) for _ in range(5)]

    told = await asyncio.gather(*map(shop.provider.refund, asked), return_exceptions=True)

    assert sum(isinstance(each, Rejected) for each in told) == 3
    assert shop.count_refunds(paid.ref) == 2


async def test_refunds_may_be_many_and_are_part_of_the_view(shop):
    paid = await shop.paid()
    asked = [shop.refund_of(paid, amount) for amount in (10_000, 20_000, 24_000)]
    for refund in asked:
        await shop.provider.refund(refund)

    seen = await shop.provider.fetch(paid.ref)

    assert {refund.refund_id for refund in seen.refunds} == {one.refund_id for one in asked}
    assert sum(refund.amount_minor for refund in seen.refunds) == 54_000
    assert seen.status is ProviderStatus.SUCCEEDED


@needs(Can.FAIL)
async def test_a_refund_whose_answer_was_lost_is_made_once(shop):
    paid = await shop.paid()
    asked = shop.refund_of(paid, 1_000)
    shop.sandbox.plant("reset_after", f"{shop.refund_route}*")
    with pytest.raises(OutcomeUnknown):
        await shop.provider.refund(asked)

    await shop.provider.refund(asked)

    assert shop.count_refunds(paid.ref) == 1


@needs(Can.FAIL)
async def test_a_refund_whose_failure_was_stored_is_made_under_the_next_key(shop):
    paid = await shop.paid()
    shop.sandbox.plant("answer_500", f"{shop.refund_route}*")

    refunded = await shop.provider.refund(shop.refund_of(paid, 1_000))

    assert refunded.amount_minor == 1_000
    assert shop.count_refunds(paid.ref) == 1


async def test_a_refund_beyond_what_was_paid_is_refused(shop):
    paid = await shop.paid()
    await shop.provider.refund(shop.refund_of(paid, 50_000))

    with pytest.raises(Rejected):
        await shop.provider.refund(shop.refund_of(paid, 4_001))


async def test_what_was_not_paid_is_not_refunded(shop):
    offer = await shop.offered()

    with pytest.raises(Rejected):
        await shop.provider.refund(shop.refund_of(offer, 1_000))


@needs(Can.CARD)
async def test_a_refund_that_does_not_arrive_is_seen_as_failed(shop):
    paid = await shop.paid("pm_card_refundFail")
    asked = shop.refund_of(paid, 1_000)
    await shop.provider.refund(asked)

    [refund] = (await shop.provider.fetch(paid.ref)).refunds

    assert refund.status is RefundStatus.FAILED
    assert (await shop.provider.refund(asked)).status is RefundStatus.FAILED
    assert shop.count_refunds(paid.ref) == 1


@needs(Can.CARD)
async def test_a_dispute_is_seen_with_the_payment(shop):
    paid = await shop.paid()
    shop.sandbox.dispute(paid.ref)

    [dispute] = (await shop.provider.fetch(paid.ref)).disputes

    assert (dispute.payment_ref, dispute.provider) == (paid.ref, paid.provider)
    assert (dispute.amount_minor, dispute.currency) == (54_000, shop.currency)
    assert dispute.status is not DisputeStatus.WON
    assert dispute.is_withdrawn


@needs(Can.CARD)
async def test_a_dispute_that_is_won_brings_the_money_back(shop):
    paid = await shop.paid()
    shop.sandbox.conclude(shop.sandbox.dispute(paid.ref), "won")

    [dispute] = (await shop.provider.fetch(paid.ref)).disputes

    assert dispute.status is DisputeStatus.WON
    assert not dispute.is_withdrawn


async def test_an_unknown_payment_is_not_found(shop):
    offer = await shop.offered()

    with pytest.raises(NotFound):
        await shop.provider.fetch(f"{offer.ref[:3]}nobody")


async def test_nothing_is_sent_inside_a_transaction(shop):
    token = inside_transaction.set(True)
    try:
        with pytest.raises(InvariantBroken, match="a transaction"):
            await shop.offered()
    finally:
        inside_transaction.reset(token)


async def test_one_key_for_two_things_is_our_mistake(shop):
    await shop.offered()

    with pytest.raises(InvariantBroken):
        await shop.provider.create_intent(replace(shop.asked, amount=Money(1_000, shop.currency)))


def test_the_package_is_the_official_one():
    assert stripe.VERSION.split(".")[0] >= "16"
