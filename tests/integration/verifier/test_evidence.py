"""Evidence out of the real database, judged again by the verifier as a stranger runs it."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from challenge_firm import Firm, open_firm, quotes, steps
from tradesense import challenges
from tradesense.kernel.errors import NotFound, Unavailable
from tradesense.market import Quote
from verifier_bundles import read

MONDAY = datetime(2014, 5, 5, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
VERIFIER = Path(__file__).parents[3] / "verifier" / "src"


def judge(bundle: bytes, folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the verifier in a process of its own, with none of the platform in sight."""
    path = folder / "bundle.zip"
    path.write_bytes(bundle)
    ran = subprocess.run(
        [sys.executable, "-m", "tradesense_verify", str(path), *arguments],
        env={"PYTHONPATH": str(VERIFIER)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout + ran.stderr


@pytest.fixture
async def firm(runtime, sealer_db, clock):
    """A day of ticks, two nights, and a fall: 700 prices, so that blocks fill up."""
    ticks = steps(
        MONDAY, *(138_000 + (n * 37) % 200 for n in range(700)), every=timedelta(seconds=5)
    )
    later = quotes(
        (MONDAY + DAY, 138_000),
        (MONDAY + DAY + timedelta(seconds=5), 138_050),
        (MONDAY + 2 * DAY, 138_000),
        (MONDAY + 2 * DAY + timedelta(seconds=5), 137_000),
        (MONDAY + 2 * DAY + timedelta(seconds=10), 137_100),
    )
    crossed = [Quote(ticks[3].at_us + 1, "EUR/USD", 139_000, 137_000)]
    prices = sorted([*ticks, *later, *crossed], key=lambda quote: quote.at_us)
    clock.set(MONDAY - timedelta(minutes=1))
    async with open_firm(runtime, sealer_db, clock, prices) as opened:
        yield opened


async def live(firm: Firm, until: datetime):
    """Start after two full blocks, trade, and go on to `until`."""
    await firm.until(MONDAY + timedelta(minutes=50))
    challenge = await firm.start()
    await firm.order(challenge.account_id, 100_000)
    await firm.order(challenge.account_id, -100_000, stop=137_000)
    await firm.order(challenge.account_id, 10**12)
    await firm.until(MONDAY + timedelta(minutes=55))
    await firm.close(challenge.account_id)
    await firm.until(MONDAY + DAY)
    await firm.order(challenge.account_id, 1_000_000)
    await firm.until(MONDAY + DAY + timedelta(seconds=5))
    await firm.close(challenge.account_id)
    await firm.until(MONDAY + 2 * DAY)
    await firm.order(challenge.account_id, 1_000_000)
    await firm.until(until)
    return challenge


async def test_a_failed_account_is_judged_the_same_by_a_stranger(runtime, firm, tmp_path):
    challenge = await live(firm, MONDAY + 2 * DAY + timedelta(seconds=10))
    bundle = await challenges.evidence_of(runtime, challenge.account_id)
    vkey = (runtime.settings.home / "keys" / "trail.vkey").read_text().strip()
    status, said = judge(bundle, tmp_path, "--key", vkey)
    assert status == 0, said
    assert "same verdict: failed" in said
    assert "the key you gave" in said
    assert "daily loss crossed" in said

    told = read(bundle)
    assert told.manifest["status"] == "failed"
    entries = told.files["account.jsonl"].decode()
    assert "insufficient_margin" in entries
    # Of the two blocks from before the opening, only the one that marks the account is there.
    names = sorted(name for name in told.files if name.startswith("prices/EUR-USD/"))
    assert len(names) >= 3
    assert "prices/EUR-USD/000000000001.csv" not in names


async def test_a_running_account_says_so_and_holds_up_to_where_it_was_judged(
    runtime, firm, tmp_path
):
    challenge = await live(firm, MONDAY + 2 * DAY)
    bundle = await challenges.evidence_of(runtime, challenge.account_id)
    status, said = judge(bundle, tmp_path)
    assert status == 0, said
    assert "same verdict: running" in said
    assert "the key in the bundle" in said
    assert read(bundle).manifest["status"] == "running"

    # The next export, one breach later, fits the first one's entries.
    await firm.until(MONDAY + 2 * DAY + timedelta(seconds=10))
    later = await challenges.evidence_of(runtime, challenge.account_id)
    status, said = judge(later, tmp_path)
    assert (status, said.splitlines()[-1]) == (0, "same verdict: failed")
    first = read(bundle).files["account.jsonl"]
    assert read(later).files["account.jsonl"].startswith(first)


async def test_an_ended_account_gives_the_same_entries_and_prices_for_ever(runtime, firm):
    challenge = await live(firm, MONDAY + 2 * DAY + timedelta(seconds=10))
    first = read(await challenges.evidence_of(runtime, challenge.account_id))
    await firm.start("another")
    again = read(await challenges.evidence_of(runtime, challenge.account_id))
    changing = {"proofs.jsonl", "checkpoint.txt", "manifest.json"}
    assert first.files.keys() == again.files.keys()
    for name in first.files.keys() - changing:
        assert first.files[name] == again.files[name], name


async def test_an_account_that_is_not_there_has_no_evidence(runtime):
    with pytest.raises(NotFound):
        await challenges.evidence_of(runtime, runtime.new_id())


async def test_without_a_sealer_the_answer_is_to_try_again(runtime, firm):
    challenge = await firm.start()
    elsewhere = replace(runtime, settings=replace(runtime.settings, home=Path("/nowhere")))
    with pytest.raises(Unavailable, match="start the sealer, then try again"):
        await challenges.evidence_of(elsewhere, challenge.account_id)


async def test_prices_that_are_not_sealed_in_time_are_waited_for_in_vain(runtime, sealer_db, clock):
    clock.set(MONDAY - timedelta(minutes=1))
    prices = steps(MONDAY, 138_000, 138_010)
    async with open_firm(runtime, sealer_db, clock, prices) as firm:
        challenge = await firm.start()
        await firm.until(MONDAY)
    # Feed and sealer are gone: the last block stays open.
    with pytest.raises(Unavailable, match="not sealed yet; try again"):
        await challenges.evidence_of(runtime, challenge.account_id, patience_s=0.2)


async def command(runtime, *words: str) -> tuple[int, str]:
    """Run `tradesense WORDS` on the test's database."""
    settings = runtime.settings
    variables = {
        "TRADESENSE_HOME": str(settings.home),
        "TRADESENSE_DATABASE_URL": settings.database_url,
        "TRADESENSE_OWNER_URL": settings.owner_url,
        "TRADESENSE_SEALER_URL": settings.sealer_url,
        "TRADESENSE_REDIS_URL": settings.redis_url,
        "TRADESENSE_SECRET": settings.secret,
    }
    ran = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tradesense.app.cli", *words,
        env=variables, cwd=settings.home,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await ran.communicate()
    return ran.returncode or 0, said.decode()


async def test_the_command_writes_a_bundle_that_the_verifier_accepts(runtime, firm, tmp_path):
    challenge = await live(firm, MONDAY + 2 * DAY + timedelta(seconds=10))
    path = tmp_path / "proof.zip"
    status, said = await command(runtime, "evidence", str(challenge.account_id), "-o", str(path))
    assert status == 0, said
    assert f"tradesense-verify {path}" in said
    status, said = judge(path.read_bytes(), tmp_path)
    assert (status, said.splitlines()[-1]) == (0, "same verdict: failed")


async def test_the_command_says_what_is_wrong_with_what_it_was_given(runtime, firm, tmp_path):
    challenge = await firm.start()
    for words, complaint in (
        (["not-an-id"], "should be a valid UUID"),
        ([str(runtime.new_id())], "there is no account"),
        ([str(challenge.account_id), "-o", str(tmp_path / "no" / "b.zip")], "there is no folder"),
    ):
        status, said = await command(runtime, "evidence", *words)
        assert status == 2, said
        assert complaint in said
    assert list(tmp_path.glob("*.zip*")) == []
