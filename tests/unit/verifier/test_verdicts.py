"""The verdicts a stranger must reach: each rule on both sides of its boundary."""

import json
from datetime import UTC, datetime

import pytest

from evidence_world import DAX, EURUSD, USDJPY, EvidenceWorld
from tradesense_verify.cli import main
from tradesense_verify.verify import Report, verify
from verifier_bundles import bundle_of

MONDAY = datetime(2014, 5, 5, 8, tzinfo=UTC)


def judged(world: EvidenceWorld, phase: str = "phase-1") -> Report:
    report = verify(bundle_of(world.evidence(phase)), None)
    assert [str(each) for each in report.findings] == []
    return report


def opened(at: datetime | None = None) -> EvidenceWorld:
    world = EvidenceWorld() if at is None else EvidenceWorld(at)
    world.clock()
    world.quote(138_000)
    world.start()
    return world


def outcome(report: Report) -> dict[str, object]:
    assert report.replay is not None
    assert report.replay.outcome is not None
    return report.replay.outcome[1]


def trade_a_day(world: EvidenceWorld, pips: int = 0, qty: int = 1_000) -> None:
    world.trade(pips, qty)
    world.wait(24 * 3_600)


@pytest.mark.parametrize(("bid", "verdict"), [(137_500, "running"), (137_499, "failed")])
def test_a_daily_loss_of_exactly_the_limit_holds_and_a_pip_fraction_more_fails(bid, verdict):
    world = opened()
    world.buy(1_000_000)
    world.wait(1)
    world.quote(bid)
    assert judged(world).verdict == verdict


def test_a_gap_through_the_limit_fails_at_the_first_price_beyond():
    world = opened()
    world.buy(1_000_000)
    world.wait(1)
    world.quote(136_000)
    world.quote(139_000)
    breach = outcome(judged(world))
    assert (breach["floor_minor"], breach["value_minor"]) == (95_000_00, 80_000_00)
    assert breach["price_seq"] == 3


def test_the_higher_floor_was_reached_first():
    world = opened()
    world.buy(2_000_000)
    world.wait(1)
    world.quote(136_000)
    assert outcome(judged(world))["guard"] == "daily loss"


def lose_4_percent_a_day(world: EvidenceWorld) -> None:
    """Two days of 4,000 lost each: balance 92,000, so the daily floor is 87,000."""
    for _ in range(2):
        trade_a_day(world, -400, 1_000_000)
    world.quote(138_000)
    assert world.book.accounts[world.challenge.account_id].balance_minor == 92_000_00


@pytest.mark.parametrize(("pips", "verdict"), [(-200, "running"), (-201, "failed")])
def test_a_floating_loss_of_2001_at_a_balance_of_92000_breaks_the_overall_limit(pips, verdict):
    world = opened()
    lose_4_percent_a_day(world)
    world.buy(1_000_000)
    world.wait(1)
    world.quote(138_000 + pips)
    report = judged(world)
    assert report.verdict == verdict
    if verdict == "failed":
        assert outcome(report)["guard"] == "overall loss"
        assert outcome(report)["floor_minor"] == 90_000_00


@pytest.mark.parametrize(("floating", "verdict"), [(-500, "running"), (-501, "failed")])
def test_a_loss_inside_yesterdays_limit_can_break_the_new_level_the_moment_it_is_set(
    floating, verdict
):
    world = opened()
    world.trade(400, 1_000_000)
    world.quote(138_000)
    world.buy(1_000_000)
    world.wait(1)
    world.quote(138_000 + floating)
    assert judged(world).verdict == "running"
    world.until(datetime(2014, 4, 30, 22, 0, 2, tzinfo=UTC))
    world.quote(138_000 + floating)
    report = judged(world)
    assert report.verdict == verdict
    if verdict == "failed":
        # The quote at midnight comes after the reset, and confirms what the reset found.
        assert outcome(report)["day"] == "2014-05-01"
        assert outcome(report)["floor_minor"] == 99_000_00


def test_a_breach_beats_the_target_that_the_same_price_reaches():
    """Flat at 114,000 is profit enough, and below the day's floor of 115,000."""
    world = opened(MONDAY)
    trade_a_day(world, 2_000, 1_000_000)
    trade_a_day(world)
    trade_a_day(world)
    world.quote(138_000)
    world.buy(1_000_000)
    world.sell(1_000_000, stop=137_500)
    world.wait(1)
    world.quote(137_400)
    report = judged(world)
    assert report.verdict == "failed"
    assert (outcome(report)["balance_minor"], outcome(report)["legs"]) == (114_000_00, [])


@pytest.mark.parametrize(("days", "verdict"), [(3, "running"), (4, "passed")])
def test_the_target_needs_its_days_with_an_opening(days, verdict):
    world = opened(MONDAY)
    for _ in range(days - 1):
        trade_a_day(world)
    world.trade(1_001, 1_000_000)
    report = judged(world)
    assert report.verdict == verdict
    if verdict == "passed":
        assert outcome(report)["profit_minor"] == 10_010_00


@pytest.mark.parametrize(("pips", "verdict"), [(999, "running"), (1_000, "passed")])
def test_the_target_is_reached_exactly_at_ten_percent(pips, verdict):
    world = opened(MONDAY)
    for _ in range(3):
        trade_a_day(world)
    world.trade(pips, 1_000_000)
    assert judged(world).verdict == verdict


def test_two_phases_lead_to_a_funded_account_each_with_its_own_evidence():
    world = opened()
    for phase, pips in (("phase-1", 1_000), ("phase-2", 500)):
        assert world.challenge.phase == phase
        world.until(datetime(2014, 5, {"phase-1": 5, "phase-2": 12}[phase], 8, tzinfo=UTC))
        for _ in range(3):
            trade_a_day(world)
        world.trade(pips, 1_000_000)
    assert world.challenge.phase == "funded"
    world.trade(-10)
    assert [judged(world, p).verdict for p in ("phase-1", "phase-2", "funded")] == [
        "passed",
        "passed",
        "running",
    ]


def test_a_funded_account_that_breaks_a_limit_fails_the_challenge():
    world = opened(MONDAY)
    for week, pips in ((5, 1_000), (12, 500)):
        world.until(datetime(2014, 5, week, 8, tzinfo=UTC))
        for _ in range(3):
            trade_a_day(world)
        world.trade(pips, 1_000_000)
    world.trade(-600, 1_000_000)
    assert judged(world, "funded").verdict == "failed"


def test_profits_in_yen_and_euro_convert_at_the_worse_side():
    world = opened()
    world.quote(138_000, 138_020)
    world.quote(102_300, 102_320, symbol=USDJPY)
    world.quote(95_000, 95_010, symbol=DAX)
    world.buy(100_000, symbol=USDJPY)
    world.sell(100, symbol=DAX)
    world.wait(1)
    world.quote(102_400, 102_420, symbol=USDJPY)
    world.quote(94_000, 94_010, symbol=DAX)
    world.close(USDJPY)
    world.close(DAX)
    report = judged(world)
    fills = [entry.data for entry in report.account if entry.kind == "OrderFilled"]
    # 8,000 JPY / 102.420 = 78.109…; 990 EUR x 1.38000 = 1,366.20
    assert [each["realised_minor"] for each in fills] == [0, 0, 78_11, 1_366_20]
    assert [each["conversion_price"] for each in fills] == [None, None, 102_420, 138_000]


def test_the_arithmetic_is_printed_for_people_and_for_programs(tmp_path, capsys):
    world = opened()
    world.buy(1_000_000)
    world.wait(1)
    world.quote(137_499)
    bundle = tmp_path / "bundle.zip"
    bundle.write_bytes(world.bundle())

    assert main([str(bundle), "--key", world.evidence().vkey]) == 0
    text = capsys.readouterr().out
    assert "100,000.00 USD balance + -5,010.00 USD floating = 94,990.00 USD" in text
    assert "permitted 5,000.00 USD, actual 5,010.00 USD" in text
    assert text.endswith("same verdict: failed\n")

    assert main([str(bundle), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["same"], told["verdict"], told["key_pinned"]) == (True, "failed", False)
    assert told["outcome"]["value_minor"] == 94_990_00


def test_an_account_still_running_says_so_and_how_far_it_was_judged():
    world = opened()
    world.buy(1_000)
    world.quote(138_100)
    report = judged(world)
    assert report.verdict == "running"
    assert EURUSD in {item.symbol for item in report.items}


def test_the_same_evidence_packs_to_the_same_bytes():
    world = opened()
    world.trade(10)
    assert world.bundle() == world.bundle()


@pytest.mark.parametrize("verdict", ["running", "failed"])
def test_what_was_silent_for_a_whole_session_confirms_a_breach_by_its_next_quote(verdict):
    world = opened()
    world.quote(95_000, 95_010, symbol=DAX)
    world.buy(100, symbol=DAX)
    world.buy(1_000_000)
    # Thursday is a holiday of the DAX; it is silent all of Friday, and Monday opens at 01:15.
    world.until(datetime(2014, 5, 4, 23, 16, 30, tzinfo=UTC))
    world.quote(137_000)
    if verdict == "failed":
        world.quote(95_000, 95_010, symbol=DAX)
    assert judged(world).verdict == verdict
