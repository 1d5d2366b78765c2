"""People sign up and in, and nobody learns from the answers who else did."""

import asyncio
import statistics
import time
from collections import Counter
from uuid import UUID

import httpx
import pytest

from tradesense import identity, trail

ADA = {"email": "ada@example.com", "password": "correct horse battery"}
EVE = "198.51.100.9"


def from_address(app, address):
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 40_000))
    return httpx.AsyncClient(transport=transport, base_url="http://platform")


async def sign_up(api, login=ADA, key="sign-up-1"):
    return await api.post("/api/v1/signup", json=login, headers={"Idempotency-Key": key})


async def sign_in(api, **changes):
    return await api.post("/api/v1/sessions", json={**ADA, **changes})


async def me(api, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return await api.get("/api/v1/me", headers=headers)


async def users(runtime):
    async with runtime.db.reading() as tx:
        cursor = await tx.execute("SELECT * FROM identity_users")
        return await cursor.fetchall()


async def test_sign_up_then_in_then_out(api):
    answer = await sign_up(api)
    assert answer.status_code == 201
    signed_in = await sign_in(api, email="ADA@Example.com ")
    assert signed_in.status_code == 201
    token = signed_in.json()["token"]

    who = (await me(api, token)).json()
    assert who["user_id"] == answer.json()["user_id"]
    assert (who["email"], who["is_operator"], who["challenge_id"]) == (ADA["email"], False, None)

    out = await api.delete("/api/v1/sessions/current", headers={"Authorization": f"Bearer {token}"})
    assert out.status_code == 204
    assert (await me(api, token)).status_code == 401


async def test_the_cookie_is_a_session_that_scripts_cannot_read(api):
    await sign_up(api)
    cookie = (await sign_in(api)).headers["set-cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert (await me(api)).status_code == 200
    await api.delete("/api/v1/sessions/current")
    assert (await me(api)).status_code == 401


async def test_the_same_request_signs_up_once(api, runtime):
    first = await sign_up(api)
    again = await sign_up(api)

    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await users(runtime)) == 1


async def test_the_same_key_for_another_person_is_refused(api, runtime):
    await sign_up(api)
    other = await sign_up(api, {**ADA, "email": "eve@example.com"})

    assert (other.status_code, other.json()["code"]) == (422, "idempotency.key_reused")
    assert len(await users(runtime)) == 1


async def test_an_address_has_one_account(api, runtime):
    await sign_up(api)
    again = await sign_up(api, {**ADA, "email": "ADA@example.com"}, key="sign-up-2")

    assert (again.status_code, again.json()["code"]) == (409, "identity.email_taken")
    assert len(await users(runtime)) == 1


async def test_ten_at_once_make_one_account(api, runtime):
    answers = await asyncio.gather(*(sign_up(api, key=f"sign-up-{n}") for n in range(10)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    assert len(await users(runtime)) == 1


@pytest.mark.parametrize(
    ("login", "code"),
    [
        ({**ADA, "email": "nobody"}, "identity.bad_email"),
        ({**ADA, "password": "short"}, "identity.bad_password"),
        ({**ADA, "password": "x" * 2_000}, "invalid"),
        ({"email": "ada@example.com"}, "invalid"),
        ({**ADA, "is_operator": True}, "invalid"),
        ([], "invalid"),
        ({**ADA, "password": 7}, "invalid"),
    ],
)
async def test_bad_sign_ups_say_what_is_wrong_and_change_nothing(api, runtime, login, code):
    answer = await sign_up(api, login)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert "correct horse" not in answer.text
    assert await users(runtime) == []


async def test_signing_up_needs_a_key(api, runtime):
    answer = await api.post("/api/v1/signup", json=ADA)

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency.key_missing")
    assert await users(runtime) == []


async def test_a_wrong_password_and_an_unknown_address_look_and_last_the_same(api, app):
    await sign_up(api)

    async def times(wrong):
        taken = []
        for number in range(9):
            async with from_address(app, f"192.0.2.{number}") as client:
                started = time.process_time()  # of all threads, whatever else this machine does
                answer = await sign_in(client, **wrong)
                taken.append(time.process_time() - started)
        return answer, statistics.median(taken)

    known, known_s = await times({"password": "wrong horse battery"})
    unknown, unknown_s = await times({"email": "eve@example.com"})
    short, short_s = await times({"password": "x"})
    nonsense, nonsense_s = await times({"email": "no address at all"})

    for answer in (known, unknown, short, nonsense):
        assert (answer.status_code, answer.json()) == (401, known.json())
    # The hash takes 20 ms of the answer; a skipped one would more than halve it.
    for taken_s in (unknown_s, short_s, nonsense_s):
        assert 0.5 < taken_s / known_s < 2


async def test_after_ten_failures_the_account_rests_for_that_address_only(api, app, runtime):
    await sign_up(api)
    async with from_address(app, EVE) as eve:
        for _ in range(10):
            assert (await sign_in(eve, password="wrong horse battery")).status_code == 401
        throttled = await sign_in(eve)

    assert throttled.status_code == 429
    assert 0 < int(throttled.headers["retry-after"]) <= 300
    assert (await sign_in(api)).status_code == 201
    async with runtime.db.reading() as tx:
        cursor = await tx.execute("SELECT * FROM identity_login_tries")
        assert len(await cursor.fetchall()) == 2


async def test_very_many_guesses_at_once_get_no_more_than_ten_tries(api, app):
    await sign_up(api)
    async with from_address(app, EVE) as eve:
        answers = await asyncio.gather(
            *(sign_in(eve, password=f"wrong horse number {n}") for n in range(40))
        )

    assert Counter(each.status_code for each in answers) == {401: 10, 429: 30}
    assert (await sign_in(api)).status_code == 201


async def test_right_passwords_never_use_up_the_tries_of_an_address(api, runtime):
    await sign_up(api)
    for _ in range(3):
        await sign_in(api, password="wrong horse battery")
    for _ in range(12):
        assert (await sign_in(api)).status_code == 201

    async with runtime.db.reading() as tx:
        cursor = await tx.execute("SELECT failures FROM identity_login_tries")
        assert [row["failures"] for row in await cursor.fetchall()] == [3]  # of the address


async def test_a_right_password_forgives_the_wrong_ones(api):
    await sign_up(api)
    for _ in range(3):
        for _ in range(5):
            await sign_in(api, password="wrong horse battery")
        assert (await sign_in(api)).status_code == 201


async def test_nothing_personal_or_secret_is_kept_in_clear(api, runtime):
    user_id = (await sign_up(api)).json()["user_id"]
    token = (await sign_in(api)).json()["token"]
    await sign_in(api, password="wrong horse battery")

    async with runtime.db.reading() as tx:
        entries = await trail.read_stream(tx, f"user:{user_id}")
        tables = await tx.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
        dump = ""
        for row in await tables.fetchall():
            found = await tx.execute(f"SELECT t::text AS line FROM {row['table_name']} t".encode())
            if row["table_name"] != "identity_users":
                dump += "\n".join(line["line"] for line in await found.fetchall())
    assert [(entry.kind, entry.data) for entry in entries] == [
        ("UserSignedUp", {"user_id": user_id})
    ]
    for secret in ("ada", "example.com", "203.0.113.7", "horse", token):
        assert secret not in dump
        assert secret.encode().hex() not in dump


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer ts_wrong"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic bm8tY29sb24="},
        {"Cookie": "tradesense_session=wrong"},
        {"APCA-API-KEY-ID": "PKAAAAAAAAAAAAAAAAAA", "APCA-API-SECRET-KEY": "wrong"},
        {"APCA-API-KEY-ID": "PKAAAAAAAAAAAAAAAAAA"},
    ],
)
async def test_strangers_are_asked_to_sign_in(api, headers):
    answer = await api.get("/api/v1/me", headers=headers)

    assert answer.status_code == 401
    assert answer.json()["code"] == "identity.unauthenticated"
    assert answer.headers["www-authenticate"]


async def test_an_operator_is_appointed_once(api, runtime):
    user_id = (await sign_up(api)).json()["user_id"]
    for number in range(2):
        await runtime.db.run(
            lambda tx: identity.appoint_operator(tx, user_id=UUID(user_id), now=runtime.now()),
            key=f"appoint-{number}",
        )
    token = (await sign_in(api)).json()["token"]

    assert (await me(api, token)).json()["is_operator"] is True
    async with runtime.db.reading() as tx:
        entries = await trail.read_stream(tx, f"user:{user_id}")
    assert [entry.kind for entry in entries] == ["UserSignedUp", "OperatorAppointed"]
