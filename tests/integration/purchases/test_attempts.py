"""Two providers for one purchase: who is asked next, and that nobody pays twice."""

import pytest

from purchase_world import CARDS, PRICE_MINOR, PURCHASE, USER, Till
from tradesense import payments, purchases
from tradesense.kernel.ids import derive
from tradesense.payments.model import AttemptStatus, PaymentStatus, ProviderStatus
from tradesense.purchases import PurchaseStatus, service

PAYMENT = derive(PURCHASE, "payment")
REF = f"pi_{PAYMENT.hex}"


@pytest.fixture
def two(shop):
    shop.other = Till(name="mollie", tariff=CARDS)
    return shop


async def payment(shop):
    async with shop.runtime.db.reading() as tx:
        return await payments.find_payment(tx, PAYMENT)


async def standing(shop):
    return {each.provider: each.status for each in (await payment(shop)).attempts}


async def other_way(shop, provider=None):
    await shop.runtime.db.repeat(
        lambda tx: service.pay_otherwise(
            tx, PURCHASE, user_id=USER, provider=provider, way=None, return_url=""
        )
    )


async def assert_sold_once(shop, provider):
    assert (await shop.purchase()).status is PurchaseStatus.ACTIVE
    assert len(await shop.challenges()) == 1
    assert await shop.balances() == {
        f"clearing:{provider}:USD": PRICE_MINOR,
        "challenge-revenue:USD": PRICE_MINOR,
    }


@pytest.mark.parametrize("fault", ["away", "no"])
async def test_the_next_provider_is_asked_at_once(two, fault):
    two.till.faults["create"] = [fault]
    await two.buy()
    await two.work()
    two.other.pay()
    await two.end()

    assert two.till.intents == {}
    await assert_sold_once(two, "mollie")


async def test_an_offer_without_an_answer_is_found_and_used(two):
    two.till.faults["create"] = ["silent"]
    await two.buy()
    await two.work()

    assert two.other.intents == {}
    assert await standing(two) == {"stripe": AttemptStatus.OFFERED}


@pytest.fixture
async def orphaned(two):
    """The first provider made an offer, did not answer, and could not be asked what it did."""
    two.till.faults = {"create": ["silent"], "find": ["away"]}
    await two.buy()
    await two.work()
    return two


async def test_an_offer_that_nobody_was_shown_is_withdrawn_later(orphaned):
    assert (await payment(orphaned)).offer.provider == "mollie"
    await orphaned.end()

    assert orphaned.till.intents[REF].status is ProviderStatus.CANCELLED
    assert (await standing(orphaned))["stripe"] is AttemptStatus.WITHDRAWN
    orphaned.other.pay()
    await orphaned.end()
    await assert_sold_once(orphaned, "mollie")


async def test_when_both_are_paid_the_second_goes_back(orphaned):
    orphaned.till.faults["find"] = ["away"] * 6
    orphaned.other.pay()
    orphaned.till.pay()
    await orphaned.end()

    await assert_sold_once(orphaned, "mollie")
    assert [each.amount_minor for each in orphaned.till.refunds.values()] == [PRICE_MINOR]
    assert orphaned.other.refunds == {}
    kinds = await orphaned.kinds(f"purchase:{PURCHASE}")
    assert kinds.count("PurchaseOverpaid") == 1


async def test_with_everybody_away_the_purchase_waits_and_the_buyer_is_told_once(two):
    two.till.faults["create"] = ["away"] * 4
    two.other.faults["create"] = ["away"] * 4
    await two.buy()
    await two.end(rounds=2)

    held = await payment(two)
    assert (held.is_held, held.status) == (True, PaymentStatus.REQUESTED)
    await two.end()
    two.till.pay() if two.till.intents else two.other.pay()
    await two.end()
    assert (await two.purchase()).status is PurchaseStatus.ACTIVE
    kinds = await two.kinds(f"purchase:{PURCHASE}")
    assert kinds.count("PurchaseDelayed") == 1


async def test_another_way_to_pay_takes_the_place_of_the_first(two):
    await two.buy()
    await two.work()
    await other_way(two)
    await two.work()

    assert (await payment(two)).offer.provider == "mollie"
    await two.end()
    assert two.till.intents[REF].status is ProviderStatus.CANCELLED
    two.other.pay()
    await two.end()
    await assert_sold_once(two, "mollie")


async def test_both_ways_paid_the_first_is_honoured_and_the_second_refunded(two):
    await two.buy()
    await two.work()
    two.till.faults["cancel"] = ["away"] * 3
    await other_way(two)
    await two.work()
    two.till.pay()
    await two.end()
    assert (await two.purchase()).status is PurchaseStatus.ACTIVE
    two.other.change(REF, status=ProviderStatus.SUCCEEDED, received_minor=PRICE_MINOR)
    seen = two.other.intents[REF]
    await two.runtime.db.repeat(
        lambda tx: payments.settle(tx, payment_id=PAYMENT, seen=seen, now=two.runtime.now())
    )
    await two.end()

    await assert_sold_once(two, "stripe")
    assert len(two.other.refunds) == 1


async def test_a_wish_that_nobody_can_grant_leaves_the_offer_as_it_is(shop):
    await shop.buy()
    await shop.work()
    await other_way(shop)
    await shop.end(rounds=1)

    assert await standing(shop) == {"stripe": AttemptStatus.OFFERED}
    assert (await shop.kinds(f"payment:{PAYMENT}"))[-1] == "OtherWayRefused"
    with pytest.raises(payments.NobodyTakesIt, match="has made its offer"):
        await other_way(shop, "stripe")
    shop.till.pay()
    await shop.end()
    with pytest.raises(service.NothingToPay):
        await other_way(shop)
    assert purchases.PurchaseStatus.ACTIVE is (await shop.purchase()).status
