"""Who may be paid what and when, on each side of every boundary; how profit is shared."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense import challenges, ledger
from tradesense.challenges import programmes
from tradesense.challenges.model import Terms
from tradesense.kernel.canonical import canonical
from tradesense.kernel.money import MINOR_DIGITS, Money
from tradesense.payouts import rules
from tradesense.payouts.model import (
    Approval,
    Decision,
    Identity,
    IdentityState,
    Past,
    Payee,
    Payout,
    PayoutStatus,
    Standing,
    Wish,
)
from tradesense.payouts.refusals import (
    AboveProfit,
    AlreadyApproved,
    AlreadyDecided,
    BadRequest,
    BelowMinimum,
    IdentityUnknown,
    NotFlat,
    NotFrozen,
    OwnRequest,
    TooSoon,
)

FUNDED = datetime(2014, 5, 15, 8, 0, tzinfo=UTC)
TERMS = programmes.FTMO_2STEP.payouts
DUE = FUNDED + timedelta(days=14)
SECOND = timedelta(seconds=1)
STANDING = Standing(
    currency="USD",
    initial_minor=100_000_00,
    available_minor=5_000_00,
    is_flat=True,
    funded_at=FUNDED,
)
ONCE = Past(count=1, last_at=DUE)
PAYEE = Payee(name="Ada", account="GB33BUKB20201555555555")
PAYOUT = Payout(
    id=UUID(int=1),
    user_id=UUID(int=2),
    challenge_id=UUID(int=3),
    account_id=UUID(int=4),
    currency="USD",
    asked_minor=None,
    number=1,
    split_bp=8_000,
    alone_max_minor=0,
    payee=PAYEE,
    requested_at=DUE,
)
FROZEN = rules.frozen(PAYOUT, withdrawn_minor=5_000_00, fee=540_00)
VERIFIED = Identity(
    user_id=UUID(int=2),
    state=IdentityState.VERIFIED,
    reason="seen",
    decided_by="operator:jane",
    asked_at=DUE,
)


@pytest.mark.parametrize(
    ("changes", "asked", "refused"),
    [
        ({}, {}, None),
        ({}, {"amount_minor": 5_000_00}, None),
        ({}, {"amount_minor": 5_000_01}, AboveProfit),
        ({}, {"amount_minor": 20_00}, None),
        ({}, {"amount_minor": 19_99}, BelowMinimum),
        ({"available_minor": 20_00}, {}, None),
        ({"available_minor": 19_99}, {}, BelowMinimum),
        ({"available_minor": 0}, {}, AboveProfit),
        ({"available_minor": -1}, {"amount_minor": 20_00}, AboveProfit),
        ({"is_flat": False}, {}, NotFlat),
        ({}, {"now": DUE - SECOND}, TooSoon),
        ({}, {"past": ONCE, "now": DUE + timedelta(days=14)}, None),
        ({}, {"past": ONCE, "now": DUE + timedelta(days=14) - SECOND}, TooSoon),
        ({}, {"currency": "USD"}, None),
        ({}, {"currency": "EUR"}, BadRequest),
    ],
)
def test_a_payout_needs_a_flat_account_profit_and_its_time(changes, asked, refused):
    fields = {"past": Past(), "now": DUE} | {
        name: asked.pop(name) for name in ("past", "now") if name in asked
    }
    wish = Wish(payee=PAYEE, **asked)
    standing = replace(STANDING, **changes)
    if refused is None:
        rules.require_payable(standing, TERMS, wish, **fields)
    else:
        with pytest.raises(refused):
            rules.require_payable(standing, TERMS, wish, **fields)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"challenge_id": UUID(int=1), "account_id": UUID(int=2)},
        {"challenge_id": UUID(int=1), "amount_minor": 0},
        {"challenge_id": UUID(int=1), "amount_minor": -1},
        {"challenge_id": UUID(int=1), "currency": "XXX"},
    ],
)
def test_a_request_that_makes_no_sense_says_so(asked):
    with pytest.raises(BadRequest):
        rules.require_sense(Wish(payee=PAYEE, **asked))


@pytest.mark.parametrize(("number", "split"), [(1, 8_000), (2, 8_000), (3, 9_000), (9, 9_000)])
def test_the_part_grows_with_the_third_payout(number, split):
    assert rules.split_bp(TERMS, number) == split


@pytest.mark.parametrize(
    ("withdrawn", "split", "share"),
    [(5_000_00, 8_000, 4_000_00), (1, 5_000, 0), (3, 5_000, 2), (5, 5_000, 2), (7, 8_000, 6)],
)
def test_the_share_is_rounded_half_to_even(withdrawn, split, share):
    assert rules.share_minor(withdrawn, split) == share


@pytest.mark.parametrize(
    ("changes", "price", "fee"),
    [
        ({}, Money(540_00, "USD"), 540_00),
        ({}, Money(540_00, "EUR"), 0),
        ({"number": 2}, Money(540_00, "USD"), 0),
    ],
)
def test_the_fee_goes_back_with_the_first_payout_only(changes, price, fee):
    assert rules.fee_minor(TERMS, replace(PAYOUT, **changes), price) == fee
    keeps = replace(TERMS, refunds_fee=False)
    assert rules.fee_minor(keeps, replace(PAYOUT, **changes), price) == 0


@pytest.mark.parametrize(
    ("payout", "identity", "approved_by", "refused"),
    [
        (FROZEN, VERIFIED, (), None),
        (FROZEN, VERIFIED, ("operator:john",), None),
        (FROZEN, VERIFIED, ("operator:jane",), AlreadyApproved),
        (FROZEN, None, (), IdentityUnknown),
        (FROZEN, replace(VERIFIED, state=IdentityState.PENDING), (), IdentityUnknown),
        (FROZEN, replace(VERIFIED, state=IdentityState.REJECTED), (), IdentityUnknown),
        (PAYOUT, VERIFIED, (), NotFrozen),
        (replace(FROZEN, status=PayoutStatus.REFUSED), VERIFIED, (), NotFrozen),
        (replace(FROZEN, decision=Decision.APPROVED), VERIFIED, (), AlreadyDecided),
        (replace(FROZEN, decision=Decision.REJECTED), VERIFIED, (), AlreadyDecided),
    ],
)
def test_an_operator_approves_once_what_is_frozen_and_known(payout, identity, approved_by, refused):
    approvals = [Approval(by=each, at=DUE) for each in approved_by]
    if refused is None:
        rules.require_approvable(payout, identity, approvals, "operator:jane")
    else:
        with pytest.raises(refused):
            rules.require_approvable(payout, identity, approvals, "operator:jane")


@pytest.mark.parametrize("by", ["operator", "user"])
def test_nobody_decides_about_a_payout_to_themselves(by):
    with pytest.raises(OwnRequest):
        rules.require_open(FROZEN, f"{by}:{FROZEN.user_id}")


@pytest.mark.parametrize(
    ("alone_max", "needed"), [(0, 2), (4_539_99, 2), (4_540_00, 1), (10**9, 1)]
)
def test_above_the_limit_two_operators_must_agree(alone_max, needed):
    payout = replace(FROZEN, alone_max_minor=alone_max)
    assert payout.approvals_needed == needed
    assert rules.decision_after(payout, needed - 1) is None
    assert rules.decision_after(payout, needed) is Decision.APPROVED


@pytest.mark.parametrize(("currency", "minor"), [("USD", 700), ("JPY", 7), ("KWD", 7_000)])
def test_the_limit_is_in_whole_units_of_any_currency(currency, minor):
    assert rules.alone_max_minor(7, currency) == minor


@given(
    withdrawn=st.integers(1, 10**13),
    split=st.integers(0, 10_000),
    fee=st.integers(0, 10**8),
    currency=st.sampled_from(sorted(MINOR_DIGITS)),
)
def test_shares_add_up_and_the_books_of_a_payout_end_at_zero(withdrawn, split, fee, currency):
    payout = rules.frozen(
        replace(PAYOUT, split_bp=split, currency=currency), withdrawn_minor=withdrawn, fee=fee
    )
    assert payout.share_minor + payout.firm_minor == withdrawn
    assert 0 <= payout.share_minor <= withdrawn
    assert abs(payout.share_minor * 10_000 - withdrawn * split) <= 5_000
    if not payout.amount.minor:
        return
    owed, sent = rules.owed(payout, DUE), rules.sent(payout, payout.id, DUE)
    back, undone = rules.returned(payout, payout.id, DUE), rules.given_back(payout, DUE)
    assert sum(each.amount.minor for each in owed) == sent.amount.minor
    standing: dict[str, int] = {}
    for each in [*owed, sent, back, *undone]:
        assert ledger.find_account(each.debit)
        assert ledger.find_account(each.credit)
        standing[each.debit] = standing.get(each.debit, 0) + each.amount.minor
        standing[each.credit] = standing.get(each.credit, 0) - each.amount.minor
    assert set(standing.values()) == {0}


def test_terms_seal_how_a_challenge_pays_out():
    terms = challenges.seal_terms(programmes.PLANS["ftmo-2step-100k"])
    assert challenges.payout_rules_of(terms) == TERMS


def test_terms_sealed_before_payouts_were_keep_what_was_first_published():
    sealed = challenges.seal_terms(programmes.PLANS["ftmo-2step-100k"])
    before = {name: said for name, said in sealed.data.items() if name != "payouts"}
    assert challenges.payout_rules_of(Terms.read(canonical(before))) == challenges.PayoutRules(
        first_after_days=14, every_days=14, profit_min_bp=2, split_bp=8_000,
        split_later_bp=9_000, split_later_from=3, refunds_fee=True,
    )  # fmt: skip


def test_a_price_that_could_not_go_back_with_a_payout_is_not_sold():
    plan = replace(programmes.PLANS["ftmo-2step-100k"], price=Money(540_00, "EUR"))
    with pytest.raises(Exception, match="its own currency"):
        challenges.seal_terms(plan)
