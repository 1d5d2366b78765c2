"""Money that we send: known on the statement by its id, and where it goes if it comes back."""

import pytest

from bank_statements import BUYER, Entry
from tradesense.kernel.errors import Conflict, Invalid
from tradesense.kernel.money import Money
from tradesense.payments import bank

IN_TRANSIT = "payouts-in-transit:EUR"


async def order(firm, outgoing_id, **changes):
    asked = {
        "kind": bank.OutgoingKind.PAYOUT,
        "amount": Money(10_000, "EUR"),
        "creditor": "Ada Lovelace",
        "creditor_account": BUYER,
        "text": "payout 7",
        "debit_account": IN_TRANSIT,
    }
    return await firm.run(bank.order_transfer, outgoing_id=outgoing_id, **{**asked, **changes})


async def test_a_payout_is_paid_when_the_bank_says_so_and_owed_again_when_it_comes_back(firm):
    ordered = await order(firm, firm.runtime.new_id())
    assert await order(firm, ordered.outgoing_id) == ordered
    end_to_end = ordered.end_to_end_id

    (sent,) = await firm.bank_says(Entry(amount="-100.00", end_to_end=end_to_end))
    assert sent.kind is bank.LineKind.OUTGOING
    assert await firm.balance(IN_TRANSIT) == -10_000
    (back,) = await firm.bank_says(Entry(amount="100.00", end_to_end=end_to_end, is_return=True))

    assert back.kind is bank.LineKind.OUTGOING_RETURNED
    assert await firm.balance(IN_TRANSIT) == 0
    assert await firm.facts(f"bank-outgoing:{ordered.outgoing_id}") == [
        "OutgoingRequested",
        "OutgoingPaid",
        "OutgoingReturned",
    ]


@pytest.mark.parametrize("amount", ["-99.99", "-100.01", "100.00"])
async def test_what_is_not_as_ordered_waits_for_a_person(firm, amount):
    ordered = await order(firm, firm.runtime.new_id())

    (line,) = await firm.bank_says(Entry(amount=amount, end_to_end=ordered.end_to_end_id))

    assert line.kind is None
    found = await firm.read(bank.find_outgoing, ordered.outgoing_id)
    assert found.status is bank.OutgoingStatus.REQUESTED


async def test_the_same_transfer_twice_on_a_statement_is_paid_once(firm):
    ordered = await order(firm, firm.runtime.new_id())
    entry = Entry(amount="-100.00", end_to_end=ordered.end_to_end_id)

    first, second = await firm.bank_says(entry, entry)

    assert (first.kind, second.kind) == (bank.LineKind.OUTGOING, None)


@pytest.mark.parametrize(
    ("changes", "family"),
    [
        ({"creditor_account": ""}, Invalid),
        ({"creditor_account": "GB33BUKB20201555555556"}, Invalid),
        ({"creditor": " "}, Invalid),
        ({"amount": Money(10_000, "USD")}, Invalid),
        ({"amount": Money(10_001, "EUR")}, Conflict),
    ],
)
async def test_what_cannot_be_sent_is_refused(firm, changes, family):
    ordered = await order(firm, firm.runtime.new_id())
    with pytest.raises(family):
        await order(firm, ordered.outgoing_id, **changes)
