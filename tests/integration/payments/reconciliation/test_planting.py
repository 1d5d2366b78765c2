"""Differences of every kind are planted in correct books: each is found, and no other."""

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from bank_statements import Entry
from payment_books import wall
from planted_differences import CHANGES, PLANTS
from tradesense.payments.reconciliation.model import MEANINGS, CaseState, DifferenceKind

AT_THE_BANK = {
    DifferenceKind.BANK_CREDIT_UNKNOWN,
    DifferenceKind.BANK_DEBIT_UNKNOWN,
    DifferenceKind.BANK_LINE_DOUBLED,
}
WEEKS_LATER = 20  # beyond every grace


async def live_correctly(books):
    """Sell, refund, pay out: what no run may complain about."""
    payment_id, ref = await books.sell()
    await books.refund(payment_id, ref)
    await books.pay_out()


async def cover_by_statements(books):
    """Let the bank's statements go on for weeks after the last payout."""
    at = int((wall() + timedelta(days=WEEKS_LATER - 1)).timestamp())
    with books.theirs.file() as file:
        body = {
            "id": "bk_999",
            "object": "bank_credit",
            "created": at,
            "amount": -100,
            "currency": "usd",
            "reference": "CARD 1",
            "debtor": "The Bank",
            "text": "ACCOUNT FEE",
        }
        file.execute(
            "INSERT INTO objects (id, kind, created, body) VALUES (?, ?, ?, ?)",
            (body["id"], body["object"], at, json.dumps(body)),
        )
    await books.import_bank()


async def found(books):
    return Counter(
        case.difference.kind
        for case in await books.cases(states=[CaseState.OPEN, CaseState.ASSIGNED])
    )


@pytest.mark.breaks_invariants
@pytest.mark.parametrize(("plant", "kind"), PLANTS.items(), ids=lambda v: getattr(v, "__name__", v))
async def test_one_that_is_planted_is_found_and_no_other(books, plant, kind):
    await live_correctly(books)
    await plant(books)
    await cover_by_statements(books)

    run = await books.reconcile(days=WEEKS_LATER)

    assert await found(books) == {kind: 1}
    assert json.loads(run.report)["by_kind"] == {kind.value: 1}


@pytest.mark.breaks_invariants
@pytest.mark.parametrize(
    ("change", "kind"), CHANGES.items(), ids=lambda v: getattr(v, "__name__", v)
)
async def test_what_changes_after_it_was_seen_is_found_and_nothing_else(books, change, kind):
    _, ref = await books.sell()
    await books.pay_out()
    await books.reconcile(days=WEEKS_LATER)
    assert await found(books) == {}

    await change(books, ref)
    await books.reconcile(days=WEEKS_LATER)

    assert await found(books) == {kind: 1}


@pytest.mark.breaks_invariants
@pytest.mark.parametrize("books", ["mollie"], indirect=True)
async def test_all_that_changes_at_mollie_after_it_was_seen_is_found_at_once(books):
    sold = [await books.sell() for _ in CHANGES]
    await books.pay_out()
    await books.reconcile(days=WEEKS_LATER)
    assert await found(books) == {}

    for change, (_, ref) in zip(CHANGES, sold, strict=True):
        await change(books, ref)
    await books.reconcile(days=WEEKS_LATER)

    assert await found(books) == Counter(CHANGES.values())


@pytest.mark.breaks_invariants
@pytest.mark.parametrize("books", ["stripe", "mollie"], indirect=True)
async def test_all_that_are_planted_are_found_at_once_and_nothing_is_invented(books):
    await live_correctly(books)
    for plant in PLANTS:
        await plant(books)
    await live_correctly(books)
    await cover_by_statements(books)

    run = await books.reconcile(days=WEEKS_LATER)
    again = await books.reconcile(days=WEEKS_LATER)

    assert await found(books) == Counter(PLANTS.values())
    assert len(PLANTS) >= 20
    same = ("differences", "open_cases", "by_kind", "totals_minor", "cases")
    first, second = json.loads(run.report), json.loads(again.report)
    assert [first[name] for name in same] == [second[name] for name in same]


async def test_a_credit_that_nobody_explains_is_found_at_the_bank(books):
    await live_correctly(books)
    await books.call(
        books.sandbox.control, "bank/credits", amount_minor=5_000, reference="WHO KNOWS"
    )
    await books.import_bank()

    await books.reconcile(days=WEEKS_LATER)
    await books.reconcile_bank(days=WEEKS_LATER)

    assert await found(books) == {DifferenceKind.BANK_CREDIT_UNKNOWN: 1}


AT_BANK = {
    "a debit that nobody ordered": (
        [Entry(amount="-90.00", ref="A1", text="DIRECT DEBIT")],
        {DifferenceKind.BANK_DEBIT_UNKNOWN: 1},
    ),
    "a credit shown again": (
        [Entry(amount="54.00", end_to_end="E1", ref=ref, text="order") for ref in ("A1", "A2")],
        {DifferenceKind.BANK_LINE_DOUBLED: 2},
    ),
    "two of one amount that are no double": (
        [Entry(amount="54.00", ref=ref, text="order") for ref in ("A1", "A2")],
        {DifferenceKind.BANK_CREDIT_UNKNOWN: 2},
    ),
    "one id for what came and what went": (
        [
            Entry(amount="54.00", end_to_end="E1", ref="A1"),
            Entry(amount="-54.00", end_to_end="E1", ref="A2"),
        ],
        {DifferenceKind.BANK_CREDIT_UNKNOWN: 1, DifferenceKind.BANK_DEBIT_UNKNOWN: 1},
    ),
    "the bank's own charge": ([Entry(amount="-1.00", ref="A1", code="CHRG")], {}),
}


@pytest.mark.parametrize("case", AT_BANK)
async def test_what_the_bank_alone_shows_is_found_once_and_rests_until_it_can_be_known(books, case):
    entries, kinds = AT_BANK[case]
    await books.told_by_bank(*entries)
    await books.reconcile_bank(days=0)
    assert await found(books) == {}, "the day is not over"

    for _ in range(2):
        await books.reconcile_bank(days=WEEKS_LATER)
        assert await found(books) == kinds


async def test_an_order_of_ours_that_is_shown_paid_twice_is_one_double(books):
    """The first line is our order's; the second, of another number, is nobody's."""
    order = await books.order_at_bank(54_00)
    line = Entry(amount="-54.00", end_to_end=order.end_to_end_id, ref="A1")
    await books.told_by_bank(line, replace(line, ref="A2"))

    await books.reconcile_bank(days=WEEKS_LATER)

    assert await found(books) == {DifferenceKind.BANK_LINE_DOUBLED: 1}


def test_every_kind_is_planted_by_some_test():
    """At Stripe and at Mollie alike; what only the bank can show is planted there."""
    at_providers = {*PLANTS.values(), *CHANGES.values()}
    assert at_providers | AT_THE_BANK == set(DifferenceKind)
    assert not at_providers & AT_THE_BANK
    assert len(at_providers) >= 20


def test_every_kind_says_what_it_means_and_what_helps():
    assert MEANINGS.keys() == set(DifferenceKind)
    assert all(meaning.sentence and meaning.suggestion for meaning in MEANINGS.values())
