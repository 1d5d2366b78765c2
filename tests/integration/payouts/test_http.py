"""Payouts as traders' and operators' programs see them; nonsense changes nothing."""

from uuid import UUID

import pytest

from payout_world import CHALLENGE, PAYEE, USER
from tradesense import identity
from tradesense.kernel.ids import derive

PATH, FIRM = "/api/v1/payouts", "/api/v1/operations/payouts"
JANE, JOHN, EVE = UUID(int=1), UUID(int=2), UUID(int=3)
TO = {"payee_name": PAYEE.name, "payee_account": PAYEE.account}
ALL = TO | {"challenge_id": str(CHALLENGE)}


@pytest.fixture
async def ada(sign_in):
    return await sign_in(USER, "ada")


@pytest.fixture
async def jane(sign_in):
    return await sign_in(JANE, "jane", is_operator=True)


async def test_a_payout_over_http_from_request_to_sent(floor, ada, jane, sign_in):
    john = await sign_in(JOHN, "john", is_operator=True)
    asked = await ada.post(PATH, ALL, key="payout-1")
    assert asked.status_code == 201, asked.text
    told = asked.json()
    assert told["id"] == str(derive(USER, "payout", "payout-1"))
    assert (told["status"], told["payee_account"]) == ("requested", "…5555")
    again = await ada.post(PATH, ALL, key="payout-1")
    assert again.content == asked.content

    await floor.work()
    one = f"{FIRM}/{told['id']}"
    (queued,) = (await jane.get(f"{FIRM}?status=frozen")).json()["payouts"]
    assert (queued["payee_name"], queued["identity"]["state"]) == (PAYEE.name, "pending")
    early = await jane.post(f"{one}/approval")
    assert (early.status_code, "identity is pending" in early.text) == (409, True)
    known = await jane.post(f"{one}/identity", {"is_verified": True, "reason": "passport"})
    assert known.json()["state"] == "verified"
    first = (await jane.post(f"{one}/approval")).json()
    assert (len(first["approvals"]), first["approvals_needed"], first["decision"]) == (1, 2, None)
    twice = await jane.post(f"{one}/approval")
    assert (twice.status_code, "another operator" in twice.text) == (403, True)
    assert (await john.post(f"{one}/approval")).json()["decision"] == "approved"
    late = await john.post(f"{one}/rejection", {"reason": "too late"})
    assert (late.status_code, "approved already" in late.text) == (409, True)

    await floor.work()
    seen = (await ada.get(f"{PATH}/{told['id']}")).json()
    assert (seen["status"], seen["amount_minor"]) == ("sent", 4_540_00)
    assert [each["id"] for each in (await ada.get(PATH)).json()] == [told["id"]]
    said = await floor.kinds(f"payout:{told['id']}")
    assert said[-3:] == ["PayoutApproved", "PayoutApproved", "PayoutSent"]


BAD = [
    (TO, 422, "challenge_id or account_id"),
    (ALL | {"account_id": str(EVE)}, 422, "not both"),
    (ALL | {"amount_minor": 0}, 422, "1 minor unit or more"),
    (ALL | {"amount_minor": -1}, 422, "1 minor unit or more"),
    (ALL | {"amount_minor": "100"}, 422, "amount_minor"),
    (ALL | {"amount_minor": 1.5}, 422, "amount_minor"),
    (ALL | {"amount_minor": 5_000_01}, 409, "there is 500000 USD"),
    (ALL | {"amount_minor": 10**30}, 409, "there is 500000 USD"),
    (ALL | {"amount_minor": 19_99}, 409, "2000 USD or more"),
    (ALL | {"currency": "XXX"}, 422, "unknown currency"),
    (ALL | {"currency": "EUR"}, 422, "kept in USD"),
    (ALL | {"currency": "EURO"}, 422, "currency"),
    (ALL | {"payee_account": "GB33BUKB20201555555556"}, 422, "check digits"),
    (ALL | {"payee_account": ""}, 422, "account"),
    (ALL | {"payee_name": " "}, 422, "name"),
    (ALL | {"note": "quick"}, 422, "note"),
    (TO | {"challenge_id": str(EVE)}, 404, "you have no challenge"),
    (TO | {"account_id": str(EVE)}, 404, "you have no account"),
    (TO | {"challenge_id": "mine"}, 422, "challenge_id"),
]


async def test_a_bad_request_gets_a_clear_answer_and_changes_nothing(floor, ada, sign_in, tables):
    eve = await sign_in(EVE, "eve")
    before = tables()
    for body, status, says in BAD:
        answer = await ada.post(PATH, body)
        assert (answer.status_code, says in answer.text) == (status, True), (body, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    old = (await floor.read(list_phases))[0]
    for body in (ALL, TO | {"account_id": str(old)}):
        assert (await eve.post(PATH, body)).status_code == 404
    ended = await ada.post(PATH, TO | {"account_id": str(old)})
    assert (ended.status_code, "has ended" in ended.text) == (409, True)
    assert tables() == before


async def list_phases(tx):
    cursor = await tx.execute(
        "SELECT account_id FROM challenges_accounts ORDER BY phase = 'funded', phase"
    )
    return [row["account_id"] for row in await cursor.fetchall()]


async def test_operators_own_requests_strangers_and_silence_change_nothing(
    floor, ada, jane, sign_in, tables
):
    eve = await sign_in(EVE, "eve")
    await floor.run(identity.appoint_operator, user_id=USER)
    payout = (await ada.post(PATH, ALL)).json()["id"]
    await floor.work()
    one, none = f"{FIRM}/{payout}", f"{FIRM}/{EVE}"
    before = tables()
    for person, path, body, status in (
        (ada, f"{one}/approval", None, 403),
        (ada, f"{one}/rejection", {"reason": "mine"}, 403),
        (ada, f"{one}/identity", {"is_verified": True, "reason": "it is me"}, 403),
        (eve, f"{one}/approval", None, 403),
        (eve, f"{one}/identity", {"is_verified": True, "reason": "hers"}, 403),
        (jane, f"{one}/rejection", {"reason": " "}, 422),
        (jane, f"{one}/identity", {"is_verified": "yes", "reason": "x"}, 422),
        (jane, f"{one}/identity", {"is_verified": True, "reason": ""}, 422),
        (jane, f"{none}/approval", None, 404),
        (jane, f"{none}/identity", {"is_verified": True, "reason": "x"}, 404),
    ):
        answer = await person.post(path, body)
        assert answer.status_code == status, (path, answer.text)
    assert (await eve.get(f"{PATH}/{payout}")).status_code == 404
    assert (await eve.get(FIRM)).status_code == 403
    assert tables() == before
