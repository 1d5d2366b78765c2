"""Mollie's calls: unsigned, so nothing but an address we gave and an id; however many come."""

import asyncio
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from payment_sandbox import MOLLIE_KEY
from table_digests import TRAIL, differing
from tradesense.infra import http
from tradesense.payments import Providers, jobs
from tradesense.payments.model import PaymentStatus, Way
from tradesense.payments.providers.mollie import Mollie
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
async def test_an_address_that_we_did_not_give_is_refused(api, tables, address, changed):
    before = tables()
    path, _, query = address.partition("?")
    forged = {
        "proof": f"{path}?{query[:-1]}{'0' if query[-1] != '0' else '1'}",
        "payment": address.replace("payment=", "payment=x"),
        "nothing": path,
    }[changed]

    answer = await call(api, forged)

    assert answer.status_code == 400
    assert answer.json()["code"] == "payments.bad_webhook"
    assert differing(before, tables()) <= TRAIL


@pytest.mark.parametrize(
    "body",
    ["", "id=", "id=tr_", "id=pi_1", "x", "id=tr_1;drop", "id=tr_" + "1" * 61, "{}", "é",
     "id=../tr_1", "id=tr_../../v2/refunds", "id=tr_1%2F..%2Ftr_2", "id=tr_1%00", "id=tr_1%0A",
     "id=tr_1&id=tr_2", "id=tr_%D9%A1", "ID=tr_1", "id=%FF"],
)  # fmt: skip
async def test_a_call_about_nothing_is_refused(api, tables, address, body):
    before = tables()
    assert (await call(api, address, body)).status_code == 400
    assert differing(before, tables()) <= TRAIL


async def test_a_call_that_is_too_long_is_refused(api, tables, address):
    before = tables()
    assert (await call(api, address, "id=tr_1&x=" + "1" * 2_000)).status_code == 400
    assert differing(before, tables()) <= TRAIL


@pytest.fixture
async def mollie(runtime, sandbox):
    """Mollie as the platform has it, which calls where the sandbox believes the platform to be."""
    settings = replace(
        runtime.settings,
        port=sandbox.webhook_port,
        public_url=f"http://127.0.0.1:{sandbox.webhook_port}",
    )
    async with http.client(runtime.policies["mollie"]) as client:
        yield Mollie(
            client,
            api_key=MOLLIE_KEY,
            base=sandbox.base,
            home=settings.public_url,
            webhooks=address_of(settings),
        )


@pytest.mark.usefixtures("listening")
async def test_a_payment_at_mollie_is_settled_by_its_call(shop, mollie, sandbox):
    await shop.request()
    payment = await shop.offer(await mollie.create_intent(replace(shop.asked, way=Way.PAGE)))
    sandbox.pay(payment.offer.ref)

    for _ in range(500):
        await jobs.do_due(shop.runtime, Providers([mollie]))
        if (await shop.payment()).status is PaymentStatus.SUCCEEDED:
            break
        await asyncio.sleep(0.02)

    assert (await shop.payment()).status is PaymentStatus.SUCCEEDED
    assert await kept(shop.runtime) == [f"{payment.offer.ref}.1"]
    assert await shop.balance("clearing:mollie:USD") == 54_000


async def test_a_forged_call_makes_us_ask_nobody(shop, api, mollie, sandbox, address):
    sandbox.plant("answer_500", "GET /v2/*", times=100)
    for number in range(50):
        answer = await call(api, address.replace("proof=", "proof=0"), f"id=tr_{number}")
        assert answer.status_code == 400

    await jobs.do_due(shop.runtime, Providers([mollie]))

    assert [fault["met"] for fault in sandbox.planted()] == [0]
