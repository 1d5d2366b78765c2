"""What the page says of an account: exact figures, and how it ended in words and sums."""

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from tradesense.app.web.rendering import TEMPLATES, money, signed, tone
from tradesense.app.web.shaping import account_view, decimal, phase_name
from tradesense.app.web.view import AccountView, dot
from tradesense.challenges import FloorStanding, Standing
from tradesense.challenges.model import Outcome, Reference, Verdict
from tradesense.challenges.standing import DaysStanding, TargetStanding
from tradesense.market import INSTRUMENTS
from tradesense.trading import AccountView as EngineView
from tradesense.trading import PositionView
from tradesense.trading.model import AccountSetup, AccountStatus, Target

ACCOUNT, CHALLENGE = UUID(int=1), UUID(int=2)
MINUS = "\N{MINUS SIGN}"
NOW = datetime(2014, 5, 2, 12, 30, tzinfo=UTC)

STANDING = Standing(
    account_id=ACCOUNT,
    challenge_id=CHALLENGE,
    plan="ftmo-2step-100k",
    phase="phase-1",
    status="running",
    why=None,
    currency="USD",
    initial_minor=100_000_00,
    balance_minor=100_500_00,
    equity_minor=100_250_00,
    floors=(
        FloorStanding(
            name="daily loss", floor_minor=95_400_00, permitted_minor=5_000_00,
            room_minor=4_850_00, reference=Reference.DAY_START_BALANCE,
            reference_minor=100_400_00, floor_after_reset_minor=95_500_00,
        ),
        FloorStanding(
            name="overall loss", floor_minor=90_000_00, permitted_minor=10_000_00,
            room_minor=10_250_00, reference=Reference.INITIAL,
            reference_minor=100_000_00, floor_after_reset_minor=90_000_00,
        ),
    ),
    target=TargetStanding(
        target_minor=10_000_00, profit_minor=500_00, missing_minor=9_500_00, is_flat=False
    ),
    days=DaysStanding(counted=2, needed=4, today=date(2014, 5, 2), why="it counts"),
    next_reset_at=datetime(2014, 5, 2, 22, 0, tzinfo=UTC),
    reset="00:00 Europe/Prague",
    verdict=None,
    arithmetic=(),
    price_seq=14_521,
    at=NOW,
)  # fmt: skip

ENGINE = EngineView(
    setup=AccountSetup(
        account_id=ACCOUNT, challenge_id=CHALLENGE, phase="phase-1", currency="USD",
        initial_minor=100_000_00, leverage=30, guards=(), reset="00:00 Europe/Prague",
        instruments=(INSTRUMENTS["EUR/USD"], INSTRUMENTS["BTC/USD"]),
        target=Target(profit_minor=10_000_00, days_min=4), terms_sha256="00",
    ),
    halted_for=None,
    cash_today_minor=0,
    withdrawn_minor=0,
    profit_minor=500_00,
    status=AccountStatus.ACTIVE, ended_for=None, opened_us=0, balance_minor=100_500_00,
    equity_minor=100_250_00, reset_balance_minor=100_400_00, margin_minor=0, floors=(),
    day=date(2014, 5, 2), days_opened=2, opened_today=True,
    positions=(
        PositionView(
            symbol="EUR/USD", qty=-200_000, cost=-200_000 * 138_612, price=138_737,
            pnl_minor=-250_00, cost_minor=0, value_minor=0,
        ),
        PositionView(
            symbol="BTC/USD", qty=35_000_000, cost=35_000_000 * 6_421_050, price=6_418_000,
            pnl_minor=-1_00, cost_minor=0, value_minor=0,
        ),
    ),
    price_seq=14_521, at_us=1_399_033_800_000_000,
)  # fmt: skip

FAILED = Verdict(
    account_id=ACCOUNT, challenge_id=CHALLENGE, phase="phase-1", outcome=Outcome.FAILED,
    rule="daily loss", limit_minor=95_400_00, actual_minor=95_399_99, price_seq=14_521,
    decided_at=NOW,
)  # fmt: skip


def view(standing: Standing = STANDING) -> AccountView:
    return account_view(standing, ENGINE, title="A plan", orders=(), fills=(), now=NOW)


def test_the_permitted_loss_is_that_of_the_nearest_floor():
    shown = view()
    assert (shown.room_minor, shown.tightest) == (4_850_00, "daily loss")
    assert [each.kind for each in shown.floors] == ["daily", "overall"]
    assert shown.floors[0].share == pytest.approx(0.97)


def test_today_counts_from_the_balance_at_the_reset():
    assert view().today_minor == -150_00
    assert view().open_minor == -250_00


def test_a_position_reads_as_people_write_it():
    short, long = view().positions
    assert (short.side, short.qty, short.entry, short.price) == (
        "short", "200,000", "1.38612", "1.38737",
    )  # fmt: skip
    assert (long.side, long.qty, long.entry) == ("long", "0.35", "64,210.50")


def test_the_chart_draws_every_floor_and_the_target():
    lines = {each["kind"]: each["value"] for each in view().limits()}
    assert lines == {"daily": 95_400.0, "overall": 90_000.0, "target": 110_000.0}
    assert dot(view().point(), "USD") == {
        "time": 1_399_033_800, "equity": 100_250.0, "balance": 100_500.0,
    }  # fmt: skip


def test_a_suspended_account_says_why():
    shown = view(replace(STANDING, status="suspended", why="payment disputed"))
    assert (shown.status, shown.tone) == ("suspended (payment disputed)", "plain")


def test_today_does_not_count_what_was_paid_out():
    paid = replace(ENGINE, cash_today_minor=-400_00)
    shown = account_view(STANDING, paid, title="A plan", orders=(), fills=(), now=NOW)
    assert shown.today_minor == 250_00


def test_a_funded_account_has_no_target():
    funded = view(replace(STANDING, target=None, phase="funded"))
    assert funded.target_minor is None
    assert [each.label for each in funded.objectives] == ["Daily loss", "Overall loss"]


def test_a_breach_is_told_with_its_sums_and_the_broken_rule_marked():
    sums = ("daily loss: 100,400.00 USD - 5,000.00 USD permitted = floor 95,400.00 USD",)
    failed = view(replace(STANDING, status="failed", verdict=FAILED, arithmetic=sums))
    assert failed.tone == "bad"
    states = {each.label: each.state for each in failed.objectives}
    assert (states["Daily loss"], states["Overall loss"]) == ("broken", "met")
    page = TEMPLATES.get_template("_panels.html").render(view=failed)
    assert "Phase 1 failed: daily loss" in page
    assert "price 14,521 of the tape" in page
    assert sums[0] in page
    assert f"/api/v1/accounts/{ACCOUNT}/evidence" in page


def test_a_reached_target_and_enough_days_are_met():
    target = TargetStanding(
        target_minor=10_000_00, profit_minor=10_000_00, missing_minor=0, is_flat=True
    )
    days = DaysStanding(counted=5, needed=4, today=date(2014, 5, 2), why="it counts")
    reached = view(replace(STANDING, target=target, days=days))
    assert [each.state for each in reached.objectives] == ["met"] * 4


@pytest.mark.parametrize(
    ("number", "digits", "shown_min", "text"),
    [
        (0, 2, None, "0.00"), (-5, 2, None, f"{MINUS}0.05"), (123456789, 5, None, "1,234.56789"),
        (35_000_000, 8, 0, "0.35"), (100_000_000, 8, 0, "1"), (200_000, 0, 0, "200,000"),
    ],
)  # fmt: skip
def test_a_scaled_whole_number_is_written_exactly(number, digits, shown_min, text):
    assert decimal(number, digits, shown_min=shown_min) == text


def test_gains_and_losses_carry_their_sign():
    assert [signed(1), signed(0), signed(-123456)] == ["+0.01", "0.00", f"{MINUS}1,234.56"]
    assert [tone(1), tone(0), tone(-1)] == ["up", "", "down"]
    assert money(100_000_00) == "100,000.00"


def test_a_phase_is_called_as_people_call_it():
    assert [phase_name(each) for each in ("phase-1", "funded")] == ["Phase 1", "Funded"]
