"""A paid purchase ends with one challenge or its money back; whatever else happens."""

from dataclasses import replace
from datetime import timedelta

import pytest

from purchase_world import PLAN, PRICE_MINOR, PURCHASE, USER
from tradesense import ledger, payments, purchases, trail
from tradesense.kernel.ids import derive
from tradesense.payments.model import ProviderStatus
from tradesense.purchases import PurchaseDiffers, PurchaseStatus, UnknownPurchase, WrongPrice
from tradesense.purchases.jobs import PAY_WITHIN_S
from tradesense.sagas import State

CLEARING, REVENUE = "clearing:stripe:USD", "challenge-revenue:USD"
TERM = timedelta(seconds=PAY_WITHIN_S)


async def offered(shop):
    await shop.buy()
    await shop.work()
    assert (await shop.saga()).waits_for == "payment"


async def hear_of(shop, seen):
    """Settle what the till shows, as after a webhook."""
    await shop.runtime.db.repeat(
        lambda tx: payments.settle(
            tx, payment_id=seen.payment_id, seen=seen, now=shop.runtime.now()
        )
    )


async def assert_no_challenge_and_no_money_kept(shop):
    assert await shop.challenges() == []
    assert await shop.balances() == {}
    assert (await shop.saga()).state is State.COMPENSATED


async def test_who_pays_gets_one_challenge_and_the_price_is_earned(shop):
    await offered(shop)
    shop.till.pay()
    await shop.end()

    purchase = await shop.purchase()
    assert (purchase.status, purchase.reason) == (PurchaseStatus.ACTIVE, None)
    assert await shop.challenges() == [(derive(PURCHASE, "challenge"), PURCHASE)]
    assert await shop.balances() == {CLEARING: PRICE_MINOR, REVENUE: PRICE_MINOR}
    assert (await shop.saga()).state is State.COMPLETED
    assert shop.till.calls.count("create") == 1
    assert await shop.kinds(f"purchase:{PURCHASE}") == [
        "PurchaseOpened",
        "PurchasePaid",
        "PurchaseActivated",
    ]
    assert await shop.kinds(f"saga:{PURCHASE}") == [
        "SagaStarted",
        "StepDone",
        "StepDone",
        "StepDone",
        "StepDone",
        "SagaCompleted",
    ]


async def test_the_trail_tells_who_bought_and_why_the_price_was_earned(shop):
    await offered(shop)
    shop.till.pay()
    await shop.end()

    async with shop.runtime.db.reading() as tx:
        opened = (await trail.read_stream(tx, f"purchase:{PURCHASE}"))[0]
        (earned,) = await trail.read_stream(tx, f"ledger:{derive(PURCHASE, 'earned')}")
    assert opened.by == f"user:{USER}"
    assert (opened.data["plan"], opened.data["amount_minor"]) == (PLAN, PRICE_MINOR)
    assert earned.cause == f"purchase:{PURCHASE}"


async def test_an_offer_that_nobody_pays_in_time_is_withdrawn(shop, clock):
    await offered(shop)
    clock.set(clock.now() + TERM - timedelta(microseconds=1))
    await shop.end(rounds=1)
    assert (await shop.purchase()).status is PurchaseStatus.AWAITING_PAYMENT

    clock.set(clock.now() + timedelta(microseconds=1))
    await shop.end()

    purchase = await shop.purchase()
    assert (purchase.status, purchase.reason) == (
        PurchaseStatus.CANCELLED,
        "sagas.deadline_passed",
    )
    (intent,) = shop.till.intents.values()
    assert intent.status is ProviderStatus.CANCELLED
    await assert_no_challenge_and_no_money_kept(shop)


async def test_who_pays_while_the_offer_is_withdrawn_gets_the_money_back(shop, clock):
    await offered(shop)
    shop.till.faults["cancel"] = ["away"] * 3
    clock.set(clock.now() + TERM)
    await shop.work()
    shop.till.pay()
    await shop.end()

    assert (await shop.purchase()).status is PurchaseStatus.REFUNDED
    assert [refund.amount_minor for refund in shop.till.refunds.values()] == [PRICE_MINOR]
    await assert_no_challenge_and_no_money_kept(shop)


async def test_money_that_came_before_the_deadline_but_is_heard_of_after_it_goes_back(shop, clock):
    await offered(shop)
    shop.till.pay()
    clock.set(clock.now() + TERM)
    await shop.end()

    assert (await shop.purchase()).status is PurchaseStatus.REFUNDED
    await assert_no_challenge_and_no_money_kept(shop)


async def test_money_that_comes_after_the_end_goes_back_too(shop, clock):
    await offered(shop)
    clock.set(clock.now() + TERM)
    await shop.end()
    assert (await shop.purchase()).status is PurchaseStatus.CANCELLED

    (ref,) = shop.till.intents
    shop.till.change(ref, status=ProviderStatus.OPEN)  # a provider that changed its mind
    shop.till.pay()
    seen = shop.till.intents[ref]
    await hear_of(shop, seen)
    await shop.end()

    assert (await shop.purchase()).status is PurchaseStatus.REFUNDED
    await assert_no_challenge_and_no_money_kept(shop)


@pytest.mark.parametrize(
    "paid",
    [
        {"minor": PRICE_MINOR - 1},
        {"minor": PRICE_MINOR + 1},
        {"currency": "EUR"},
        {"currency": "XTS"},  # one that our books do not keep
    ],
)
async def test_a_wrong_amount_or_currency_goes_back_and_starts_nothing(shop, paid):
    await offered(shop)
    shop.till.pay(**paid)
    await shop.end()

    purchase = await shop.purchase()
    assert (purchase.status, purchase.reason) == (
        PurchaseStatus.REFUNDED,
        "purchases.payment_mismatched",
    )
    assert len(shop.till.refunds) == 1
    await assert_no_challenge_and_no_money_kept(shop)


async def test_a_challenge_that_cannot_start_gives_the_money_back_once(shop, owner_db):
    await offered(shop)
    shop.till.faults["refund"] = ["silent", "away"]
    await owner_db.repeat(
        lambda tx: tx.execute("UPDATE purchases_purchases SET plan = 'withdrawn since'")
    )
    shop.till.pay()
    await shop.end()

    purchase = await shop.purchase()
    assert (purchase.status, purchase.reason) == (
        PurchaseStatus.REFUNDED,
        "challenges.unknown_plan",
    )
    assert [refund.amount_minor for refund in shop.till.refunds.values()] == [PRICE_MINOR]
    assert await shop.kinds(f"saga:{PURCHASE}") == [
        "SagaStarted",
        "StepDone",
        "StepDone",
        "StepDone",
        "SagaTurnedBack",
        "StepUndone",
        "SagaCompensated",
    ]
    await assert_no_challenge_and_no_money_kept(shop)


async def test_an_offer_that_the_provider_refuses_fails_the_purchase(shop):
    shop.till.faults["create"] = ["no"]
    await shop.buy()
    await shop.end()

    purchase = await shop.purchase()
    assert (purchase.status, purchase.reason) == (PurchaseStatus.FAILED, "invalid")
    await assert_no_challenge_and_no_money_kept(shop)


async def test_a_payment_that_the_provider_gives_up_fails_the_purchase(shop):
    await offered(shop)
    (ref,) = shop.till.intents
    shop.till.change(ref, status=ProviderStatus.CANCELLED)
    await shop.end()

    purchase = await shop.purchase()
    assert (purchase.status, purchase.reason) == (
        PurchaseStatus.FAILED,
        "purchases.payment_failed",
    )
    await assert_no_challenge_and_no_money_kept(shop)


@pytest.mark.parametrize("faults", [["away"], ["silent"], ["silent", "away", "silent"]])
async def test_an_offer_whose_outcome_is_unknown_is_made_once(shop, faults):
    shop.till.faults["create"] = faults
    await shop.buy()
    await shop.end()
    shop.till.pay()
    await shop.end()

    assert (await shop.purchase()).status is PurchaseStatus.ACTIVE
    assert len(shop.till.intents) == 1


async def test_who_pays_twice_keeps_the_challenge_and_gets_the_second_payment_back(shop):
    await offered(shop)
    (ref,) = shop.till.intents
    shop.till.pay()
    await shop.end()

    second = replace(shop.till.intents[ref], ref="pi_second")
    shop.till.intents["pi_second"] = second
    await hear_of(shop, second)
    await shop.end()

    assert (await shop.purchase()).status is PurchaseStatus.ACTIVE
    assert len(await shop.challenges()) == len(shop.till.refunds) == 1
    assert await shop.balances() == {CLEARING: PRICE_MINOR, REVENUE: PRICE_MINOR}


async def test_a_purchase_opened_twice_is_one(shop):
    first = await shop.buy()
    again = await shop.buy(amount_minor=PRICE_MINOR, currency="USD")
    await shop.end(rounds=1)

    assert again == first
    assert len(shop.till.intents) == 1


@pytest.mark.parametrize(
    "expected",
    [{"amount_minor": PRICE_MINOR - 1}, {"amount_minor": 0}, {"currency": "EUR"}],
)
async def test_a_buyer_who_expects_another_price_orders_nothing(shop, expected):
    with pytest.raises(WrongPrice, match=r"costs 54000 USD \(minor units: 540\.00 USD\)"):
        await shop.buy(**expected)

    with pytest.raises(UnknownPurchase):
        await shop.purchase()
    async with shop.runtime.db.reading() as tx:
        assert await ledger.trial_balance(tx) == []


async def test_an_id_is_one_buyers_and_one_plans(shop):
    await shop.buy()

    async def other_buyer(tx):
        await purchases.open_purchase(
            tx, purchase_id=PURCHASE, user_id=derive("another"), plan=PLAN, now=shop.runtime.now()
        )

    with pytest.raises(PurchaseDiffers):
        await shop.runtime.db.run(other_buyer, key="other")
    async with shop.runtime.db.reading() as tx:
        with pytest.raises(UnknownPurchase):
            await purchases.get(tx, PURCHASE, user_id=derive("another"))
