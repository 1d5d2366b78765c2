"""Mollie's calls: unsigned, so nothing but an address we gave and an id; however many come."""

import asyncio
from urllib.parse import urlsplit

import pytest

from tradesense.payments.webhooks import store
from tradesense.payments.webhooks.mollie import address_of


@pytest.fixture
def address(runtime):
    """Where Mollie calls about one payment of ours."""
    url = urlsplit(address_of(runtime.settings)(runtime.new_id()))
    return f"{url.path}?{url.query}"


async def kept(runtime):
    async with runtime.db.reading() as tx:
        cursor = await tx.execute(
            "SELECT event_id FROM payments_webhooks WHERE provider = 'mollie' ORDER BY event_id"
        )
        return [row["event_id"] for row in await cursor.fetchall()]


async def call(api, address, body="id=tr_1"):
    return await api.post(address, content=body)


async def claim(runtime):
    return await runtime.db.repeat(lambda tx: store.claim_due(tx, provider="mollie", limit=10))


async def test_a_call_is_kept_and_says_which_payment_to_look_into(api, runtime, address):
    assert (await call(api, address)).status_code == 200

    [due] = await claim(runtime)
    assert (due.event_id, due.object_ref) == ("tr_1.1", "tr_1")


async def test_calls_that_nobody_has_looked_into_are_one(api, runtime, address):
    for _ in range(5):
        assert (await call(api, address)).status_code == 200

    assert await kept(runtime) == ["tr_1.1"]


async def test_calls_at_once_are_one(api, runtime, address):
    answers = await asyncio.gather(*(call(api, address) for _ in range(10)))

    assert {answer.status_code for answer in answers} == {200}
    assert await kept(runtime) == ["tr_1.1"]


async def test_a_call_after_somebody_began_to_look_is_looked_into_afterwards(api, runtime, address):
    await call(api, address)
    await claim(runtime)
    await call(api, address)
    await call(api, address)

    assert await kept(runtime) == ["tr_1.1", "tr_1.2"]
    assert [due.event_id for due in await claim(runtime)] == ["tr_1.2"]


async def test_payments_are_looked_into_apart(api, runtime, address):
    await call(api, address, "id=tr_1")
    await call(api, address, "id=tr_2")

    assert await kept(runtime) == ["tr_1.1", "tr_2.1"]


@pytest.mark.parametrize("changed", ["proof", "payment", "nothing"])
async def test_an_address_that_we_did_not_give_is_refused(api, runtime, address, changed):
    path, _, query = address.partition("?")
    forged = {
        "proof": f"{path}?{query[:-1]}{'0' if query[-1] != '0' else '1'}",
        "payment": address.replace("payment=", "payment=x"),
        "nothing": path,
    }[changed]

    answer = await call(api, forged)

    assert answer.status_code == 400
    assert answer.json()["code"] == "payments.bad_webhook"
    assert await kept(runtime) == []


@pytest.mark.parametrize(
    "body", ["", "id=", "id=tr_", "id=pi_1", "x", "id=tr_1;drop", "id=tr_" + "1" * 61, "{}", "é"]
)
async def test_a_call_about_nothing_is_refused(api, runtime, address, body):
    assert (await call(api, address, body)).status_code == 400
    assert await kept(runtime) == []


async def test_a_call_that_is_too_long_is_refused(api, runtime, address):
    assert (await call(api, address, "id=tr_1&x=" + "1" * 2_000)).status_code == 400
    assert await kept(runtime) == []
