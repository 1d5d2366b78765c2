from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from tradesense.payments.reconciliation.model import BankCredit, SentPayout
from tradesense.payments.reconciliation.rules import find_arrived

PAYOUT = SentPayout(provider="stripe", reference="PO-7F3C", amount_minor=5_000, currency="USD")
CREDIT = BankCredit(
    line_id=UUID(int=1),
    amount_minor=5_000,
    currency="USD",
    booked_on=date(2014, 5, 2),
    text="STRIPE PO 7F3C",
)
TWIN = replace(CREDIT, line_id=UUID(int=2))


def test_a_line_that_names_one_payout_to_the_cent_is_that_payout():
    assert find_arrived([CREDIT], [PAYOUT]) == [(CREDIT, PAYOUT)]


@pytest.mark.parametrize(
    ("credits_", "sent"),
    [
        ([replace(CREDIT, amount_minor=4_999)], [PAYOUT]),
        ([replace(CREDIT, currency="EUR")], [PAYOUT]),
        ([replace(CREDIT, text="STRIPE")], [PAYOUT]),
        ([replace(CREDIT, is_explained=True)], [PAYOUT]),
        ([CREDIT, TWIN], [PAYOUT]),
        ([replace(CREDIT, is_explained=True), TWIN], [PAYOUT]),
        ([CREDIT], [PAYOUT, replace(PAYOUT, provider="mollie")]),
        ([CREDIT], []),
    ],
    ids=[
        "a cent less",
        "another currency",
        "not named",
        "known already",
        "two lines name it",
        "it came before",
        "it names two",
        "no payout",
    ],
)
def test_whatever_is_less_sure_waits_for_people(credits_, sent):
    assert find_arrived(credits_, sent) == []
