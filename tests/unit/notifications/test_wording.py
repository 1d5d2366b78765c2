"""Every fact that is told has words, and the words say what it is about."""

import pytest

from tradesense.notifications import words_for
from tradesense.notifications.rules import TELLINGS, Whom


@pytest.mark.parametrize("kind", TELLINGS)
def test_whatever_is_told_has_words(kind):
    words = words_for(TELLINGS[kind].topic, {"amount_minor": 5_400, "currency": "USD"})
    assert words.subject
    assert "{" not in words.text


@pytest.mark.parametrize(
    ("data", "amount"),
    [
        ({"amount_minor": 54_000, "currency": "USD"}, "540.00 USD"),
        ({"amount_minor": 54_000, "currency": "JPY"}, "54,000 JPY"),
        ({"amount_minor": 54_000, "currency": "KWD"}, "54.000 KWD"),
        ({"amount_minor": 54_000, "currency": "XTS"}, "54000 in XTS"),
        ({"received_minor": 100, "received_currency": "EUR", "expected_minor": 5}, "1.00 EUR"),
        ({}, "the amount"),
    ],
)
def test_amounts_are_shown_in_their_currency(data, amount):
    assert amount in words_for("payment.mismatched", data).text


def test_only_an_outage_is_told_to_everybody_it_touches():
    everybody = {kind for kind, telling in TELLINGS.items() if telling.whom is Whom.BUYERS_AT}
    assert everybody == {"ProviderContained", "ProviderRestored"}
    assert {TELLINGS[kind].stream for kind in everybody} == {"notice"}
    assert {TELLINGS[kind].stream for kind in TELLINGS.keys() - everybody} == {"message"}
