"""Refunds and disputes while the account trades: each ends in a defined state, the books exact."""

from dataclasses import replace

import pytest

from purchase_world import PRICE_MINOR, PURCHASE
from tradesense import payments
from tradesense.app.attention.gather import gather
from tradesense.kernel.ids import derive
from tradesense.payments.model import (
    DisputeStatus,
    PaymentStatus,
    ProviderDispute,
    ProviderRefund,
    RefundStatus,
)
from tradesense.purchases import PurchaseStatus, service

PAYMENT = derive(PURCHASE, "payment")
REF = f"pi_{PAYMENT.hex}"
CLEARING, REVENUE = "clearing:stripe:USD", "challenge-revenue:USD"


@pytest.fixture
async def active(shop):
    await shop.buy()
    await shop.work()
    shop.till.pay()
    await shop.end()
    assert (await shop.purchase()).status is PurchaseStatus.ACTIVE
    return shop


async def shown(shop, **changes):
    """Let the provider show this of the payment, and look."""
    shop.till.change(REF, **changes)
    seen = shop.till.intents[REF]
    for _ in range(2):  # a view seen again changes nothing
        await shop.runtime.db.repeat(
            lambda tx: payments.settle(tx, payment_id=PAYMENT, seen=seen, now=shop.runtime.now())
        )
    await shop.end(rounds=1)


async def refund(shop, minor=None, number=1):
    await shop.runtime.db.repeat(
        lambda tx: service.refund(
            tx,
            payment_id=PAYMENT,
            refund_id=derive("refund", number),
            amount_minor=minor,
            reason="goodwill",
            by="operator:olga",
            now=shop.runtime.now(),
        )
    )


async def status(shop):
    async with shop.runtime.db.reading() as tx:
        return (await payments.find_payment(tx, PAYMENT)).status


async def told(shop):
    return (await shop.kinds(f"purchase:{PURCHASE}"))[3:]


async def attention(shop):
    return await gather(shop.runtime, checks_promises=False)


def dispute(stands, *, is_withdrawn=True):
    return ProviderDispute(
        provider="stripe",
        ref="du_1",
        payment_ref=REF,
        status=stands,
        amount_minor=PRICE_MINOR,
        currency="USD",
        reason="fraudulent",
        is_withdrawn=is_withdrawn,
    )


async def test_parts_go_back_while_the_challenge_goes_on_and_the_rest_ends_it(active):
    await refund(active, 10_000)
    await active.end(rounds=1)
    assert await status(active) is PaymentStatus.PARTIALLY_REFUNDED
    assert (await active.purchase()).status is PurchaseStatus.ACTIVE
    assert await active.balances() == {
        CLEARING: PRICE_MINOR - 10_000, REVENUE: PRICE_MINOR, "refunds:USD": 10_000,
    }  # fmt: skip

    await refund(active, None, 2)
    await active.end(rounds=1)

    assert await status(active) is PaymentStatus.REFUNDED
    purchase = await active.purchase()
    assert (purchase.status, purchase.reason) == (PurchaseStatus.REVOKED, "refunded")
    assert await told(active) == ["PurchasePartlyRefunded", "PurchaseRevoked"]
    assert await active.balances() == {REVENUE: PRICE_MINOR, "refunds:USD": PRICE_MINOR}


@pytest.mark.parametrize("minor", [0, -1, PRICE_MINOR + 1])
async def test_no_more_than_was_paid_goes_back_and_nothing_less_than_something(active, minor):
    with pytest.raises(payments.OverRefund):
        await refund(active, minor)

    assert await status(active) is PaymentStatus.SUCCEEDED


async def test_a_refund_made_in_the_dashboard_is_recorded_and_booked_once(active):
    made = ProviderRefund(
        provider="stripe", ref="re_dashboard", refund_id=None, status=RefundStatus.SUCCEEDED,
        amount_minor=4_000, currency="USD",
    )  # fmt: skip
    await shown(active, refunds=(made,))

    assert await status(active) is PaymentStatus.PARTIALLY_REFUNDED
    assert (await active.balances())["refunds:USD"] == 4_000
    with pytest.raises(payments.OverRefund):
        await refund(active, PRICE_MINOR - 3_999)
    assert active.till.refunds == {}  # it is not sent by us


async def test_a_refund_that_comes_back_is_told_and_is_ours_to_send_again(active):
    await refund(active, 4_000)
    await active.end(rounds=1)
    (sent,) = active.till.refunds.values()
    back = ProviderRefund(
        provider="stripe", ref=sent.ref, refund_id=sent.refund_id, status=RefundStatus.FAILED,
        amount_minor=4_000, currency="USD", reason="closed account",
    )  # fmt: skip
    await shown(active, refunds=(back,))

    assert await status(active) is PaymentStatus.SUCCEEDED
    assert await active.balances() == {CLEARING: PRICE_MINOR, REVENUE: PRICE_MINOR}
    async with active.runtime.db.reading() as tx:
        ((failed, _),) = await payments.list_by_status(tx, RefundStatus.FAILED, limit=5)
    assert failed.trouble == "closed account"
    await active.runtime.db.repeat(
        lambda tx: payments.send_again(
            tx, refund_id=failed.refund_id, by="operator:olga", now=active.runtime.now()
        )
    )
    await active.end(rounds=1)
    assert (await active.balances())["refunds:USD"] == 4_000


async def test_a_refund_that_the_provider_refuses_waits_for_a_person(active):
    active.till.faults["refund"] = ["no"]
    await refund(active, 4_000)
    await active.end(rounds=2)

    assert (await active.kinds(f"payment:{PAYMENT}"))[-1] == "RefundFailed"
    assert active.till.refunds == {}
    assert await status(active) is PaymentStatus.SUCCEEDED


async def test_a_dispute_suspends_holds_the_money_and_when_won_all_is_as_before(active):
    await shown(active, disputes=(dispute(DisputeStatus.OPEN, is_withdrawn=False),))
    assert await active.balances() == {CLEARING: PRICE_MINOR, REVENUE: PRICE_MINOR}
    await shown(active, disputes=(dispute(DisputeStatus.OPEN),))
    assert await status(active) is PaymentStatus.DISPUTED
    assert await active.balances() == {"disputes-held:USD": PRICE_MINOR, REVENUE: PRICE_MINOR}
    with pytest.raises(payments.PaymentDisputed):
        await refund(active, 1_000)

    await shown(active, disputes=(dispute(DisputeStatus.WON),))

    assert await status(active) is PaymentStatus.WON
    assert await told(active) == ["PurchaseDisputed", "PurchaseReinstated"]
    assert await active.balances() == {CLEARING: PRICE_MINOR, REVENUE: PRICE_MINOR}


async def test_a_dispute_that_is_lost_revokes_the_challenge(active):
    await shown(active, disputes=(dispute(DisputeStatus.OPEN),))
    await shown(active, disputes=(dispute(DisputeStatus.LOST),))

    assert await status(active) is PaymentStatus.LOST
    purchase = await active.purchase()
    assert (purchase.status, purchase.reason) == (PurchaseStatus.REVOKED, "charged_back")
    assert await told(active) == ["PurchaseDisputed", "PurchaseRevoked"]
    assert await active.balances() == {REVENUE: PRICE_MINOR, "chargebacks:USD": PRICE_MINOR}


async def test_what_was_lost_and_is_given_back_is_ours_again_and_a_persons_to_decide(active):
    await shown(active, disputes=(dispute(DisputeStatus.LOST),))
    await shown(active, disputes=(dispute(DisputeStatus.WON, is_withdrawn=False),))
    await shown(active, disputes=(dispute(DisputeStatus.LOST),))  # a view that comes late

    assert await status(active) is PaymentStatus.WON
    assert (await active.purchase()).status is PurchaseStatus.REVOKED
    assert await told(active) == ["PurchaseDisputed", "PurchaseRevoked"]
    said = await active.kinds(f"payment:{PAYMENT}")
    assert said[-3:] == ["DisputeOpened", "DisputeLost", "DisputeReversed"]
    assert await active.balances() == {CLEARING: PRICE_MINOR, REVENUE: PRICE_MINOR}
    assert [each.kind for each in await attention(active)] == ["reversed chargeback"]

    await refund(active)
    await active.end(rounds=1)

    assert await status(active) is PaymentStatus.REFUNDED
    assert await active.balances() == {REVENUE: PRICE_MINOR, "refunds:USD": PRICE_MINOR}
    assert await attention(active) == []


async def test_what_is_given_back_comes_from_where_it_was_written_off_to(shop):
    """It was lost before it was earned, so it is owed again, and goes back: nothing was begun."""
    await shop.buy()
    await shop.work()
    shop.till.pay()
    shop.till.change(REF, disputes=(dispute(DisputeStatus.LOST),))
    await shop.end()
    assert await shop.balances() == {}
    assert await shop.challenges() == []

    await shown(shop, disputes=(dispute(DisputeStatus.WON, is_withdrawn=False),))
    await shop.end()

    assert await status(shop) is PaymentStatus.REFUNDED
    assert await shop.balances() == {}
    assert (await shop.kinds(f"payment:{PAYMENT}"))[-3:] == [
        "DisputeReversed", "RefundRequested", "PaymentRefunded",
    ]  # fmt: skip
    assert await shop.challenges() == []


async def test_a_revoked_purchase_stays_revoked_when_the_rest_of_its_price_goes_back(active):
    part = replace(dispute(DisputeStatus.LOST), amount_minor=PRICE_MINOR - 1_000)
    await shown(active, disputes=(part,))
    rest = ProviderRefund(
        provider="stripe", ref="re_rest", refund_id=None, status=RefundStatus.SUCCEEDED,
        amount_minor=1_000, currency="USD",
    )  # fmt: skip
    await shown(active, refunds=(rest,))

    assert (await active.purchase()).status is PurchaseStatus.REVOKED
    assert await told(active) == ["PurchaseDisputed", "PurchaseRevoked"]


async def test_money_that_went_back_before_the_challenge_started_starts_none(shop):
    await shop.buy()
    await shop.work()
    made = ProviderRefund(
        provider="stripe", ref="re_early", refund_id=None, status=RefundStatus.SUCCEEDED,
        amount_minor=PRICE_MINOR, currency="USD",
    )  # fmt: skip
    shop.till.pay()
    shop.till.change(REF, refunds=(made,))
    await shop.end()

    assert (await shop.purchase()).status is PurchaseStatus.REFUNDED
    assert await shop.challenges() == []
    assert await shop.balances() == {}
