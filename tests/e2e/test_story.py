"""The story on real prices: the whole platform, its processes killed, a stranger's verdict."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from price_files import real

PAYROLLS = "fx_ticks/oanda_eurusd_20140502_quote.zip"
CROSSED = "fx_ticks/fxcm_eurusd_20140502_quote.zip"
TWELVE_DAYS = tuple(
    f"fx_minute/oanda_eurusd/201405{day}_quote.zip"
    for day in ("01", "02", "04", "05", "06", "07", "09", "11", "12", "13", "14", "15")
)
STORY_PATIENCE_S = 400


def tell(files: list[Path], *options: str) -> dict:
    command = [sys.executable, "-m", "tradesense.app.cli", "story", "--json", *options]
    names = ["--prices", *map(str, files)] if files else []
    told = subprocess.run(
        [*command, *names], capture_output=True, text=True, timeout=STORY_PATIENCE_S, check=False
    )
    assert told.stdout, told.stderr[-2000:]
    facts = json.loads(told.stdout)
    assert (told.returncode, facts["wrongs"]) == (0, []), told.stderr[-2000:]
    return facts


def outcomes(facts: dict) -> dict[str, str]:
    return {trader["trader"]: trader["outcome"] for trader in facts["traders"]}


def repeatable(facts: dict) -> dict:
    """
    What two runs must agree on: everything but durations, which attempts webhooks took, and
    whether a killed provider was away for long enough to be contained, and its buyers told.
    """
    kept = {name: facts[name] for name in facts if name not in {"took_s", "kills", "trail"}}
    kept["streams"] = {
        stream: digest
        for stream, digest in facts["streams"].items()
        if not stream.startswith(("webhook:", "provider:", "incident:", "notice:"))
    }
    return kept


@pytest.fixture(scope="module")
def payrolls() -> dict:
    return tell([*real(PAYROLLS)])


def test_a_payrolls_day_breaks_the_daily_floor_and_leaves_the_others_running(payrolls):
    assert outcomes(payrolls) == {
        "reckless": "failed: daily loss",
        "stubborn": "running",
        "clairvoyant": "running",
    }
    assert payrolls["prices"]["sequenced"] == 49_341


def test_the_same_files_and_seed_give_the_same_entries_byte_for_byte(payrolls):
    assert repeatable(tell([*real(PAYROLLS)])) == repeatable(payrolls)


def test_a_seed_of_kills_changes_no_verdict_no_balance_and_nothing_happens_twice(payrolls):
    killed = tell([*real(PAYROLLS)], "--kills", "20", "--seed", str(payrolls["seed"]))

    assert len(killed["kills"]) == 20
    assert repeatable(killed) == repeatable(payrolls)


def test_crossed_prices_are_recorded_and_judge_nothing():
    facts = tell([*real(CROSSED)])

    assert facts["prices"] == {"sequenced": 96_406, "crossed": 12_061}
    assert outcomes(facts)["reckless"] == "failed: daily loss"


def test_twelve_days_reach_both_breaches_both_passes_and_funding():
    facts = tell(real(*TWELVE_DAYS))

    assert outcomes(facts) == {
        "reckless": "failed: daily loss",
        "stubborn": "failed: overall loss",
        "clairvoyant": "funded",
    }
    phases = {account["phase"] for trader in facts["traders"] for account in trader["accounts"]}
    assert phases == {"phase-1", "phase-2", "funded"}


def test_a_simulated_market_needs_no_files():
    assert set(outcomes(tell([], "--seed", "3")).values()) == {
        "failed: daily loss", "failed: overall loss", "funded",
    }  # fmt: skip
