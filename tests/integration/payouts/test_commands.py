"""Operators at the command line: one person is one pair of eyes, whichever way they come."""

import asyncio
import sys
from uuid import UUID

import pytest

from payout_world import PAYOUT, USER
from people import environment_of
from tradesense.payouts import IdentityState, PayoutStatus, find_identity

FIRM = f"/api/v1/operations/payouts/{PAYOUT}"
JANE, JOHN, EVE = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.fixture
async def jane(sign_in):
    return await sign_in(JANE, "jane", is_operator=True)


@pytest.fixture
async def john(sign_in):
    return await sign_in(JOHN, "john", is_operator=True)


@pytest.fixture
def command(settings, tmp_path):
    """Run `tradesense payouts WORDS` as `person`; return its exit code and what it said."""

    async def run(person, *words):
        token_file = tmp_path / person.token
        token_file.write_text(f"{person.token}\n")
        ran = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tradesense.app.cli", "payouts", *words,
            "--token-file", str(token_file),
            env=environment_of(settings),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await ran.communicate()
        return ran.returncode, said.decode()

    return run


async def test_nobody_approves_twice_by_two_ways(floor, jane, john, command):
    await floor.request()
    known = await command(jane, "identity", str(PAYOUT), "passport seen", "--verified")
    assert known == (0, "")
    identity = await floor.read(find_identity, USER)
    assert (identity.state, identity.decided_by) == (IdentityState.VERIFIED, jane.by)

    assert (await jane.post(f"{FIRM}/approval")).status_code == 200
    code, said = await command(jane, "approve", str(PAYOUT))
    assert (code, "another operator must look" in said) == (2, True)
    assert await command(john, "approve", str(PAYOUT)) == (0, "approved: it is sent\n")
    again = await john.post(f"{FIRM}/approval")
    assert again.status_code == 409

    await floor.work()
    assert (await floor.payout()).status is PayoutStatus.SENT
    shown = (await jane.get(FIRM)).json()
    assert {each["by"] for each in shown["approvals"]} == {jane.by, john.by}


async def test_nor_by_command_first(floor, jane, command):
    await floor.request()
    await floor.identify(by=jane.by)
    assert (await command(jane, "approve", str(PAYOUT)))[0] == 0
    twice = await jane.post(f"{FIRM}/approval")
    assert (twice.status_code, twice.json()["code"]) == (403, "payouts.already_approved")
    assert (await floor.payout()).status is PayoutStatus.FROZEN


async def test_a_command_without_a_session_of_an_operator_decides_nothing(
    floor, sign_in, jane, command
):
    eve, nobody = await sign_in(EVE, "eve"), jane.__class__(jane.client, EVE, "not-a-token")
    await floor.request()
    for words in (("approve",), ("reject", "odd"), ("identity", "seen", "--verified")):
        said = [
            await command(eve, words[0], str(PAYOUT), *words[1:]),
            await command(nobody, words[0], str(PAYOUT), *words[1:]),
        ]
        assert [code for code, _ in said] == [2, 2]
        assert "for the firm's operators" in said[0][1]
        assert "opens no session" in said[1][1]
    assert (await floor.payout()).decision is None
