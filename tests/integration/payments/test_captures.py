"""Money that is reserved first and taken later: the verb, the worker's part, and the books."""

import asyncio

import pytest

from payment_sandbox import MOLLIE_KEY
from tradesense import payments
from tradesense.infra import http
from tradesense.payments import Providers, jobs
from tradesense.payments.attempts.rules import Candidate
from tradesense.payments.attempts.service import begin
from tradesense.payments.model import IntentAsked, PaymentStatus, RefundStatus, Way
from tradesense.payments.providers.mollie import Mollie
from tradesense.payments.providers.stripe import Stripe


@pytest.fixture(params=["stripe", "mollie"])
async def provider(request, sandbox, runtime):
    async with http.client(runtime.policies["stripe"]) as client:
        if request.param == "stripe":
            yield Stripe(client, api_key="sk_test_tests", base=sandbox.base)
        else:
            yield Mollie(
                client, api_key=MOLLIE_KEY, base=sandbox.base, home="http://shop.example",
                webhooks="http://127.0.0.1:9/?payment={}".format,
            )  # fmt: skip


@pytest.fixture
def work(shop, provider, owner_db):
    """Do what is due, over as many pauses as asked for."""

    async def done(rounds=2):
        for _ in range(rounds):
            for change in (
                "payments_attempts SET next_poll_at = clock_timestamp()",
                "payments_refunds SET next_try_at = clock_timestamp()",
            ):
                await owner_db.repeat(lambda tx, change=change: tx.execute(f"UPDATE {change}"))
            await jobs.do_due(shop.runtime, Providers([provider]))

    return done


@pytest.fixture
async def reserved(shop, provider, sandbox, work):
    """The reference of a payment that the buyer has authorised, as we know."""
    way = Way.DIRECT if Way.DIRECT in provider.tariff.ways else Way.PAGE
    asked = await shop.run(
        payments.request,
        payment_id=shop.payment_id,
        purchase_id=shop.purchase_id,
        amount=shop.asked.amount,
        way=way,
        is_captured_later=True,
    )
    takes = Candidate(name=provider.name, tariff=provider.tariff, is_admitting=True)
    await shop.run(begin, payment_id=shop.payment_id, candidates=[takes])
    seen = await provider.create_intent(
        IntentAsked(
            payment_id=shop.payment_id,
            purchase_id=shop.purchase_id,
            amount=asked.amount,
            way=way,
            is_captured_later=True,
        )
    )
    await shop.run(payments.record_offer, payment_id=shop.payment_id, seen=seen)
    sandbox.pay(seen.ref)
    await work(1)
    return seen.ref


async def capture(shop):
    return await shop.runtime.db.run(
        lambda tx: payments.capture(tx, payment_id=shop.payment_id),
        key=str(shop.runtime.new_id()),
    )


async def books(shop, provider):
    accounts = (f"clearing:{provider.name}:USD", "deferred-revenue:USD", "unapplied:USD")
    return [await shop.balance(account) for account in accounts]


async def test_what_is_reserved_is_in_no_book_until_it_is_taken(shop, provider, reserved, work):
    assert (await shop.payment()).status is PaymentStatus.AUTHORISED
    assert await books(shop, provider) == [0, 0, 0]
    await work()  # nobody takes what nobody asked for
    assert (await provider.fetch(reserved)).received_minor == 0

    await capture(shop)
    await capture(shop)
    await work()

    assert (await shop.payment()).status is PaymentStatus.SUCCEEDED
    assert await books(shop, provider) == [54_000, 54_000, 0]
    assert (await capture(shop)).status is PaymentStatus.SUCCEEDED
    facts = await shop.facts()
    assert facts[2:] == ["PaymentAuthorised", "PaymentSucceeded"]


async def test_two_workers_take_it_once(shop, provider, reserved, work):
    await asyncio.gather(*(capture(shop) for _ in range(5)))
    await asyncio.gather(*(work() for _ in range(4)))

    assert (await provider.fetch(reserved)).received_minor == 54_000
    assert (await shop.facts()).count("PaymentSucceeded") == 1
    assert await books(shop, provider) == [54_000, 54_000, 0]


async def test_what_was_given_up_is_released_and_not_taken(shop, provider, reserved, work):
    await shop.give_up()
    with pytest.raises(payments.PaymentEnded, match="nothing is reserved"):
        await capture(shop)
    await work()

    assert (await shop.payment()).status is PaymentStatus.CANCELLED
    assert (await provider.fetch(reserved)).received_minor == 0
    assert await books(shop, provider) == [0, 0, 0]


async def test_what_was_taken_and_then_given_up_goes_back(shop, provider, reserved, work):
    await capture(shop)
    # The worker had the money taken, and died before it could say so.
    assert (await provider.capture(reserved, 54_000)).received_minor == 54_000
    await shop.give_up()
    await work()

    (refund,) = await shop.refunds()
    assert (refund.amount_minor, refund.provider_ref) == (54_000, reserved)
    assert (await shop.payment()).status is PaymentStatus.CANCELLED
    if refund.status is RefundStatus.SUCCEEDED:  # Mollie's is underway
        assert await books(shop, provider) == [0, 0, 0]
    else:
        assert await books(shop, provider) == [54_000, 0, 54_000]


async def test_what_is_reserved_no_longer_has_failed(shop, provider, reserved, work, *, sandbox):
    await capture(shop)
    sandbox.lapse(reserved)
    await work()

    assert (await shop.payment()).status is PaymentStatus.FAILED
    assert (await shop.facts())[-1] == "PaymentFailed"
    assert await books(shop, provider) == [0, 0, 0]
    with pytest.raises(payments.PaymentEnded):
        await capture(shop)


async def test_a_provider_killed_while_it_takes_the_money_takes_it_once(
    shop, provider, reserved, work, *, sandbox
):
    await capture(shop)
    sandbox.plant("die_before_answer", "POST */capture*")
    await work(1)
    assert sandbox.wait_dead() == -9
    assert await books(shop, provider) == [0, 0, 0]

    sandbox.start()
    await work()

    assert (await provider.fetch(reserved)).received_minor == 54_000
    assert (await shop.payment()).status is PaymentStatus.SUCCEEDED
    assert await books(shop, provider) == [54_000, 54_000, 0]


async def test_what_nobody_paid_cannot_be_taken(shop):
    await shop.request()
    with pytest.raises(payments.PaymentEnded, match="nothing is reserved"):
        await capture(shop)
