"""Purchases as a buyer's program sees them."""

from uuid import UUID

import httpx
import pytest

from bank_firm import open_firm
from bank_statements import Entry, Paper
from purchase_world import PLAN, PRICE_MINOR, Till
from table_digests import differing
from tradesense import identity, payments
from tradesense.app.api import create_app
from tradesense.kernel.ids import derive
from tradesense.payments import bank

PATH = "/api/v1/purchases"
LOGIN = {"email": "ada@example.com", "password": "correct horse battery"}


@pytest.fixture
async def api(runtime):
    transport = httpx.ASGITransport(create_app(runtime), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://platform") as client:
        yield client


@pytest.fixture
async def ada(api):
    """A client that has signed in."""
    return await signed_in(api, LOGIN["email"])


async def signed_in(api, email):
    login = {**LOGIN, "email": email}
    signed_up = await api.post("/api/v1/signup", json=login, headers=key("sign up"))
    assert signed_up.status_code == 201, signed_up.text
    token = (await api.post("/api/v1/sessions", json=login)).json()["token"]
    api.headers["Authorization"] = f"Bearer {token}"
    api.user_id = UUID(signed_up.json()["user_id"])
    return api


def key(text):
    return {"Idempotency-Key": f"purchase-{text}"}


async def test_an_order_is_answered_at_once_and_paid_for_later(ada, shop):
    ordered = await ada.post(PATH, json={"plan": PLAN}, headers=key("1"))

    assert ordered.status_code == 201
    purchase = ordered.json()
    assert purchase["id"] == str(derive(ada.user_id, "purchase", "purchase-1"))
    assert (purchase["status"], purchase["payment"]) == ("awaiting_payment", None)
    assert (purchase["amount_minor"], purchase["currency"]) == (PRICE_MINOR, "USD")

    await shop.work()
    offered = (await ada.get(f"{PATH}/{purchase['id']}")).json()
    (intent,) = shop.till.intents.values()
    assert offered["payment"] == {
        "provider": "stripe",
        "intent_id": intent.ref,
        "status": "offered",
        "client_secret": intent.client_secret,
        "pay_url": intent.pay_url,
        "way": "direct",
        "is_delayed": False,
        "is_changing": False,
        "attempts": [{"provider": "stripe", "status": "offered", "way": "direct"}],
    }
    assert offered["challenge_id"] is None

    shop.till.pay()
    await shop.end()
    active = (await ada.get(f"{PATH}/{purchase['id']}")).json()
    assert active["status"] == "active"
    assert active["challenge_id"] == str(derive(UUID(purchase["id"]), "challenge"))
    assert active["payment"]["client_secret"] is None
    assert [each["id"] for each in (await ada.get(PATH)).json()] == [purchase["id"]]


async def test_the_same_key_is_the_same_order(ada, shop):
    answers = [await ada.post(PATH, json={"plan": PLAN}, headers=key("1")) for _ in range(3)]

    assert len({answer.content for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {201}
    await shop.work()
    assert len(shop.till.intents) == 1


@pytest.mark.parametrize(
    "bad",
    [
        ({"plan": PLAN}, {}, 400, "Idempotency-Key"),
        ({"plan": "moon"}, key("2"), 422, "no plan 'moon'; on sale: ftmo"),
        ({"plan": ""}, key("2"), 422, "no plan"),
        ({"plan": 7}, key("2"), 422, "plan"),
        ({"plan": "x" * 101}, key("2"), 422, "plan"),
        ({}, key("2"), 422, "plan"),
        ({"plan": PLAN, "coupon": "FREE"}, key("2"), 422, "coupon"),
        ({"plan": PLAN, "amount_minor": 1}, key("2"), 422, "costs 54000 USD"),
        ({"plan": PLAN, "amount_minor": -PRICE_MINOR}, key("2"), 422, "costs 54000 USD"),
        ({"plan": PLAN, "amount_minor": "54000"}, key("2"), 422, "amount_minor"),
        ({"plan": PLAN, "amount_minor": 54000.5}, key("2"), 422, "amount_minor"),
        ({"plan": PLAN, "amount_minor": 10**30}, key("2"), 422, "costs 54000 USD"),
        ({"plan": PLAN, "currency": "EUR"}, key("2"), 422, "costs 54000 USD"),
        ({"plan": PLAN, "amount_minor": PRICE_MINOR}, key("1"), 422, "another request"),
    ],
)
async def test_a_bad_order_gets_a_clear_answer_and_changes_nothing(ada, shop, tables, bad):
    order, headers, status, says = bad
    await ada.post(PATH, json={"plan": PLAN}, headers=key("1"))
    await shop.work()
    before = tables()

    answer = await ada.post(PATH, json=order, headers=headers)

    assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert differing(before, tables()) == set()
    await shop.work()
    assert len(shop.till.intents) == 1


async def test_a_stranger_and_another_buyer_see_nothing(api, ada):
    purchase = (await ada.post(PATH, json={"plan": PLAN}, headers=key("1"))).json()
    bob = {**LOGIN, "email": "bob@example.com"}
    await api.post("/api/v1/signup", json=bob, headers=key("bob"))
    token = (await api.post("/api/v1/sessions", json=bob)).json()["token"]
    theirs = {"Authorization": f"Bearer {token}"}

    foreign = await api.get(f"{PATH}/{purchase['id']}", headers=theirs)
    unknown = await api.get(f"{PATH}/{UUID(int=5)}", headers=theirs)
    assert foreign.status_code == unknown.status_code == 404
    assert (await api.get(PATH, headers=theirs)).json() == []

    api.cookies.clear()
    del api.headers["Authorization"]
    for answer in (
        await api.post(PATH, json={"plan": PLAN}, headers=key("3")),
        await api.get(PATH),
        await api.get(f"{PATH}/{purchase['id']}"),
    ):
        assert answer.status_code == 401


@pytest.fixture
async def olga(ada, runtime):
    """The same client, as an operator."""
    await runtime.db.run(
        lambda tx: identity.appoint_operator(tx, user_id=ada.user_id, now=runtime.now()),
        key="appoint",
    )
    return ada


async def bought(api, shop):
    purchase = (await api.post(PATH, json={"plan": PLAN}, headers=key("1"))).json()
    await shop.work()
    return purchase["id"], str(derive(UUID(purchase["id"]), "payment"))


async def test_an_operator_sends_money_back_once_and_sees_what_failed(olga, shop):
    _, payment_id = await bought(olga, shop)
    shop.till.pay()
    await shop.end()
    path = f"/api/v1/operations/payments/{payment_id}/refunds"
    wish = {"amount_minor": 1_000, "reason": "goodwill"}

    answers = [await olga.post(path, json=wish, headers=key("refund")) for _ in range(2)]
    await shop.end(rounds=1)

    assert {answer.status_code for answer in answers} == {202}, answers[0].text
    assert len({answer.content for answer in answers}) == 1
    assert [each.amount_minor for each in shop.till.refunds.values()] == [1_000]
    shop.till.faults["refund"] = ["no"]
    await olga.post(path, json=wish, headers=key("refund two"))
    await shop.end(rounds=1)
    (failed,) = (await olga.get("/api/v1/operations/refunds")).json()
    assert "the till says no" in failed["trouble"]
    again = f"/api/v1/operations/refunds/{failed['id']}/again"
    assert (await olga.post(again, headers=key("again"))).status_code == 202
    await shop.end(rounds=1)
    assert len(shop.till.refunds) == 2


@pytest.mark.parametrize(
    ("wish", "status", "says"),
    [
        ({"amount_minor": 0, "reason": "goodwill"}, 422, "positive amount"),
        ({"amount_minor": -5, "reason": "goodwill"}, 422, "positive amount"),
        ({"amount_minor": PRICE_MINOR + 1, "reason": "goodwill"}, 422, "only 54000 can still"),
        ({"amount_minor": 1.5, "reason": "goodwill"}, 422, "amount_minor"),
        ({"amount_minor": 1_000}, 422, "reason"),
        ({"currency": "EUR", "reason": "goodwill"}, 422, "currency"),
    ],
)
async def test_a_refund_that_cannot_be_is_refused_and_changes_nothing(
    olga, shop, tables, *, wish, status, says
):
    _, payment_id = await bought(olga, shop)
    shop.till.pay()
    await shop.end()
    before = tables()

    path = f"/api/v1/operations/payments/{payment_id}/refunds"
    answer = await olga.post(path, json=wish, headers=key("refund"))

    assert (answer.status_code, says in answer.text) == (status, True), answer.text
    foreign = path.replace(payment_id, str(UUID(int=7)))
    good = {"reason": "goodwill"}
    assert (await olga.post(foreign, json=good, headers=key("foreign"))).status_code == 404
    assert differing(before, tables()) == set()
    await shop.end(rounds=1)
    assert shop.till.refunds == {}


async def test_refunds_are_for_operators(ada, shop, tables):
    _, payment_id = await bought(ada, shop)
    path = f"/api/v1/operations/payments/{payment_id}/refunds"
    before = tables()

    answer = await ada.post(path, json={"reason": "please"}, headers=key("refund"))

    assert answer.status_code == 403
    assert differing(before, tables()) == set()
    assert (await ada.get("/api/v1/operations/refunds")).status_code == 403


@pytest.mark.parametrize(
    ("wish", "status", "says"),
    [
        ({"provider": "stripe"}, 409, "has made its offer"),
        ({"way": "barter"}, 422, "way"),
        ({"return_url": "https://evil.example/"}, 422, "a page of ours"),
        ({"return_url": "http://127.0.0.1:8000@evil.example/"}, 422, "a page of ours"),
        ({"provider": "x" * 33}, 422, "provider"),
        ({"provider": "paypal"}, 422, "provider is one of stripe, manual; leave it out"),
        ({"provider": "mollie"}, 422, "provider is one of stripe, manual"),  # has no key here
        ({"provider": ""}, 422, "provider is one of"),
        ({"coupon": 1}, 422, "coupon"),
    ],
)
async def test_another_way_that_cannot_be_is_refused(ada, shop, tables, *, wish, status, says):
    purchase_id, _ = await bought(ada, shop)
    before = tables()

    answer = await ada.post(f"{PATH}/{purchase_id}/payment", json=wish, headers=key("other way"))

    assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert differing(before, tables()) == set()


async def test_another_way_to_pay_is_granted_by_the_next_provider(ada, shop):
    shop.other = Till(name="mollie")
    purchase_id, _ = await bought(ada, shop)

    asked = await ada.post(f"{PATH}/{purchase_id}/payment", json={}, headers=key("other way"))
    assert (asked.status_code, asked.json()["payment"]["is_changing"]) == (202, True)
    await shop.end(rounds=1)

    payment = (await ada.get(f"{PATH}/{purchase_id}")).json()["payment"]
    assert (payment["provider"], payment["is_changing"]) == ("mollie", False)
    assert [each["status"] for each in payment["attempts"]] == ["withdrawn", "offered"]


async def test_a_transfer_without_reference_is_matched_by_the_name_in_the_buyers_address(api, shop):
    account = "GB82WEST12345698765432"
    buyer = await signed_in(api, "ada.lovelace+shop@example.com")
    async with open_firm(shop.runtime) as firm:
        await firm.register(account=account, currency="USD")
        shop.other = firm.provider
        await firm.provider.refresh()
        purchase_id, _ = await bought(buyer, shop)
        wish = {"provider": "manual"}
        await buyer.post(f"{PATH}/{purchase_id}/payment", json=wish, headers=key("by bank"))
        await shop.end(rounds=1)
        (payment,) = await firm.read(payments.list_payments_of, UUID(purchase_id))
        assert payment.offer.provider == "manual"

        coming = [Entry(amount="540.00", name=name) for name in ("LOVELACE ADA", "C. Babbage")]
        await firm.take(Paper(account=account, currency="USD", entries=tuple(coming)))

        (suggested,) = await firm.read(bank.list_suggestions)
        first, _ = await firm.lines()
    assert suggested.reason == "no reference; amount and name agree"
    assert suggested.payment_ids == (payment.payment_id,)
    assert suggested.line_ids == (first.line_id,)
    assert first.counterparty == "LOVELACE ADA"
    assert "lovelace" not in repr(payment)
    assert all(b"lovelace" not in entry.lower() for entry in await everything_told(shop))


async def everything_told(shop):
    async with shop.runtime.db.reading() as tx:
        cursor = await tx.execute("SELECT canonical FROM trail_entries")
        return [row["canonical"] for row in await cursor.fetchall()]
