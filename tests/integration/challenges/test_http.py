"""Challenges, accounts, keys and evidence as a trader asks for them."""

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from challenge_firm import PLAN, open_firm, steps
from tradesense import challenges
from tradesense.app.api import create_app

MONDAY = datetime(2014, 5, 5, 8, 0, tzinfo=UTC)
PRICES = steps(MONDAY, 138_000, 137_900, 138_100, 137_300)


@pytest.fixture
async def http(runtime):
    transport = httpx.ASGITransport(create_app(runtime), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
async def firm(runtime, sealer_db, clock):
    clock.set(MONDAY - timedelta(minutes=1))
    async with open_firm(runtime, sealer_db, clock, PRICES) as opened:
        yield opened


async def signed_in(http, name="ada"):
    """Return (user id, the header that says so)."""
    login = {"email": f"{name}@example.com", "password": f"a long password of {name}"}
    made = await http.post(
        "/api/v1/signup", json=login, headers={"Idempotency-Key": f"sign-up-{name}"}
    )
    session = await http.post("/api/v1/sessions", json=login)
    return made.json()["user_id"], {"Authorization": f"Bearer {session.json()['token']}"}


@pytest.fixture
async def trader(http, firm):
    user_id, headers = await signed_in(http)
    firm.user_id = user_id
    return headers


async def test_plans_are_public_and_state_every_switch_with_its_source(http):
    (plan,) = (await http.get("/api/v1/plans")).json()
    assert (plan["code"], plan["price_minor"], plan["initial_minor"]) == (PLAN, 540_00, 100_000_00)
    assert plan["source"].startswith("https://ftmo.com/")
    for limit in plan["limits"]:
        assert {
            "amount_of", "amount", "reference", "tested", "when", "comparison", "effect",
            "on_cash_flow", "lock",
        } <= limit.keys()  # fmt: skip
    assert [each["name"] for each in plan["phases"]] == ["phase-1", "phase-2", "funded"]


async def test_an_account_shows_its_floors_target_days_and_next_reset(http, firm, trader):
    challenge = await firm.start()
    await firm.until(MONDAY)
    await firm.order(challenge.account_id, 100_000)
    await firm.until(MONDAY + timedelta(seconds=10))

    path = f"/api/v1/accounts/{challenge.account_id}"
    account = (await http.get(path, headers=trader)).json()
    assert account["status"] == "running"
    # Bought at 1.38010, closing at 1.37900: 110.00 lost so far.
    assert (account["balance_minor"], account["equity_minor"]) == (100_000_00, 99_890_00)
    daily, overall = account["floors"]
    assert (daily["floor_minor"], daily["permitted_minor"], daily["room_minor"]) == (
        95_000_00,
        5_000_00,
        4_890_00,
    )
    assert (overall["floor_minor"], overall["room_minor"]) == (90_000_00, 9_890_00)
    assert account["target"] == {
        "target_minor": 10_000_00,
        "profit_minor": 0,
        "missing_minor": 10_000_00,
        "is_flat": False,
    }
    assert (account["days"]["counted"], account["days"]["needed"]) == (1, 4)
    assert account["days"]["why"].endswith("2014-05-05 counts: a position was opened")
    assert account["next_reset_at"] == "2014-05-05T22:00:00.000000Z"
    assert account["reset"] == "00:00 Europe/Prague"
    assert account["verdict"] is None


async def test_a_failed_account_shows_the_verdict_with_its_arithmetic(http, firm, trader):
    challenge = await firm.start()
    await firm.until(MONDAY)
    await firm.order(challenge.account_id, 1_000_000)
    await firm.until(MONDAY + timedelta(seconds=30))

    account = await http.get(f"/api/v1/accounts/{challenge.account_id}", headers=trader)
    told = account.json()
    assert told["status"] == "failed"
    assert told["verdict"]["rule"] == "daily loss"
    assert told["arithmetic"] == [
        "daily loss: 100,000.00 USD - 5,000.00 USD permitted = floor 95,000.00 USD",
        "equity 92,900.00 USD at price 6: a loss of 7,100.00 USD, 2,100.00 USD more than permitted",
    ]
    shown = (await http.get(f"/api/v1/challenges/{challenge.id}", headers=trader)).json()
    assert (shown["status"], shown["account_id"]) == ("failed", str(challenge.account_id))
    assert [each["status"] for each in shown["accounts"]] == ["failed"]
    listed = (await http.get("/api/v1/challenges", headers=trader)).json()
    assert [each["id"] for each in listed] == [str(challenge.id)]


async def test_what_belongs_to_others_looks_like_nothing(http, firm, trader):
    challenge = await firm.start()
    _, stranger = await signed_in(http, "eve")
    for path in (
        f"/api/v1/challenges/{challenge.id}",
        f"/api/v1/accounts/{challenge.account_id}",
        f"/api/v1/accounts/{challenge.account_id}/evidence",
        f"/api/v1/accounts/{challenge.id}",
    ):
        assert (await http.get(path, headers=trader)).status_code == (
            404 if path.endswith(f"accounts/{challenge.id}") else 200
        )
        assert (await http.get(path, headers=stranger)).status_code == 404
        http.cookies.clear()
        assert (await http.get(path)).status_code == 401
    made = await http.post(
        f"/api/v1/challenges/{challenge.id}/keys",
        headers={**stranger, "Idempotency-Key": "api-key-0"},
    )
    assert made.status_code == 404
    assert (await http.get("/api/v1/accounts/no-uuid", headers=trader)).status_code == 422


async def test_a_key_acts_for_its_own_challenge_only(http, firm, trader):
    first, second = await firm.start("first"), await firm.start("second")
    path = f"/api/v1/challenges/{first.id}/keys"
    headers = {**trader, "Idempotency-Key": "api-key-one"}
    made = await http.post(path, headers=headers)
    assert made.status_code == 201
    assert (await http.post(path, headers=headers)).json() == made.json()
    assert (await http.post(path, headers=trader)).status_code == 400

    key = {
        "APCA-API-KEY-ID": made.json()["key_id"],
        "APCA-API-SECRET-KEY": made.json()["secret"],
    }
    seen = await http.get(f"/api/v1/accounts/{first.account_id}", headers=key)
    assert seen.status_code == 200
    for path in (
        f"/api/v1/accounts/{second.account_id}",
        f"/api/v1/accounts/{second.account_id}/evidence",
        f"/api/v1/challenges/{second.id}",
    ):
        assert (await http.get(path, headers=key)).status_code == 404
    assert [each["id"] for each in (await http.get("/api/v1/challenges", headers=key)).json()] == [
        str(first.id)
    ]
    more = await http.post(
        f"/api/v1/challenges/{first.id}/keys", headers={**key, "Idempotency-Key": "api-key-two"}
    )
    assert more.status_code == 403


async def test_evidence_is_a_zip_with_its_manifest(http, firm, trader):
    challenge = await firm.start()
    await firm.until(MONDAY + timedelta(seconds=10))
    answer = await http.get(f"/api/v1/accounts/{challenge.account_id}/evidence", headers=trader)
    assert answer.headers["content-type"] == "application/zip"
    assert f"tradesense-{challenge.account_id}.zip" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert (manifest["account"], manifest["status"]) == (str(challenge.account_id), "running")


async def test_a_suspension_and_a_revocation_are_shown_with_their_reason(http, firm, trader):
    challenge = await firm.start()
    now, shown = firm.runtime.now(), []
    for verb, reason in (
        (challenges.suspend, challenges.SuspendedFor.PAYMENT_DISPUTED),
        (challenges.revoke, challenges.RevokedFor.CHARGED_BACK),
    ):
        await firm.runtime.db.repeat(
            lambda tx, verb=verb, reason=reason: verb(
                tx, challenge_id=challenge.id, reason=reason, now=now
            )
        )
        await firm.settled()
        found = (await http.get(f"/api/v1/challenges/{challenge.id}", headers=trader)).json()
        path = f"/api/v1/accounts/{challenge.account_id}"
        account = (await http.get(path, headers=trader)).json()
        assert found["accounts"][0]["status"] == account["status"] == found["status"]
        assert account["why"] == found["why"]
        shown.append((found["status"], found["why"]))
    assert shown == [("suspended", "payment disputed"), ("revoked", "charged back")]
