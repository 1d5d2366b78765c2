"""References that people copy: made once, and no slip of a hand makes another out of them."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.payments.bank.rules import references as rules

BODIES = st.text("0123456789", min_size=12, max_size=12)
REFERENCES = BODIES.map(rules.with_check)
CHARS = string.digits + string.ascii_uppercase


@given(st.uuids())
def test_a_reference_is_short_right_and_follows_from_the_payment(payment_id):
    made = rules.reference_of(payment_id)

    assert made == rules.reference_of(payment_id)
    assert len(made) == rules.LENGTH == 16
    assert rules.is_reference(made)
    assert made != rules.reference_of(payment_id, attempt=1)


def test_check_digits_are_those_of_the_standard():
    # ISO 11649's own example has another length; its remainder is the same rule.
    assert int("539007547034" + "2715" + "18") % 97 == 1
    assert rules.with_check("539007547034") == "RF18539007547034"
    assert rules.printed("RF18539007547034") == "RF18 5390 0754 7034"


@given(REFERENCES, st.data())
def test_every_wrong_character_is_seen(reference, data):
    at = data.draw(st.integers(0, rules.LENGTH - 1))
    char = data.draw(st.sampled_from([c for c in CHARS if c != reference[at]]))

    assert not rules.is_reference(reference[:at] + char + reference[at + 1 :])


@given(REFERENCES)
def test_every_two_neighbours_that_changed_places_are_seen(reference):
    for at in range(rules.LENGTH - 1):
        changed = reference[:at] + reference[at + 1] + reference[at] + reference[at + 2 :]
        assert changed == reference or not rules.is_reference(changed)


@given(REFERENCES, st.data())
def test_a_reference_with_one_mistake_is_found_but_not_believed(reference, data):
    at = data.draw(st.integers(0, rules.LENGTH - 2))
    digit = data.draw(st.sampled_from(string.digits))
    mistake = data.draw(
        st.sampled_from(
            [
                reference[:at] + digit + reference[at + 1 :],
                reference[:at] + reference[at + 1 :],
                reference[:at] + digit + reference[at:],
                reference[:at] + reference[at + 1] + reference[at] + reference[at + 2 :],
                reference[4:],
            ]
        )
    )
    before = data.draw(st.sampled_from(["", "CHALLENGE", "ORDER7"]))
    after = data.draw(st.sampled_from(["", "THANKS", "2026"]))

    assert rules.is_nearly_in(reference, before + mistake + after)


@given(REFERENCES, REFERENCES)
def test_two_references_are_never_one_mistake_apart(one, other):
    if one != other and len([1 for a, b in zip(one, other, strict=True) if a != b]) == 1:
        pytest.fail("check digits would have to differ too")


@pytest.mark.parametrize(
    "written",
    [
        "RF18539007547034",
        "rf18 5390 0754 7034",
        "Challenge RF18-5390-0754-7034, thank you",
        "/RFB/RF18 5390 07547034",
        "RFRF18539007547034",
    ],
)
def test_references_are_found_however_they_are_written(written):
    assert rules.references_in(written) == ["RF18539007547034"]


@pytest.mark.parametrize(
    "written",
    [
        "",
        "RF",
        "RF19539007547034",
        "RF1853900754703",
        "539007547034",
        "RF18539O07547034",
        "\uff32\uff2618",
    ],
)
def test_what_is_no_reference_is_not_believed(written):
    assert rules.references_in(written) == []


def test_a_stranger_s_number_is_not_nearly_a_reference():
    assert not rules.is_nearly_in("RF18539007547034", "RF71000011112222INVOICE539007")
