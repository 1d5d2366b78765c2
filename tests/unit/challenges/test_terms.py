"""What is sold is sealed whole, and compiled from nothing but the seal."""

import hashlib
from dataclasses import replace
from uuid import UUID

import pytest

from tradesense import challenges
from tradesense.challenges import programmes, rules
from tradesense.challenges.model import Lock, Programme, Terms
from tradesense.kernel.canonical import canonical
from tradesense.kernel.money import Money
from tradesense.trading.engine.arithmetic import terms_by_symbol
from tradesense.trading.engine.orders import MARKET_WAIT_US
from tradesense.trading.engine.sessions import REOPENING_US
from tradesense.trading.model import BelowResetBalance, Comparison, Measure, Static, Target

PLAN = programmes.PLANS["ftmo-2step-100k"]
CHALLENGE = UUID(int=7)


def sealed(programme: Programme) -> Terms:
    return challenges.seal_terms(replace(PLAN, programme=programme))


def test_terms_are_canonical_and_named_by_their_hash():
    terms = challenges.seal_terms(PLAN)
    assert terms.text == canonical(dict(terms.data))
    assert terms.sha256 == hashlib.sha256(terms.text).hexdigest()
    assert Terms.read(terms.text) == terms


def test_the_same_plan_seals_to_the_same_bytes():
    assert challenges.seal_terms(PLAN).text == challenges.seal_terms(PLAN).text


@pytest.mark.parametrize("programme", programmes.PROGRAMMES.values(), ids=lambda p: p.code)
def test_sealing_forgets_nothing_of_a_programme(programme):
    terms = sealed(programme)
    assert rules.limits_of(terms) == programme.limits
    assert rules.phases_of(terms) == programme.phases
    assert terms.data["reset"] == {
        "time": programme.reset_time,
        "zone": programme.reset_zone,
    }
    assert terms.data["source"].startswith("https://")
    assert programme.chosen


@pytest.mark.parametrize("code", list(programmes.PLANS))
def test_every_plan_on_sale_can_be_judged_in_every_phase(code):
    terms = challenges.seal_terms(challenges.get_plan(code))
    for phase in rules.phases_of(terms):
        setup = rules.compile_setup(terms, challenge_id=CHALLENGE, phase=phase.name)
        assert setup.terms_sha256 == terms.sha256


def test_phase_1_of_the_ftmo_plan_compiles_to_its_published_numbers():
    setup = rules.compile_setup(
        challenges.seal_terms(PLAN), challenge_id=CHALLENGE, phase="phase-1"
    )
    daily, overall = setup.guards
    assert (daily.recipe, overall.recipe) == (
        BelowResetBalance(amount_minor=5_000_00),
        Static(floor_minor=90_000_00),
    )
    assert {daily.measure, overall.measure} == {Measure.EQUITY}
    assert {daily.comparison, overall.comparison} == {Comparison.BELOW}
    assert setup.target == Target(profit_minor=10_000_00, days_min=4)
    assert (setup.initial_minor, setup.leverage, setup.currency) == (100_000_00, 30, "USD")
    assert setup.reset == "00:00 Europe/Prague"


def test_phase_2_asks_for_half_and_funded_for_nothing():
    terms = challenges.seal_terms(PLAN)
    second = rules.compile_setup(terms, challenge_id=CHALLENGE, phase="phase-2")
    funded = rules.compile_setup(terms, challenge_id=CHALLENGE, phase="funded")
    assert second.target == Target(profit_minor=5_000_00, days_min=4)
    assert funded.target is None
    assert second.guards == funded.guards
    assert len({second.account_id, funded.account_id}) == 2


def test_phases_follow_each_other_to_funded_and_no_further():
    terms = challenges.seal_terms(PLAN)
    assert rules.phase_after(terms, "phase-1") == "phase-2"
    assert rules.phase_after(terms, "phase-2") == "funded"
    assert rules.phase_after(terms, "funded") is None


def test_a_later_change_of_a_programme_does_not_touch_terms_already_sealed():
    terms = challenges.seal_terms(PLAN)
    harsher = replace(PLAN.programme, limits=())
    assert sealed(harsher).sha256 != terms.sha256
    assert len(rules.compile_setup(terms, challenge_id=CHALLENGE, phase="phase-1").guards) == 2


@pytest.mark.parametrize(
    "programme",
    [
        programmes.FTMO_1STEP,
        programmes.THE5ERS_HIGH_STAKES,
        programmes.ALPHA_PRO,
        programmes.BLUE_GUARDIAN,
        programmes.BREAKOUT_1STEP,
        programmes.TOPSTEP_50K,
        programmes.APEX_50K,
    ],
    ids=lambda p: p.code,
)
def test_switches_that_no_engine_judges_are_refused_and_not_judged_by_half(programme):
    with pytest.raises(rules.CannotJudge):
        rules.compile_setup(sealed(programme), challenge_id=CHALLENGE, phase="phase-1")


def test_a_lock_alone_is_refused_too():
    daily, overall = PLAN.programme.limits
    locked = replace(PLAN.programme, limits=(daily, replace(overall, lock=Lock.AT_INITIAL)))
    with pytest.raises(rules.CannotJudge, match="overall loss"):
        rules.compile_setup(sealed(locked), challenge_id=CHALLENGE, phase="phase-1")


def test_an_unknown_plan_is_answered_with_the_plans_on_sale():
    with pytest.raises(challenges.UnknownPlan, match="ftmo-2step-100k"):
        challenges.get_plan("lottery-1m")


def test_the_price_is_sealed_with_the_terms():
    dearer = replace(PLAN, price=Money(999_00, "USD"))
    assert challenges.seal_terms(dearer).sha256 != challenges.seal_terms(PLAN).sha256


def test_the_engine_waits_and_converts_as_the_terms_say():
    """What the terms state, the engine does: its constants are the sealed ones."""
    terms = challenges.seal_terms(PLAN)
    setup = rules.compile_setup(terms, challenge_id=CHALLENGE, phase="phase-1")
    assert terms.data["order_wait_s"] * 1_000_000 == MARKET_WAIT_US
    assert terms.data["reopening_wait_s"] * 1_000_000 == REOPENING_US
    for symbol, engine in terms_by_symbol(setup).items():
        sealed = terms.data["conversions"].get(engine.instrument.quote)
        found = engine.conversion
        told = None if found is None else {"symbol": found.symbol, "inverted": found.inverted}
        assert told == sealed, symbol
    assert terms.data["conversions"]["JPY"] == {"symbol": "USD/JPY", "inverted": True}
    assert terms.data["conversions"]["EUR"] == {"symbol": "EUR/USD", "inverted": False}
