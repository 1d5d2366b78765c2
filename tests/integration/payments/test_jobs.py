"""The worker's part, against the real sandbox: webhooks, polling, refunds, and what goes wrong."""

import asyncio
import json
import time

import pytest

from payment_sandbox import WEBHOOK_SECRET
from tradesense.app.sandbox.deliveries import sign
from tradesense.kernel.errors import OutcomeUnknown
from tradesense.payments import Providers, jobs
from tradesense.payments.model import PaymentStatus, RefundStatus


async def offered(shop, provider):
    await shop.request()
    return await shop.offer(await provider.create_intent(shop.asked))


async def until(condition, within_s=10.0):
    deadline = time.monotonic() + within_s
    while not await condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


async def has_status(shop, status):
    return (await shop.payment()).status is status


async def make_due(owner_db):
    """Let five seconds pass for what waits in database time."""
    await owner_db.repeat(
        lambda tx: tx.execute(
            "UPDATE payments_attempts SET next_poll_at = next_poll_at - interval '5 s'"
        )
    )


async def webhooks_done(shop, count):
    async with shop.runtime.db.reading() as tx:
        cursor = await tx.execute(
            "SELECT count(*) AS n FROM payments_webhook_work WHERE done_at IS NOT NULL"
        )
        return (await cursor.fetchone())["n"] >= count


@pytest.mark.usefixtures("listening")
async def test_a_payment_is_settled_by_its_webhooks_in_a_moment(shop, provider, sandbox):
    payment = await offered(shop, provider)
    started = time.monotonic()
    sandbox.pay(payment.offer.ref)

    async def settled():
        await jobs.do_due(shop.runtime, Providers([provider]))
        return await webhooks_done(shop, 3)

    await until(settled)

    assert time.monotonic() - started < 5
    assert (await shop.payment()).status is PaymentStatus.SUCCEEDED
    assert await shop.facts() == ["PaymentRequested", "PaymentOffered", "PaymentSucceeded"]
    assert await jobs.do_due(shop.runtime, Providers([provider])) == 0


async def test_a_payment_whose_webhooks_are_lost_is_found_by_asking(
    shop, provider, sandbox, owner_db
):
    payment = await offered(shop, provider)
    sandbox.plant("lose_webhook", "*", times=10)
    sandbox.pay(payment.offer.ref)
    assert await jobs.poll_unresolved(shop.runtime, provider) == 0

    await make_due(owner_db)

    assert await jobs.do_due(shop.runtime, Providers([provider])) == 1
    assert await has_status(shop, PaymentStatus.SUCCEEDED)
    assert await jobs.do_due(shop.runtime, Providers([provider])) == 0


async def test_asking_about_an_open_payment_is_paced(shop, provider, owner_db):
    await offered(shop, provider)
    await make_due(owner_db)

    assert await jobs.poll_unresolved(shop.runtime, provider) == 1
    assert await jobs.poll_unresolved(shop.runtime, provider) == 0
    assert await has_status(shop, PaymentStatus.OFFERED)


async def test_a_provider_that_is_away_delays_and_loses_nothing(shop, provider, sandbox, owner_db):
    payment = await offered(shop, provider)
    sandbox.pay(payment.offer.ref)
    sandbox.kill()
    await make_due(owner_db)
    assert await jobs.poll_unresolved(shop.runtime, provider) == 1
    assert await has_status(shop, PaymentStatus.OFFERED)

    sandbox.start()
    await make_due(owner_db)
    await jobs.poll_unresolved(shop.runtime, provider)

    assert await has_status(shop, PaymentStatus.SUCCEEDED)


async def test_a_payment_given_up_is_withdrawn_at_the_provider(shop, provider, sandbox):
    payment = await offered(shop, provider)
    await shop.give_up()

    await jobs.do_due(shop.runtime, Providers([provider]))

    assert await has_status(shop, PaymentStatus.CANCELLED)
    shown = sandbox.client().v1.payment_intents.retrieve(payment.offer.ref)
    assert shown.status == "canceled"


async def test_money_that_came_while_we_gave_up_is_sent_back_by_the_provider(
    shop, provider, sandbox
):
    payment = await offered(shop, provider)
    sandbox.pay(payment.offer.ref)
    await shop.give_up()

    await jobs.do_due(shop.runtime, Providers([provider]))

    (refund,) = await shop.refunds()
    assert refund.status is RefundStatus.SUCCEEDED
    assert (await shop.facts())[2:] == ["PaymentReturned", "RefundRequested", "PaymentRefunded"]
    (sent,) = sandbox.client().v1.refunds.list({"payment_intent": payment.offer.ref}).data
    assert sent.amount == 54_000
    assert await shop.balance("clearing:stripe:USD") == 0


@pytest.mark.parametrize(
    ("method", "received_minor"),
    [("pm_sandbox_underpay", 53_900), ("pm_sandbox_wrong_currency", 54_000)],
)
async def test_a_wrong_amount_or_currency_is_refunded_and_opens_nothing(
    shop, provider, sandbox, owner_db, *, method, received_minor
):
    payment = await offered(shop, provider)
    sandbox.pay(payment.offer.ref, method)
    await make_due(owner_db)

    await jobs.do_due(shop.runtime, Providers([provider]))

    assert await has_status(shop, PaymentStatus.MISMATCHED)
    (refund,) = await shop.refunds()
    assert (refund.status, refund.amount_minor) == (RefundStatus.SUCCEEDED, received_minor)
    assert await shop.balance("deferred-revenue:USD") == 0


async def test_a_refund_whose_answer_was_lost_by_kill_9_is_sent_once(shop, provider, sandbox):
    payment = await offered(shop, provider)
    sandbox.pay(payment.offer.ref)
    await shop.settle(await provider.fetch(payment.offer.ref))
    await shop.give_up()
    sandbox.plant("die_before_answer", "POST /v1/refunds")
    assert await jobs.send_refunds(shop.runtime, provider) == 1
    assert sandbox.wait_dead() == -9

    sandbox.start()

    async def refunded():
        await jobs.send_refunds(shop.runtime, provider)
        return (await shop.refunds())[0].status is RefundStatus.SUCCEEDED

    await until(refunded)
    assert (await shop.facts()).count("PaymentRefunded") == 1
    assert len(sandbox.client().v1.refunds.list({"payment_intent": payment.offer.ref}).data) == 1


async def test_an_offer_whose_answer_was_lost_by_kill_9_is_made_once(shop, provider, sandbox):
    await shop.request()
    sandbox.plant("die_before_answer", "POST /v1/payment_intents")
    with pytest.raises(OutcomeUnknown):
        await provider.create_intent(shop.asked)
    assert sandbox.wait_dead() == -9

    sandbox.start()
    payment = await shop.offer(await provider.create_intent(shop.asked))

    (intent,) = sandbox.client().v1.payment_intents.list().data
    assert intent.id == payment.offer.ref


async def received(api, intent_id, event_id="evt_1", kind="payment_intent"):
    event = {
        "id": event_id,
        "object": "event",
        "type": "payment_intent.succeeded",
        "data": {"object": {"id": intent_id, "object": kind}},
    }
    body = json.dumps(event).encode()
    now = int(time.time())  # noqa: TID251 -- signatures live in wall time
    headers = {"Stripe-Signature": sign(body, secret=WEBHOOK_SECRET, at=now)}
    assert (await api.post("/webhooks/stripe", content=body, headers=headers)).status_code == 200


async def outcome_of(shop, event_id="evt_1"):
    async with shop.runtime.db.reading() as tx:
        cursor = await tx.execute(
            "SELECT outcome FROM payments_webhook_work WHERE event_id = %s", (event_id,)
        )
        return (await cursor.fetchone())["outcome"]


async def test_a_webhook_that_says_paid_is_not_believed(shop, provider, api):
    payment = await offered(shop, provider)
    await received(api, payment.offer.ref)

    await jobs.settle_received(shop.runtime, provider)

    assert await has_status(shop, PaymentStatus.OFFERED)
    assert await outcome_of(shop) == "unchanged"
    assert await shop.facts("webhook:evt_1") == ["WebhookReceived", "WebhookApplied"]


async def test_webhooks_about_nothing_of_ours_are_noted_and_change_nothing(
    shop, provider, api, sandbox
):
    foreign = sandbox.client().v1.payment_intents.create({"amount": 100, "currency": "usd"})
    await received(api, foreign.id, "evt_foreign")
    await received(api, "pi_nobody", "evt_nobody")
    await received(api, "cus_1", "evt_customer", kind="customer")

    await jobs.settle_received(shop.runtime, provider)

    assert await outcome_of(shop, "evt_foreign") == "not ours"
    assert await outcome_of(shop, "evt_nobody") == "unknown to the provider"
    assert await outcome_of(shop, "evt_customer") == "about no payment"


async def test_two_workers_at_once_settle_once(shop, provider, sandbox, api):
    payment = await offered(shop, provider)
    sandbox.pay(payment.offer.ref)
    for number in range(10):
        await received(api, payment.offer.ref, f"evt_{number}")

    await asyncio.gather(*(jobs.do_due(shop.runtime, Providers([provider])) for _ in range(4)))

    assert (await shop.facts()).count("PaymentSucceeded") == 1
    assert await webhooks_done(shop, 10)


async def test_the_settings_open_the_providers(runtime):
    async with jobs.open_providers(runtime) as providers:
        assert next(provider.name for provider in providers) == "stripe"
