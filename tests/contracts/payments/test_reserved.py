"""What every provider promises that can reserve money first, and take it later."""

import pytest

from payment_shops import Can, needs
from tradesense.kernel.errors import OutcomeUnknown, Rejected
from tradesense.payments.model import ProviderStatus

pytestmark = needs(Can.RESERVE)


@pytest.mark.parametrize("amount_minor", [54_000, 50_000])
async def test_an_authorised_payment_is_ours_once_captured(shop, amount_minor):
    reserved = await shop.paid(is_captured_later=True)
    assert (reserved.status, reserved.received_minor) == (ProviderStatus.AUTHORISED, 0)

    taken = await shop.provider.capture(reserved.ref, amount_minor)
    again = await shop.provider.capture(reserved.ref, amount_minor)

    assert (taken.status, taken.received_minor) == (ProviderStatus.SUCCEEDED, amount_minor)
    assert again == taken


async def test_more_than_was_authorised_is_not_captured(shop):
    reserved = await shop.paid(is_captured_later=True)

    with pytest.raises(Rejected):
        await shop.provider.capture(reserved.ref, 54_001)


async def test_an_authorised_payment_is_captured_at_most_once(shop):
    reserved = await shop.paid(is_captured_later=True)
    first = await shop.provider.capture(reserved.ref, 30_000)

    again = await shop.provider.capture(reserved.ref, 24_000)

    # The rest was released by the first one: there is nothing left to take.
    assert (first.received_minor, again.received_minor) == (30_000, 30_000)
    refund = await shop.provider.refund(shop.refund_of(again, 30_000))
    assert refund.amount_minor == 30_000
    with pytest.raises(Rejected):
        await shop.provider.refund(shop.refund_of(again, 1))


async def test_an_authorised_payment_is_released(shop):
    reserved = await shop.paid(is_captured_later=True)

    for _ in range(2):
        assert (await shop.provider.cancel(reserved.ref)).status is ProviderStatus.CANCELLED
    with pytest.raises(Rejected):
        await shop.provider.capture(reserved.ref, 54_000)
    assert (await shop.provider.fetch(reserved.ref)).received_minor == 0


async def test_what_is_reserved_no_longer_is_not_captured(shop):
    reserved = await shop.paid(is_captured_later=True)
    shop.sandbox.lapse(reserved.ref)

    with pytest.raises(Rejected):
        await shop.provider.capture(reserved.ref, 54_000)

    seen = await shop.provider.fetch(reserved.ref)
    assert (seen.status, seen.received_minor) == (ProviderStatus.CANCELLED, 0)


async def test_what_was_never_reserved_is_not_captured(shop):
    offer = await shop.offered(is_captured_later=True)

    with pytest.raises(Rejected):
        await shop.provider.capture(offer.ref, 54_000)

    assert (await shop.provider.fetch(offer.ref)).status is ProviderStatus.OPEN


async def test_a_capture_whose_answer_was_lost_takes_the_money_once(shop):
    reserved = await shop.paid(is_captured_later=True)
    shop.sandbox.plant("reset_after", "POST */capture*")
    with pytest.raises(OutcomeUnknown):
        await shop.provider.capture(reserved.ref, 54_000)

    taken = await shop.provider.capture(reserved.ref, 54_000)

    assert (taken.status, taken.received_minor) == (ProviderStatus.SUCCEEDED, 54_000)


async def test_a_capture_whose_failure_was_stored_is_walked_around(shop):
    reserved = await shop.paid(is_captured_later=True)
    shop.sandbox.plant("answer_500", "POST */capture*")

    assert (await shop.provider.capture(reserved.ref, 54_000)).received_minor == 54_000
