"""
What is the bank transfer's own: references, statements, and transfers that we send ourselves.

What it shares with every provider is in `test_providers.py`.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from bank_firm import open_firm
from bank_statements import Entry
from tradesense.kernel.errors import NotFound, Rejected
from tradesense.kernel.money import Money
from tradesense.payments import bank
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


@pytest.mark.parametrize("ref", ["RF18539007547034", "RF18539007547034/1"])
async def test_a_reference_that_was_never_given_is_nobodys(provider, ref):
    for ask in (provider.fetch, provider.cancel):
        with pytest.raises(NotFound):
            await ask(ref)


async def test_a_refund_is_a_transfer_that_is_exported_once_and_ends_with_the_statement(firm):
    seen = await firm.ask()
    await pay(firm, seen)
    asked = refund_of(firm, seen)
    told = await firm.provider.refund(asked)

    _, orders = await firm.run(bank.export_outgoing, currency="EUR", message_id="M1", by="user:ops")
    _, more = await firm.run(bank.export_outgoing, currency="EUR", message_id="M2", by="user:ops")

    assert [(each.end_to_end_id, each.amount_minor) for each in orders] == [(told.ref, 54_000)]
    assert list(more) == []
    assert (await firm.provider.refund(asked)).status is RefundStatus.REQUESTED
    await firm.bank_says(Entry(amount="-540.00", end_to_end=told.ref))
    assert (await firm.provider.refund(asked)).status is RefundStatus.SUCCEEDED
    [shown] = (await firm.provider.fetch(seen.ref)).refunds
    assert (shown.ref, shown.status) == (told.ref, RefundStatus.SUCCEEDED)


async def test_what_comes_after_the_offer_was_withdrawn_is_seen_all_the_same(firm):
    offer = await firm.ask()
    assert (await firm.provider.cancel(offer.ref)).status is ProviderStatus.CANCELLED

    await pay(firm, offer)

    seen = await firm.provider.fetch(offer.ref)
    assert (seen.status, seen.received_minor) == (ProviderStatus.SUCCEEDED, 54_000)
    assert (await firm.provider.refund(refund_of(firm, seen))).amount_minor == 54_000


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
