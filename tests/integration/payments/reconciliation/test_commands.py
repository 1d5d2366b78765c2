"""Operators at work: by command, by HTTP; and a run that is killed where it stands."""

import asyncio
import hashlib
import json
import os
import signal
import sys
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from integration.trail.facts import seal_now
from payment_books import wall
from payment_sandbox import API_KEY, WEBHOOK_SECRET
from planted_differences import be_a_stranger, post_by_hand
from tradesense import identity
from tradesense.app import errors
from tradesense.identity.http import router as logins
from tradesense.payments.http import router

PERSON = {"email": "olga@example.com", "password": "a long enough password"}
CASES = "/api/v1/operations/reconciliation/cases"


def in_weeks():
    """Return a moment beyond every grace."""
    return f"{wall() + timedelta(days=20):%Y-%m-%dT%H:%M}"


@pytest.fixture
def environment(database, settings, sandbox):
    return {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "TRADESENSE_HOME": str(settings.home),
        "TRADESENSE_DATABASE_URL": database.app,
        "TRADESENSE_OWNER_URL": database.owner,
        "TRADESENSE_SEALER_URL": database.sealer,
        "TRADESENSE_REDIS_URL": settings.redis_url,
        "TRADESENSE_SECRET": settings.secret,
        "TRADESENSE_STRIPE_API_BASE": sandbox.base,
        "TRADESENSE_STRIPE_SECRET_KEY": API_KEY,
        "TRADESENSE_STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        "TRADESENSE_LOG_LEVEL": "error",
    }


@pytest.fixture
def command(environment):
    """Start a command of its own process."""

    def start(*arguments):
        return asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tradesense.app.cli",
            *map(str, arguments),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    return start


@pytest.fixture
def told(command):
    """Return (exit code, output) of a command."""

    async def run(*arguments):
        process = await command(*arguments)
        out, err = await process.communicate()
        return process.returncode, out.decode() + err.decode()

    return run


async def test_zero_differences_are_printed_sealed_and_provable(
    books, told, sealer_db, settings, tmp_path
):
    await books.sell()

    code, said = await told("reconcile")
    assert code == 0, said
    await seal_now(sealer_db, settings.home)
    _, printed = await told("reconcile", "report", "--json")
    facts = json.loads(printed)
    proof = tmp_path / "proof"
    proved, _ = await told("trail", "prove", facts["trail_entry"], "-o", proof)
    checked, shown = await told("trail", "check-proof", proof, "--json")

    assert code == proved == checked == 0
    assert "✓ stripe: 0 differences" in said
    assert hashlib.sha256(facts["report"].encode()).hexdigest() == facts["report_sha256"]
    entry = json.loads(shown)["entry"]
    assert entry["kind"] == "ReconciliationCompleted"
    assert entry["data"]["report_sha256"] == facts["report_sha256"]
    assert entry["data"]["differences"] == 0


async def test_open_differences_are_exit_code_1_until_they_are_resolved(books, told):
    await post_by_hand(books)

    later = ["--until", in_weeks()]
    code, said = await told("reconcile", "--provider", "stripe", *later)
    assert (code, "1  transfer_without_record" in said) == (1, True)
    listed, cases = await told("cases", "list", "--json")
    (case,) = json.loads(cases)
    taken = await told("cases", "assign", case["case_id"])
    ended = await told("cases", "resolve", case["case_id"], "--why", "my own test", "--accept")

    assert (listed, taken[0], ended[0]) == (1, 0, 0)
    assert await told("cases", "list") == (0, "none\n")
    code, said = await told("reconcile", "--provider", "stripe", *later)
    assert (code, "1 accepted" in said) == (0, True)


async def test_a_correction_takes_two_operators_at_the_command_line_too(
    books, told, sign_in, tmp_path
):
    await post_by_hand(books)
    await told("reconcile", "--provider", "stripe", "--until", in_weeks())
    (case,) = json.loads((await told("cases", "list", "--json"))[1])
    tokens = {}
    for number, name in enumerate(("jane", "john"), 1):
        person = await sign_in(UUID(int=number), name, is_operator=True)
        tokens[name] = tmp_path / name
        tokens[name].write_text(person.token)
    mends = ["--debit", "unapplied:USD", "--credit", "clearing:stripe:USD", "--why", "mine"]
    amount = ["--amount-minor", "4200", "--currency"]
    propose = ["cases", "propose", case["case_id"], *mends, *amount]

    code, said = await told(*propose, "XXX", "--token-file", tokens["jane"])
    assert (code, "XXX" in said, "Traceback" in said) == (2, True, False)
    code, said = await told(*propose, "USD", "--token-file", tokens["jane"], "--json")
    assert (code, json.loads(said)["state"]) == (0, "open")
    alone = await told("cases", "approve", case["case_id"], "--token-file", tokens["jane"])
    assert (alone[0], "somebody else" in alone[1]) == (2, True)
    code, said = await told(
        "cases", "approve", case["case_id"], "--token-file", tokens["john"], "--json"
    )
    assert (code, json.loads(said)["state"]) == (0, "resolved")


@pytest.mark.parametrize(
    "arguments",
    [
        ["reconcile", "--provider", "nobody"],
        ["reconcile", "--since", "soon"],
        ["reconcile", "report", "--provider", "nobody"],
        ["cases", "show", "no-id"],
        ["cases", "show", str(UUID(int=7))],
        ["cases", "resolve", str(UUID(int=7))],
    ],
)
async def test_a_command_that_makes_no_sense_says_what_would(told, arguments):
    code, said = await told(*arguments)

    assert code == 2
    assert "Traceback" not in said


async def test_a_run_that_is_killed_leaves_nothing_half_done(books, sandbox, command, told):
    await books.sell()
    await be_a_stranger(books)
    later = ["reconcile", "--provider", "stripe", "--until", in_weeks()]
    for target in ("GET /v1/balance_transactions*", "GET /v1/payment_intents/*"):
        sandbox.plant("hang", target, times=1, delay_s=60)
        process = await command(*later)
        while not sandbox.planted()[-1]["met"]:
            assert process.returncode is None
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
        sandbox.clear_faults()

    code, _ = await told(*later)

    assert code == 1
    assert len(await books.cases()) == 1
    async with books.runtime.db.reading() as tx:
        cursor = await tx.execute(
            "SELECT count(*) FILTER (WHERE completed_at IS NULL) AS died,"
            " count(completed_at) AS done FROM payments_reconciliations"
        )
        assert await cursor.fetchone() == {"died": 2, "done": 1}


@pytest.fixture
async def operator(runtime):
    """A client of the API, signed in as an operator."""
    app = FastAPI()
    app.state.runtime = runtime
    app.include_router(logins)
    app.include_router(router)
    errors.install(app)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://platform") as client:
        key = {"Idempotency-Key": "one signup of many"}
        await client.post("/api/v1/signup", json=PERSON, headers=key)
        session = await client.post("/api/v1/sessions", json=PERSON)
        client.headers["Authorization"] = f"Bearer {session.json()['token']}"
        user_id = UUID((await client.get("/api/v1/me")).json()["user_id"])
        await runtime.db.run(
            lambda tx: identity.appoint_operator(tx, user_id=user_id, now=runtime.now()),
            key="appoint",
        )
        yield client


async def test_an_operator_takes_and_ends_a_case_over_http(books, operator):
    await be_a_stranger(books)
    await books.reconcile()
    (case,) = (await operator.get(CASES)).json()["cases"]
    here = f"{CASES}/{case['case_id']}"

    async def post(path, key, **body):
        headers = {"Idempotency-Key": f"a key of this test {key}"}
        return await operator.post(f"{here}/{path}", json=body, headers=headers)

    taken = await post("assignment", 1)
    proposal = {
        "debit": "clearing:stripe:USD",
        "credit": "unapplied:USD",
        "amount_minor": 31_000,
        "currency": "USD",
        "reason": "held until it is sent back",
    }
    unknown = await post("correction", 2, **proposal | {"currency": "XXX"})
    proposed = await post("correction", 3, **proposal)
    alone = await post("correction/approval", 4)
    silent = await post("resolution", 5, resolution="")
    ended = await post("resolution", 6, resolution="refunded by hand", is_accepted=True)
    again = await post("resolution", 7, resolution="refunded by hand")

    assert (taken.status_code, taken.json()["state"]) == (200, "assigned")
    assert taken.json()["owner"].startswith("operator:")
    assert (unknown.status_code, proposed.status_code, alone.status_code) == (422, 202, 403)
    assert (silent.status_code, ended.status_code, again.status_code) == (422, 200, 409)
    assert (await operator.get(here)).json()["state"] == "resolved"
    assert (await operator.get(CASES)).json() == {"cases": []}
    last = await operator.get("/api/v1/operations/reconciliation/runs/stripe/last")
    assert json.loads(last.json()["report"])["differences"] == 1
