"""
The programmes firms sell, as data: every number and every switch, with the page it stands on.

Nothing here is code. `chosen` says what the firm leaves open and what we decided; a programme
is sold only where `rules.compile_setup` can judge every one of its switches (see `PLANS`).
"""

from dataclasses import replace

from tradesense.challenges.model import (
    AmountOf,
    Comparison,
    DayCounts,
    Effect,
    Lock,
    LossLimit,
    OnCashFlow,
    PayoutRules,
    PhaseRules,
    Plan,
    Programme,
    Reference,
    TargetOn,
    Tested,
    When,
)
from tradesense.kernel.money import Money

_FUNDED = PhaseRules(name="funded", target_bp=None, target_on=None, days_min=0)


def _phase(name: str, target_bp: int, days_min: int) -> PhaseRules:
    return PhaseRules(
        name=name, target_bp=target_bp, target_on=TargetOn.CLOSED_FLAT, days_min=days_min
    )


# Fourteen days, 80 % and the fee with the first payout are what most of these firms state. Chosen:
# 90 % from the third payout on (they tie it to growth), 20 of 100,000 as the least worth sending.
_PAYOUTS = PayoutRules(
    first_after_days=14,
    every_days=14,
    profit_min_bp=2,
    split_bp=8_000,
    split_later_bp=9_000,
    split_later_from=3,
    refunds_fee=True,
)

# The plainest limits, each switch stated; the others are written as what differs from them.
_DAILY = LossLimit(
    name="daily loss",
    amount_of=AmountOf.INITIAL_BP,
    amount=500,
    reference=Reference.DAY_START_BALANCE,
    tested=Tested.EQUITY,
    when=When.EVERY_INPUT,
    comparison=Comparison.BELOW,
    effect=Effect.FAIL,
    on_cash_flow=OnCashFlow.SHIFT,
    lock=Lock.NONE,
)
_OVERALL = LossLimit(
    name="overall loss",
    amount_of=AmountOf.INITIAL_BP,
    amount=1_000,
    reference=Reference.INITIAL,
    tested=Tested.EQUITY,
    when=When.EVERY_INPUT,
    comparison=Comparison.BELOW,
    effect=Effect.FAIL,
    on_cash_flow=OnCashFlow.SHIFT,
    lock=Lock.NONE,
)

FTMO_2STEP = Programme(
    code="ftmo-2step",
    title="FTMO, two steps",
    source="https://ftmo.com/en/trading-objectives",
    chosen="A loss of exactly the limit does not breach; the day count needs an opening.",
    reset_time="00:00",
    reset_zone="Europe/Prague",
    payouts=_PAYOUTS,
    limits=(_DAILY, _OVERALL),
    phases=(_phase("phase-1", 1_000, 4), _phase("phase-2", 500, 4), _FUNDED),
)

FTMO_1STEP = Programme(
    code="ftmo-1step",
    title="FTMO, one step",
    source="https://promo.ftmo.oanda.com/new-1-step-challenge",
    chosen="No lock is stated: the floor follows the highest reset balance and never falls.",
    reset_time="00:00",
    reset_zone="Europe/Prague",
    payouts=_PAYOUTS,
    limits=(
        replace(_DAILY, amount=300),
        replace(_OVERALL, reference=Reference.HIGHEST_DAY_END_BALANCE),
    ),
    phases=(replace(_phase("phase-1", 1_000, 0), best_day_max_bp=5_000), _FUNDED),
)

FUNDEDNEXT_2STEP = Programme(
    code="fundednext-2step",
    title="FundedNext Stellar, two steps",
    source="https://help.fundednext.com/en/articles/"
    "12673362-what-rules-do-i-need-to-follow-in-the-stellar-2-step-challenge",
    chosen="Server midnight is taken as Europe/Athens; a loss of exactly the limit holds.",
    reset_time="00:00",
    reset_zone="Europe/Athens",
    payouts=_PAYOUTS,
    limits=(_DAILY, _OVERALL),
    phases=(_phase("phase-1", 800, 5), _phase("phase-2", 500, 5), _FUNDED),
)

THE5ERS_HIGH_STAKES = Programme(
    code="the5ers-high-stakes",
    title="The5ers High Stakes",
    source="https://help.the5ers.com/"
    "what-is-the-maximum-loss-and-the-maximum-daily-loss-in-the-high-stakes-program",
    chosen="`Reaching` a limit ends the account: at-or-below; server midnight is Europe/Athens.",
    reset_time="00:00",
    reset_zone="Europe/Athens",
    payouts=_PAYOUTS,
    limits=(
        replace(
            _DAILY,
            amount_of=AmountOf.REFERENCE_BP,
            reference=Reference.DAY_START_HIGHER,
            comparison=Comparison.AT_OR_BELOW,
        ),
        replace(_OVERALL, comparison=Comparison.AT_OR_BELOW),
    ),
    phases=(
        replace(_phase("phase-1", 800, 3), day_counts=DayCounts.PROFITABLE, day_profit_min_bp=50),
        replace(_phase("phase-2", 500, 3), day_counts=DayCounts.PROFITABLE, day_profit_min_bp=50),
        _FUNDED,
    ),
)

ALPHA_PRO = Programme(
    code="alpha-capital-pro",
    title="Alpha Capital Pro",
    source="https://jointhealphapack.com/pricing11700835613375",
    chosen="Broker time is GMT+3 all year, without daylight saving (Etc/GMT-3).",
    reset_time="00:00",
    reset_zone="Etc/GMT-3",
    payouts=_PAYOUTS,
    limits=(replace(_DAILY, amount_of=AmountOf.REFERENCE_BP), _OVERALL),
    phases=(_phase("phase-1", 800, 3), _phase("phase-2", 500, 3), _FUNDED),
)

BLUE_GUARDIAN = Programme(
    code="blue-guardian",
    title="Blue Guardian, two steps",
    source="https://blueguardian.com/faq",
    chosen="A loss of exactly the limit does not breach.",
    reset_time="17:00",
    reset_zone="America/New_York",
    payouts=_PAYOUTS,
    limits=(
        replace(_DAILY, amount=400, reference=Reference.DAY_START_HIGHER),
        replace(_OVERALL, amount=800),
    ),
    phases=(_phase("phase-1", 800, 3), _phase("phase-2", 400, 3), _FUNDED),
)

BREAKOUT_1STEP = Programme(
    code="breakout-1step",
    title="Breakout (Kraken), one step",
    source="https://www.breakoutprop.com/program-rules",
    chosen="The target counts open profit: the account is flattened, then judged after costs.",
    reset_time="00:30",
    reset_zone="Etc/UTC",
    payouts=_PAYOUTS,
    limits=(
        replace(
            _DAILY,
            amount_of=AmountOf.REFERENCE_BP,
            amount=400,
            comparison=Comparison.AT_OR_BELOW,
        ),
        replace(_OVERALL, amount=600),
    ),
    phases=(
        replace(_phase("phase-1", 1_000, 0), target_on=TargetOn.EQUITY_FLATTENED),
        _FUNDED,
    ),
)

TOPSTEP_50K = Programme(
    code="topstep-50k",
    title="Topstep Trading Combine, 50,000",
    source="https://help.topstep.com/en/articles/8284204-what-is-the-maximum-loss-limit",
    chosen="The daily limit is the optional one: it pauses the account until the reset.",
    reset_time="17:00",
    reset_zone="America/Chicago",
    payouts=_PAYOUTS,
    limits=(
        replace(_DAILY, amount_of=AmountOf.CASH_MINOR, amount=1_000_00, effect=Effect.PAUSE),
        replace(
            _OVERALL,
            amount_of=AmountOf.CASH_MINOR,
            amount=2_000_00,
            reference=Reference.HIGHEST_DAY_END_BALANCE,
            lock=Lock.AT_INITIAL,
        ),
    ),
    phases=(replace(_phase("phase-1", 600, 2), best_day_max_bp=5_000), _FUNDED),
)

APEX_50K = Programme(
    code="apex-50k-intraday",
    title="Apex, 50,000, intraday trailing",
    source="https://support.apextraderfunding.com/hc/en-us",
    chosen="There is no daily limit; the floor follows the highest equity, open profit included.",
    reset_time="18:00",
    reset_zone="America/New_York",
    payouts=_PAYOUTS,
    limits=(
        replace(
            _OVERALL,
            amount_of=AmountOf.CASH_MINOR,
            amount=2_500_00,
            reference=Reference.HIGHEST_EQUITY,
            lock=Lock.AT_INITIAL_PLUS,
            lock_plus_minor=100_00,
        ),
    ),
    phases=(_phase("phase-1", 600, 7), _FUNDED),
)

PROGRAMMES: dict[str, Programme] = {
    programme.code: programme
    for programme in (
        FTMO_2STEP,
        FTMO_1STEP,
        FUNDEDNEXT_2STEP,
        THE5ERS_HIGH_STAKES,
        ALPHA_PRO,
        BLUE_GUARDIAN,
        BREAKOUT_1STEP,
        TOPSTEP_50K,
        APEX_50K,
    )
}

# What is on sale. The price is ours: the firm sells this size for 540 EUR.
PLANS: dict[str, Plan] = {
    plan.code: plan
    for plan in (
        Plan(
            code="ftmo-2step-100k",
            title="FTMO-style, two steps, 100,000 USD",
            programme=FTMO_2STEP,
            initial=Money(100_000_00, "USD"),
            price=Money(540_00, "USD"),
            leverage=30,
            symbols=(
                "EUR/USD",
                "GBP/USD",
                "AUD/USD",
                "NZD/USD",
                "USD/JPY",
                "USD/CHF",
                "USD/CAD",
                "XAU/USD",
                "DE30/EUR",
                "BTC/USD",
            ),
        ),
    )
}
