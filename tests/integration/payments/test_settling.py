"""Payments settle by what a provider shows, once, and the books say the same."""

import asyncio

import pytest

from tradesense import payments
from tradesense.kernel.errors import Conflict, InvariantBroken, NotFound
from tradesense.kernel.money import Money
from tradesense.payments.model import PaymentStatus, ProviderRefund, ProviderStatus, RefundStatus
from tradesense.payments.refunds.following import record_refund

CLEARING, OWED, UNAPPLIED = "clearing:stripe:USD", "deferred-revenue:USD", "unapplied:USD"


async def offered(shop):
    await shop.request()
    return await shop.offer(shop.seen())


async def succeeded(shop):
    await offered(shop)
    await shop.settle(shop.paid())


def sent(refund, **changes):
    shown = {
        "provider": "stripe",
        "ref": "re_1",
        "refund_id": refund.refund_id,
        "status": RefundStatus.SUCCEEDED,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
    }
    return ProviderRefund(**{**shown, **changes})


async def refunded(shop, refund, **changes):
    return await shop.run(record_refund, refund_id=refund.refund_id, seen=sent(refund, **changes))


async def test_a_paid_order_is_in_the_books_once(shop):
    await succeeded(shop)
    await shop.settle(shop.paid())

    assert (await shop.payment()).status is PaymentStatus.SUCCEEDED
    assert await shop.facts() == ["PaymentRequested", "PaymentOffered", "PaymentSucceeded"]
    assert await shop.balance(CLEARING) == await shop.balance(OWED) == 54_000


async def test_asking_twice_is_asking_once(shop):
    first = await shop.request()
    again = await shop.request()

    assert again == first
    with pytest.raises(Conflict, match=r"540\.00 USD already"):
        await shop.request(Money(1_000, "USD"))
    assert await shop.facts() == ["PaymentRequested"]


@pytest.mark.parametrize("minor", [0, -1])
async def test_nobody_is_asked_for_nothing(shop, minor):
    with pytest.raises(payments.BadAmount):
        await shop.request(Money(minor, "USD"))

    assert await shop.payment() is None


async def test_an_offer_is_kept_once_and_its_secret_stays_off_the_trail(shop):
    await offered(shop)
    payment = await shop.offer(shop.seen())

    assert payment.offer.client_secret == "pi_1_secret"
    assert "pi_1_secret" not in repr(payment)
    async with shop.runtime.db.reading() as tx:
        cursor = await tx.execute("SELECT canonical FROM trail_entries")
        told = b"".join(row["canonical"] for row in await cursor.fetchall())
    assert b"secret" not in told


@pytest.mark.parametrize("changes", [{"amount_minor": 1}, {"currency": "EUR"}])
async def test_an_offer_of_something_else_is_not_taken(shop, changes):
    await shop.request()

    with pytest.raises(InvariantBroken):
        await shop.offer(shop.seen(**changes))

    assert (await shop.payment()).status is PaymentStatus.REQUESTED


async def test_ten_views_at_once_settle_once(shop):
    await offered(shop)

    await asyncio.gather(*(shop.settle(shop.paid()) for _ in range(10)))

    assert (await shop.facts()).count("PaymentSucceeded") == 1
    assert await shop.balance(OWED) == 54_000


async def test_a_decline_leaves_the_payment_open(shop):
    await offered(shop)
    refused = shop.seen(decline_id="ch_1", decline_reason="insufficient_funds")
    await shop.settle(refused)
    await shop.settle(refused)

    assert (await shop.payment()).status is PaymentStatus.OFFERED
    assert (await shop.facts()).count("PaymentDeclined") == 1
    await shop.settle(shop.paid())
    assert (await shop.payment()).status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("received", "currency", "books"),
    [(53_900, "USD", True), (54_100, "USD", True), (54_000, "EUR", True), (54_000, "THB", False)],
)
async def test_money_that_is_not_what_the_order_says_goes_back(shop, received, currency, books):
    await offered(shop)
    await shop.settle(shop.paid(received_minor=received, currency=currency))

    assert (await shop.payment()).status is PaymentStatus.MISMATCHED
    assert (await shop.facts())[2:] == ["PaymentMismatched", "RefundRequested"]
    (refund,) = await shop.refunds()
    assert (refund.amount_minor, refund.currency) == (received, currency)
    if books:
        assert await shop.balance(f"unapplied:{currency}") == received
    await refunded(shop, refund)
    assert (await shop.facts())[-1] == "PaymentRefunded"
    if books:
        assert await shop.balance(f"unapplied:{currency}") == 0
        assert await shop.balance(f"clearing:stripe:{currency}") == 0
    assert await shop.balance(OWED) == 0


async def test_an_order_given_up_before_the_offer_is_cancelled_at_once(shop):
    await shop.request()
    await shop.give_up()
    await shop.give_up()

    assert (await shop.payment()).status is PaymentStatus.CANCELLED
    assert await shop.facts() == ["PaymentRequested", "PaymentCancelled"]


async def test_an_offer_given_up_is_cancelled_once_the_provider_agrees(shop):
    await offered(shop)
    await shop.give_up()
    assert (await shop.payment()).status is PaymentStatus.OFFERED

    await shop.settle(shop.seen(status=ProviderStatus.CANCELLED))

    assert (await shop.payment()).status is PaymentStatus.CANCELLED
    assert (await shop.facts())[-1] == "PaymentCancelled"


async def test_money_that_comes_after_giving_up_goes_back(shop):
    await offered(shop)
    await shop.give_up()
    await shop.settle(shop.paid())

    assert (await shop.payment()).status is PaymentStatus.CANCELLED
    assert (await shop.facts())[2:] == ["PaymentReturned", "RefundRequested"]
    assert (await shop.balance(OWED), await shop.balance(UNAPPLIED)) == (0, 54_000)
    (refund,) = await shop.refunds()
    await refunded(shop, refund)
    assert await shop.balance(UNAPPLIED) == await shop.balance(CLEARING) == 0


async def test_a_payment_that_the_provider_gives_up_has_failed(shop):
    await offered(shop)
    await shop.settle(shop.seen(status=ProviderStatus.CANCELLED))

    assert (await shop.payment()).status is PaymentStatus.FAILED
    await shop.settle(shop.paid())
    assert (await shop.facts())[2:] == ["PaymentFailed", "PaymentReturned", "RefundRequested"]


async def test_a_second_payment_for_one_order_goes_back_and_the_first_stays(shop):
    await succeeded(shop)
    await shop.settle(shop.paid(ref="pi_2"))

    assert (await shop.payment()).status is PaymentStatus.SUCCEEDED
    (refund,) = await shop.refunds()
    assert (refund.provider_ref, refund.amount_minor) == ("pi_2", 54_000)
    assert await shop.balance(OWED) == await shop.balance(UNAPPLIED) == 54_000


async def test_giving_up_a_paid_order_sends_all_of_it_back_once(shop):
    await succeeded(shop)
    await shop.give_up()
    await shop.give_up()

    (refund,) = await shop.refunds()
    assert refund.amount_minor == 54_000
    await refunded(shop, refund)
    await refunded(shop, refund)
    await shop.give_up()
    assert (await shop.facts())[3:] == ["RefundRequested", "PaymentRefunded"]
    assert await shop.balance(OWED) == await shop.balance(CLEARING) == 0


async def test_a_refund_is_taken_from_the_account_it_is_told(shop):
    await succeeded(shop)
    await shop.give_up(debit="refunds:USD")
    (refund,) = await shop.refunds()
    await refunded(shop, refund)

    assert await shop.balance("refunds:USD") == 54_000
    assert await shop.balance(OWED) == 54_000
    assert await shop.balance(CLEARING) == 0


async def ask_back(shop, minor, number, currency="USD"):
    return await shop.run(
        payments.request_refund,
        payment_id=shop.payment_id,
        refund_id=type(shop.payment_id)(int=number),
        amount=Money(minor, currency),
        reason="goodwill",
    )


async def test_parts_go_back_but_never_more_than_was_received(shop):
    await succeeded(shop)
    await ask_back(shop, 50_000, 1)
    await ask_back(shop, 50_000, 1)
    with pytest.raises(payments.OverRefund):
        await ask_back(shop, 4_001, 2)
    await ask_back(shop, 4_000, 2)
    with pytest.raises(payments.OverRefund):
        await ask_back(shop, 1, 3)

    assert [refund.amount_minor for refund in await shop.refunds()] == [50_000, 4_000]


@pytest.mark.parametrize(("minor", "currency"), [(0, "USD"), (-1, "USD"), (100, "EUR")])
async def test_a_refund_is_a_positive_amount_of_the_same_currency(shop, minor, currency):
    await succeeded(shop)

    with pytest.raises(payments.OverRefund):
        await ask_back(shop, minor, 1, currency)

    assert await shop.refunds() == []


async def test_concurrent_refunds_stay_within_what_was_received(shop):
    await succeeded(shop)

    await asyncio.gather(
        *(ask_back(shop, 20_000, number) for number in range(1, 6)), return_exceptions=True
    )

    assert sum(refund.amount_minor for refund in await shop.refunds()) == 40_000


async def test_an_unpaid_payment_has_nothing_to_send_back(shop):
    await offered(shop)

    with pytest.raises(payments.NothingReceived):
        await ask_back(shop, 1, 1)


async def test_a_refund_underway_is_waited_for_and_a_failed_one_is_told(shop):
    await succeeded(shop)
    await shop.give_up()
    (refund,) = await shop.refunds()

    await refunded(shop, refund, status=RefundStatus.REQUESTED)
    assert (await shop.refunds())[0].status is RefundStatus.REQUESTED
    await refunded(shop, refund, status=RefundStatus.FAILED, reason="lost_or_stolen_card")

    assert (await shop.facts())[-1] == "RefundFailed"
    assert await shop.balance(OWED) == 54_000


@pytest.mark.parametrize("changes", [{"amount_minor": 1}, {"currency": "EUR"}])
async def test_another_refund_than_was_asked_for_stops_everything(shop, changes):
    await succeeded(shop)
    await shop.give_up()
    (refund,) = await shop.refunds()

    with pytest.raises(InvariantBroken):
        await refunded(shop, refund, **changes)


async def test_unknown_payments_are_not_found(shop):
    with pytest.raises(NotFound):
        await shop.settle(shop.paid())
    with pytest.raises(NotFound):
        await shop.give_up()
