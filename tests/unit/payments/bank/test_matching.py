"""What lines without a whole reference may be, on each side of being sure."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from tradesense.payments.bank.model import BankLine, Offer, Strength
from tradesense.payments.bank.rules.matching import is_alike, suggest

OFFER = Offer(
    payment_id=UUID(int=1),
    purchase_id=UUID(int=2),
    reference="RF18539007547034",
    account="DE89370400440532013000",
    amount_minor=54_000,
    currency="EUR",
    payer="Ada Lovelace",
)
LINE = BankLine(
    line_id=UUID(int=3),
    account="DE89370400440532013000",
    booked_on=date(2014, 5, 2),
    valued_on=date(2014, 5, 2),
    amount_minor=54_000,
    currency="EUR",
    counterparty="Somebody",
    counterparty_account="",
    text=OFFER.reference,
    end_to_end_id="",
    bank_ref="",
    statement_id=UUID(int=4),
    seq=1,
)
NAMELESS = {"text": "hello", "counterparty": "LOVELACE, ADA"}


@pytest.mark.parametrize(
    ("line", "offer", "reason"),
    [
        ({}, {}, "reference, amount and currency agree"),
        ({"text": "", "end_to_end_id": "RF18539007547034"}, {}, "reference, amount"),
        ({"amount_minor": 53_999}, {}, "0.01 EUR too little"),
        ({"amount_minor": 54_001}, {}, "0.01 EUR too much"),
        ({"currency": "USD"}, {}, "in USD, but EUR was asked for"),
        ({}, {"is_paid": True}, "a second transfer"),
        ({}, {"is_withdrawn": True}, "was given up"),
        ({"text": "RF18539007547043"}, {}, "the reference has a mistake"),
        ({"text": "539007547034"}, {}, "the reference has a mistake"),
        (NAMELESS, {}, "no reference; amount and name agree"),
    ],
)
def test_a_suggestion_says_why(line, offer, reason):
    (found,) = suggest([replace(LINE, **line)], [replace(OFFER, **offer)])

    assert reason in found.reason
    is_sure = reason.startswith("reference, amount")
    assert (found.strength is Strength.STRONG) == is_sure


@pytest.mark.parametrize(
    ("line", "offer"),
    [
        ({"amount_minor": -54_000}, {}),
        ({**NAMELESS, "amount_minor": 53_999}, {}),
        ({**NAMELESS, "counterparty": "Charles Babbage"}, {}),
        (NAMELESS, {"payer": ""}),
        (NAMELESS, {"is_paid": True}),
        ({"text": "RF18539007547043", "amount_minor": 53_999}, {}),
    ],
)
def test_what_is_too_little_to_go_by_is_not_suggested(line, offer):
    assert suggest([replace(LINE, **line)], [replace(OFFER, **offer)]) == []


def test_two_that_it_may_be_are_none():
    other = replace(OFFER, payment_id=UUID(int=9), reference="RF71000000000000")
    assert suggest([replace(LINE, **NAMELESS)], [OFFER, other]) == []


def test_of_two_equal_transfers_one_is_sure():
    again = replace(LINE, line_id=UUID(int=5), seq=2)

    first, second = suggest([LINE, again], [OFFER])

    assert (first.strength, second.strength) == (Strength.STRONG, Strength.WEAK)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Ada Lovelace", "LOVELACE, ADA", True),
        ("Ada Lovelace", "Ada Lovelase", True),
        ("Ada Lovelace", "Alan Turing", False),
        ("", "", False),
    ],
)
def test_names_are_alike_whatever_their_order(one, other, alike):
    assert is_alike(one, other) == alike
