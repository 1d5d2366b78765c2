"""A connection cut at any place of a call: nobody pays twice, and the books are exact."""

import pytest

from cutting_proxy import PLACES, cutting_proxy
from purchase_world import CARDS, Till
from tradesense.infra import http
from tradesense.payments import Providers, jobs, make_offer
from tradesense.payments.model import PaymentStatus, ProviderStatus
from tradesense.payments.providers.stripe import Stripe

CREATE, REFUND = "POST /v1/payment_intents ", "POST /v1/refunds "


@pytest.fixture
async def proxy(sandbox):
    async with cutting_proxy(sandbox.port) as opened:
        yield opened


@pytest.fixture
async def providers(runtime, proxy):
    async with http.client(runtime.policies["stripe"]) as client:
        base = f"http://127.0.0.1:{proxy.port}"
        stripe = Stripe(client, api_key="sk_test_tests", base=base)
        yield Providers([stripe, Till(name="mollie", tariff=CARDS)])


async def work(shop, providers, owner_db):
    """Do what is due, over as many pauses as a cut call may need."""
    for _ in range(4):
        for change in (
            "payments_attempts SET next_poll_at = clock_timestamp()",
            "payments_refunds SET next_try_at = clock_timestamp()",
        ):
            await owner_db.repeat(lambda tx, change=change: tx.execute(f"UPDATE {change}"))
        await jobs.do_due(shop.runtime, providers)


async def offered(shop, providers):
    await shop.request()
    seen = await make_offer(shop.runtime, providers, shop.payment_id)
    return (await shop.offer(seen)).offer


async def paid(shop, providers, sandbox):
    offer = await offered(shop, providers)
    sandbox.pay(offer.ref)
    return offer


def open_at_both(sandbox, providers):
    theirs = [each for each in sandbox.client().v1.payment_intents.list().data
              if each.status != "canceled"]  # fmt: skip
    others = [each for each in providers["mollie"].intents.values()
              if each.status is not ProviderStatus.CANCELLED]  # fmt: skip
    return len(theirs) + len(others)


@pytest.mark.parametrize("place", PLACES)
async def test_an_offer_cut_off_is_one_offer_and_paid_once(
    shop, providers, proxy, sandbox, *, owner_db, place
):
    proxy.arm(CREATE, place)
    offer = await offered(shop, providers)
    await work(shop, providers, owner_db)

    assert len(proxy.cuts) == 1  # the fault has happened
    assert open_at_both(sandbox, providers) == 1
    if offer.provider == "stripe":
        sandbox.pay(offer.ref)
    else:
        providers["mollie"].pay(offer.ref)
    await work(shop, providers, owner_db)
    assert (await shop.payment()).status is PaymentStatus.SUCCEEDED
    assert await shop.balance(f"clearing:{offer.provider}:USD") == 54_000
    assert await shop.balance("deferred-revenue:USD") == 54_000


@pytest.mark.parametrize("place", PLACES)
async def test_a_look_cut_off_settles_once(shop, providers, proxy, sandbox, *, owner_db, place):
    offer = await paid(shop, providers, sandbox)
    proxy.arm(f"GET /v1/payment_intents/{offer.ref}", place)
    await work(shop, providers, owner_db)

    assert len(proxy.cuts) == 1
    assert (await shop.facts()).count("PaymentSucceeded") == 1
    assert await shop.balance("clearing:stripe:USD") == 54_000


@pytest.mark.parametrize("place", PLACES)
async def test_a_withdrawal_cut_off_ends(shop, providers, proxy, sandbox, *, owner_db, place):
    offer = await offered(shop, providers)
    await shop.give_up()
    proxy.arm(f"POST /v1/payment_intents/{offer.ref}/cancel", place)
    await work(shop, providers, owner_db)

    assert len(proxy.cuts) == 1
    assert (await shop.payment()).status is PaymentStatus.CANCELLED
    assert (await shop.facts()).count("PaymentCancelled") == 1
    assert open_at_both(sandbox, providers) == 0


@pytest.mark.parametrize("place", PLACES)
async def test_a_refund_cut_off_sends_money_once(
    shop, providers, proxy, sandbox, *, owner_db, place
):
    offer = await paid(shop, providers, sandbox)
    await work(shop, providers, owner_db)
    await shop.give_up()
    proxy.arm(REFUND, place)
    await work(shop, providers, owner_db)

    assert len(proxy.cuts) == 1
    sent = sandbox.client().v1.refunds.list({"payment_intent": offer.ref}).data
    assert [each.amount for each in sent] == [54_000]
    assert (await shop.payment()).status is PaymentStatus.REFUNDED
    assert await shop.balance("clearing:stripe:USD") == 0
    assert await shop.balance("deferred-revenue:USD") == 0
