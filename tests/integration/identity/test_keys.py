"""API keys act for one user on one challenge, until they are revoked."""

import base64

import pytest

from tradesense import identity, trail
from tradesense.identity.caller import find_caller_by_key


@pytest.fixture
async def user(runtime):
    user_id = runtime.new_id()
    await runtime.db.run(
        lambda tx: identity.sign_up(
            tx,
            user_id=user_id,
            email="ada@example.com",
            password_hash="$argon2id$none",
            now=runtime.now(),
        ),
        key="sign-up",
    )
    return user_id


@pytest.fixture
def challenge(runtime):
    return runtime.new_id()


async def issue(runtime, user, challenge, request_key="request-1"):
    return await runtime.db.run(
        lambda tx: identity.issue_key(
            tx,
            user_id=user,
            challenge_id=challenge,
            request_key=request_key,
            instance_secret=identity.instance_secret(runtime.settings),
            now=runtime.now(),
        ),
        key=str(runtime.new_id()),
    )


def ways_to_send(key):
    basic = base64.b64encode(f"{key.key_id}:{key.secret}".encode()).decode()
    return [
        {"APCA-API-KEY-ID": key.key_id, "APCA-API-SECRET-KEY": key.secret},
        {"Authorization": f"Basic {basic}"},
    ]


async def test_a_key_says_whom_and_what_it_acts_for(runtime, api, user, challenge):
    key = await issue(runtime, user, challenge)

    for headers in ways_to_send(key):
        who = (await api.get("/api/v1/me", headers=headers)).json()
        assert (who["user_id"], who["challenge_id"]) == (str(user), str(challenge))


async def test_the_same_request_gets_the_same_key(runtime, user, challenge):
    first = await issue(runtime, user, challenge)
    again = await issue(runtime, user, challenge)
    other = await issue(runtime, user, challenge, "request-2")

    assert again == first
    assert other.key_id != first.key_id
    async with runtime.db.reading() as tx:
        entries = await trail.read_stream(tx, f"user:{user}")
    assert [entry.kind for entry in entries] == ["UserSignedUp", "ApiKeyIssued", "ApiKeyIssued"]
    assert first.secret.encode() not in b"".join(entry.canonical for entry in entries)


async def test_a_secret_is_not_shown_after_a_day(runtime, user, challenge, owner_db):
    await issue(runtime, user, challenge)
    await owner_db.repeat(
        lambda tx: tx.execute(
            "UPDATE identity_keys SET recorded_at = recorded_at - interval '25 hours'"
        )
    )

    with pytest.raises(identity.SecretShown):
        await issue(runtime, user, challenge)


async def test_a_wrong_secret_is_nobody(runtime, user, challenge):
    key = await issue(runtime, user, challenge)

    assert await find_caller_by_key(runtime, key.key_id, key.secret) is not None
    assert await find_caller_by_key(runtime, key.key_id, key.secret[:-1]) is None
    assert await find_caller_by_key(runtime, "PKAAAAAAAAAAAAAAAAAA", key.secret) is None
    assert await find_caller_by_key(runtime, "", "") is None
    for odd in ("\ud800", "\0", "\N{LATIN SMALL LETTER E WITH ACUTE}"):
        assert await find_caller_by_key(runtime, odd, key.secret) is None
        assert await find_caller_by_key(runtime, key.key_id, odd) is None


async def test_a_revoked_key_opens_nothing(runtime, api, user, challenge):
    key = await issue(runtime, user, challenge)
    (headers, _) = ways_to_send(key)

    assert (await api.delete(f"/api/v1/keys/{key.key_id}", headers=headers)).status_code == 204
    assert (await api.get("/api/v1/me", headers=headers)).status_code == 401


async def test_a_foreign_key_cannot_be_revoked(runtime, api, user, challenge):
    stranger = runtime.new_id()
    await runtime.db.run(
        lambda tx: identity.sign_up(
            tx, user_id=stranger, email="eve@example.com", password_hash="-", now=runtime.now()
        ),
        key="stranger",
    )
    mine = await issue(runtime, user, challenge)
    (headers, _) = ways_to_send(await issue(runtime, stranger, challenge))

    answer = await api.delete(f"/api/v1/keys/{mine.key_id}", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (404, "identity.unknown_key")
    assert await find_caller_by_key(runtime, mine.key_id, mine.secret) is not None


@pytest.mark.parametrize("written", ["a%00b", "%ff", "PK", "x" * 10_000, "PK" + "a" * 18])
async def test_what_is_no_key_id_is_nobodys_key(runtime, api, user, challenge, written):
    (headers, _) = ways_to_send(await issue(runtime, user, challenge))

    answer = await api.delete(f"/api/v1/keys/{written}", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (404, "identity.unknown_key")
    assert len(answer.json()["detail"]) < 100
