"""
What every provider promises, of the bank transfer: it has no network to fail and no cards.

The promises are those of `test_providers.py`; here the judge is the bank's own statement.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bank_firm import open_firm
from bank_statements import Entry
from tradesense.infra.db import inside_transaction
from tradesense.kernel.errors import InvariantBroken, NotFound, Rejected
from tradesense.kernel.money import Money
from tradesense.payments.model import (
    IntentAsked,
    MovementKind,
    Provider,
    ProviderStatus,
    RefundAsked,
    RefundStatus,
)


@pytest.fixture
async def firm(runtime):
    async with open_firm(runtime) as made:
        yield made


@pytest.fixture
def provider(firm) -> Provider:
    return firm.provider


@pytest.fixture
def asked(runtime):
    return IntentAsked(
        payment_id=runtime.new_id(), purchase_id=runtime.new_id(), amount=Money(54_000, "EUR")
    )


async def pay(firm, seen, amount="540.00"):
    """What the buyer, the bank and two people do."""
    lines = await firm.bank_says(Entry(amount=amount, text="transfer"))
    await firm.approve(await firm.propose(lines, [seen]))


def refund_of(firm, seen, amount_minor=54_000):
    return RefundAsked(
        refund_id=firm.runtime.new_id(),
        provider_ref=seen.ref,
        amount_minor=amount_minor,
        currency="EUR",
    )


async def test_an_offer_says_what_was_asked_for(provider, asked):
    seen = await provider.create_intent(asked)

    assert (seen.provider, seen.payment_id) == (provider.name, asked.payment_id)
    assert (seen.amount_minor, seen.currency, seen.received_minor) == (54_000, "EUR", 0)
    assert seen.status is ProviderStatus.OPEN
    assert seen.client_secret
    assert seen.client_secret not in repr(seen)
    assert await provider.fetch(seen.ref) == seen
    assert await provider.find(asked.payment_id) == seen


async def test_offers_repeated_and_asked_for_at_once_are_one(provider, asked):
    seen = await asyncio.gather(*(provider.create_intent(asked) for _ in range(6)))

    assert all(each == seen[0] for each in seen)


async def test_what_was_never_offered_is_not_found(provider, asked):
    assert await provider.find(asked.payment_id) is None
    for ask in (provider.fetch, provider.cancel):
        with pytest.raises(NotFound):
            await ask("RF18539007547034")
        with pytest.raises(NotFound):
            await ask("RF18539007547034/1")


async def test_a_payment_is_seen_as_received_and_asked_for_again_is_not_a_second_one(firm):
    offer = await firm.ask()
    await pay(firm, offer)

    seen = await firm.provider.fetch(offer.ref)

    assert (seen.status, seen.received_minor) == (ProviderStatus.SUCCEEDED, 54_000)
    again = IntentAsked(
        payment_id=offer.payment_id, purchase_id=firm.runtime.new_id(), amount=Money(54_000, "EUR")
    )
    assert await firm.provider.create_intent(again) == seen


async def test_cancelling_says_what_became_of_the_payment(firm):
    open_, paid = await firm.ask(), await firm.ask()
    await pay(firm, paid)

    for _ in range(2):
        assert (await firm.provider.cancel(open_.ref)).status is ProviderStatus.CANCELLED
        late = await firm.provider.cancel(paid.ref)
        assert (late.status, late.received_minor) == (ProviderStatus.SUCCEEDED, 54_000)


async def test_a_refund_repeated_sends_money_once(firm):
    seen = await firm.ask()
    await pay(firm, seen)
    asked = refund_of(firm, seen)

    told = await asyncio.gather(*(firm.provider.refund(asked) for _ in range(4)))

    assert all(each == told[0] for each in told)
    assert (told[0].status, told[0].refund_id) == (RefundStatus.REQUESTED, asked.refund_id)
    await firm.bank_says(Entry(amount="-540.00", end_to_end=told[0].ref))
    assert (await firm.provider.refund(asked)).status is RefundStatus.SUCCEEDED


async def test_refunds_at_once_never_send_more_than_came(firm):
    seen = await firm.ask()
    await pay(firm, seen)
    asked = [refund_of(firm, seen, 20_000) for _ in range(5)]

    told = await asyncio.gather(*map(firm.provider.refund, asked), return_exceptions=True)

    assert sum(isinstance(each, Rejected) for each in told) == 3
    assert len((await firm.provider.fetch(seen.ref)).refunds) == 2


async def test_what_was_not_paid_is_not_refunded(firm):
    seen = await firm.ask()
    with pytest.raises(Rejected, match="greater than unrefunded"):
        await firm.provider.refund(refund_of(firm, seen, 1))


async def test_money_from_nowhere_cannot_be_sent_back_and_says_so(firm):
    seen = await firm.ask()
    lines = await firm.bank_says(Entry(amount="540.00", account=""))
    await firm.approve(await firm.propose(lines, [seen]))

    told = await firm.provider.refund(refund_of(firm, seen))

    assert (told.status, told.reason) == (
        RefundStatus.FAILED,
        "there is no account to send it to; the statement named none",
    )


async def test_a_transfer_is_not_reserved_first(provider, asked):
    with pytest.raises(Rejected, match="captured later"):
        await provider.create_intent(replace(asked, is_captured_later=True))
    seen = await provider.create_intent(asked)
    with pytest.raises(Rejected, match="nothing was reserved"):
        await provider.capture(seen.ref, 54_000)


async def test_a_currency_without_account_is_refused(provider, asked):
    assert provider.tariff.currencies == {"EUR"}
    with pytest.raises(Rejected, match="no bank account in USD"):
        await provider.create_intent(replace(asked, amount=Money(54_000, "USD")))


async def test_one_key_for_two_things_is_our_mistake(provider, asked):
    await provider.create_intent(asked)
    with pytest.raises(InvariantBroken):
        await provider.create_intent(replace(asked, amount=Money(1_000, "EUR")))


async def test_nothing_is_asked_inside_a_transaction(provider, asked):
    token = inside_transaction.set(True)
    try:
        with pytest.raises(InvariantBroken):
            await provider.create_intent(asked)
    finally:
        inside_transaction.reset(token)


async def test_its_books_say_what_came_what_went_and_that_nothing_stays(firm):
    seen = await firm.ask()
    await pay(firm, seen)
    told = await firm.provider.refund(refund_of(firm, seen, 10_000))
    await firm.bank_says(Entry(amount="-100.00", end_to_end=told.ref, ref="OUT1"))
    now = firm.runtime.now()

    moved = await firm.provider.list_movements(since=now, until=now + timedelta(seconds=1))

    assert [(each.kind, each.amount_minor) for each in moved] == [
        (MovementKind.CHARGE, 54_000),
        (MovementKind.PAYOUT, -54_000),
        (MovementKind.REFUND, -10_000),
        (MovementKind.PAYOUT, 10_000),
    ]
    assert {each.payment_ref for each in moved} == {seen.ref}
    assert moved[-1].bank_reference == "OUT1"
    assert len({each.ref for each in moved}) == 4
    assert await firm.provider.list_movements(since=now - timedelta(days=1), until=now) == []
