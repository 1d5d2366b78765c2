"""What a provider's view means for a payment, on each side of every boundary."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.kernel.money import Money
from tradesense.payments import rules
from tradesense.payments.model import (
    OPEN,
    Attempt,
    AttemptStatus,
    Fate,
    Payment,
    PaymentStatus,
    ProviderPayment,
    ProviderStatus,
)
from tradesense.resilience.presets import PAYMENT_TIMEOUT_S

OFFER = Attempt(
    payment_id=UUID(int=1),
    provider="stripe",
    number=1,
    status=AttemptStatus.OFFERED,
    ref="pi_1",
)
PAYMENT = Payment(
    payment_id=UUID(int=1),
    purchase_id=UUID(int=2),
    amount=Money(54_000, "USD"),
    status=PaymentStatus.OFFERED,
    attempts=(OFFER,),
)


def offered_as(**changes):
    return replace(PAYMENT, attempts=(replace(OFFER, **changes),))


SEEN = ProviderPayment(
    provider="stripe",
    ref="pi_1",
    payment_id=PAYMENT.payment_id,
    status=ProviderStatus.SUCCEEDED,
    amount_minor=54_000,
    received_minor=54_000,
    currency="USD",
)


def judged(*, known=False, **changes):
    seen = {name: value for name, value in changes.items() if hasattr(SEEN, name)}
    seen.pop("status", None)
    own = {"status", "is_cancel_requested"} & changes.keys()
    payment = replace(PAYMENT, **{name: changes[name] for name in own})
    return rules.judge(payment, replace(SEEN, **seen), is_receipt_known=known)


@pytest.mark.parametrize(
    ("received", "currency", "outcome"),
    [
        (54_000, "USD", rules.Paid),
        (53_999, "USD", rules.Mismatched),
        (54_001, "USD", rules.Mismatched),
        (54_000, "EUR", rules.Mismatched),
        (54_000, "XYZ", rules.Mismatched),
    ],
)
def test_money_must_be_what_the_order_says(received, currency, outcome):
    found = judged(received_minor=received, currency=currency)

    assert type(found) is outcome
    assert (found.receipt.amount_minor, found.receipt.currency) == (received, currency)


def test_a_receipt_is_counted_once():
    assert judged(known=True) == rules.Unchanged()


@pytest.mark.parametrize(
    "status", [PaymentStatus.CANCELLED, PaymentStatus.FAILED, PaymentStatus.MISMATCHED]
)
def test_money_for_a_payment_that_has_ended_goes_back(status):
    found = judged(status=status)

    assert isinstance(found, rules.Unwanted)
    assert (found.receipt.fate, found.receipt.reason) == (Fate.RETURNED, "paid too late")


def test_money_that_arrives_while_we_withdraw_goes_back():
    found = judged(is_cancel_requested=True)

    assert isinstance(found, rules.Unwanted)


@pytest.mark.parametrize("status", [PaymentStatus.OFFERED, PaymentStatus.SUCCEEDED])
def test_a_second_payment_for_one_order_goes_back(status):
    found = judged(status=status, ref="pi_2")

    assert isinstance(found, rules.Unwanted)
    assert found.receipt.reason == "paid twice"


def test_money_for_an_offer_whose_answer_was_lost_is_honoured():
    unknown = offered_as(status=AttemptStatus.UNKNOWN, ref=None)
    payment = replace(unknown, status=PaymentStatus.REQUESTED)

    assert isinstance(rules.judge(payment, SEEN, is_receipt_known=False), rules.Paid)


def seen_as(status, payment=PAYMENT, **changes):
    seen = replace(SEEN, status=status, received_minor=0, **changes)
    return rules.judge(payment, seen, is_receipt_known=False)


@given(st.floats(0, 3_600))
def test_a_payment_that_nothing_is_heard_of_ends_within_a_minute_though_a_look_hangs(paid_s):
    late_s = 1.0  # how late a busy worker is for each look
    looks = [0.0]
    while looks[-1] < paid_s + 60:
        soon = len(looks) <= rules.POLLS_SOON
        looks.append(looks[-1] + late_s + (rules.POLL_SOON_S if soon else rules.POLL_LATER_S))

    _hangs, answers, *_ = (at for at in looks if at >= paid_s)

    assert answers + PAYMENT_TIMEOUT_S - paid_s <= 60


def test_an_open_payment_without_news_is_unchanged():
    assert seen_as(ProviderStatus.OPEN) == rules.Unchanged()
    assert seen_as(ProviderStatus.UNDERWAY) == rules.Unchanged()


def test_a_decline_is_news_once():
    refused = {"decline_id": "ch_1", "decline_reason": "insufficient_funds"}
    assert seen_as(ProviderStatus.OPEN, **refused) == rules.Declined("ch_1", "insufficient_funds")
    told = offered_as(last_decline="ch_1")
    assert seen_as(ProviderStatus.OPEN, told, **refused) == rules.Unchanged()


def test_who_ended_a_payment_is_told_apart():
    asked = replace(PAYMENT, is_cancel_requested=True)
    assert seen_as(ProviderStatus.CANCELLED, asked) == rules.Withdrawn()
    assert isinstance(seen_as(ProviderStatus.CANCELLED), rules.GivenUp)


def test_the_end_of_another_offer_changes_nothing():
    assert seen_as(ProviderStatus.CANCELLED, ref="pi_2") == rules.Unchanged()


payments = st.builds(
    replace,
    st.just(PAYMENT),
    status=st.sampled_from(PaymentStatus),
    is_cancel_requested=st.booleans(),
    attempts=st.builds(
        lambda last, status: (replace(OFFER, last_decline=last, status=status),),
        st.sampled_from([None, "ch_1"]),
        st.sampled_from([AttemptStatus.OFFERED, AttemptStatus.WITHDRAWING, AttemptStatus.PAID]),
    ),
)
views = st.builds(
    replace,
    st.just(SEEN),
    ref=st.sampled_from(["pi_1", "pi_2"]),
    status=st.sampled_from(ProviderStatus),
    received_minor=st.sampled_from([0, 1, 54_000]),
    currency=st.sampled_from(["USD", "EUR"]),
    decline_id=st.sampled_from([None, "ch_1", "ch_2"]),
)


@given(payments, views)
def test_money_is_never_kept_silently(payment, seen):
    outcome = rules.judge(payment, seen, is_receipt_known=False)

    is_money = seen.status is ProviderStatus.SUCCEEDED and seen.received_minor > 0
    assert is_money == isinstance(outcome, rules.Paid | rules.Mismatched | rules.Unwanted)
    if isinstance(outcome, rules.Paid):
        assert payment.status in OPEN
        assert not payment.is_cancel_requested
        assert outcome.receipt.fate is Fate.HONOURED


@given(payments, views)
def test_a_view_seen_again_changes_nothing_more(payment, seen):
    first = rules.judge(payment, seen, is_receipt_known=False)
    match first:
        case rules.Paid() | rules.Mismatched() | rules.Unwanted():
            payment, known = replace(payment, status=rules.status_after(payment, first)), True
        case rules.Withdrawn():
            payment, known = offered_as(status=AttemptStatus.WITHDRAWN), False
        case rules.Authorised():
            payment, known = replace(payment, status=PaymentStatus.AUTHORISED), False
        case rules.GivenUp():
            ended = offered_as(status=AttemptStatus.WITHDRAWN)
            payment, known = replace(ended, status=PaymentStatus.FAILED), False
        case rules.Declined(decline_id, _):
            payment, known = offered_as(last_decline=decline_id), False
        case _:
            known = False

    assert rules.judge(payment, seen, is_receipt_known=known) == rules.Unchanged()
