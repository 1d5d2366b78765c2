"""What providers tell us unasked: proven, kept once as it came, or refused and nothing changed."""

import asyncio
import json
import time

import pytest

from payment_sandbox import WEBHOOK_SECRET
from table_digests import TRAIL, differing
from tradesense.app.sandbox.deliveries import sign
from tradesense.payments.http import BODY_MAX

EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "payment_intent.succeeded",
    "data": {"object": {"id": "pi_1", "object": "payment_intent", "status": "succeeded"}},
}


def body_of(**changes):
    return json.dumps({**EVENT, **changes}, indent=2).encode()


def signed(body, *, secret=WEBHOOK_SECRET, age_s=0):
    now = int(time.time()) - age_s  # noqa: TID251 -- signatures live in wall time
    return {"Stripe-Signature": sign(body, secret=secret, at=now)}


async def post(api, body, **how):
    return await api.post("/webhooks/stripe", content=body, headers=signed(body, **how))


async def kept(shop):
    async with shop.runtime.db.reading() as tx:
        cursor = await tx.execute("SELECT * FROM payments_webhooks ORDER BY event_id")
        return await cursor.fetchall()


async def test_a_proven_webhook_is_kept_as_it_came(api, shop):
    body = body_of()
    answer = await post(api, body)

    assert (answer.status_code, answer.content) == (200, b"")
    (row,) = await kept(shop)
    assert bytes(row["body"]) == body
    assert (row["event_id"], row["object_ref"]) == ("evt_1", "pi_1")
    assert await shop.facts("webhook:evt_1") == ["WebhookReceived"]


async def test_a_replayed_webhook_is_kept_once_and_every_attempt_is_on_the_trail(api, shop):
    answers = [await post(api, body_of()) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert len(await kept(shop)) == 1
    assert await shop.facts("webhook:evt_1") == ["WebhookReceived"] + ["WebhookRepeated"] * 2


async def test_twenty_copies_at_once_are_kept_once(api, shop):
    answers = await asyncio.gather(*(post(api, body_of()) for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert len(await kept(shop)) == 1
    assert len(await shop.facts("webhook:evt_1")) == 20


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({}, "header is missing"),
        ({"Stripe-Signature": "t=1,v1=00"}, "no signature matches"),
        ({"Stripe-Signature": "nonsense"}, "has no t="),
        (signed(b"another body"), "no signature matches"),
        (signed(body_of(), secret="whsec_forged"), "no signature matches"),
        (signed(body_of(), age_s=400), "more than 300 s old"),
    ],
)
async def test_a_forged_or_old_webhook_is_refused_and_nothing_is_kept(
    api, shop, tables, headers, says
):
    before = tables()

    answer = await api.post("/webhooks/stripe", content=body_of(), headers=headers)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "payments.bad_webhook"
    assert says in answer.json()["detail"]
    assert differing(before, tables()) <= TRAIL
    assert await shop.facts("webhook:refused") == ["WebhookRefused"]
    assert await shop.facts("webhook:evt_1") == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'"event"',
        b"\xff\xfe",
        body_of(id=None),
        body_of(id="evt 1"),
        body_of(id="evt_" + "x" * 200),
        body_of(id="évt_1"),
        body_of(type=7),
        body_of(object="charge"),
    ],
)
async def test_a_signed_body_that_is_no_event_is_refused(api, tables, body):
    before = tables()

    answer = await post(api, body)

    assert answer.status_code == 400
    assert "signed, but no" in answer.json()["detail"]
    assert differing(before, tables()) <= TRAIL


async def test_a_webhook_without_end_is_refused(api, tables):
    before = tables()

    answer = await post(api, b"x" * (BODY_MAX + 1))

    assert answer.status_code == 400
    assert differing(before, tables()) <= TRAIL


async def test_an_unknown_type_is_kept_all_the_same(api, shop):
    answer = await post(api, body_of(id="evt_2", type="plan.created", data={"object": {}}))

    assert answer.status_code == 200
    (row,) = await kept(shop)
    assert (row["type"], row["object_ref"]) == ("plan.created", None)


async def test_a_flood_of_forgeries_is_counted_and_a_true_webhook_gets_through(api, shop):
    forged = [api.post("/webhooks/stripe", content=b"forged %d" % n) for n in range(60)]

    *answers, true = await asyncio.gather(*forged, post(api, body_of()))

    assert {answer.status_code for answer in answers} == {400}
    assert true.status_code == 200
    await api.post("/webhooks/stripe", content=b"one more")
    async with shop.runtime.db.reading() as tx:
        cursor = await tx.execute(
            "SELECT count(*) AS recorded,"
            " sum((convert_from(canonical, 'UTF8')::jsonb #>> '{data,unrecorded}')::int) AS rest"
            " FROM trail_entries WHERE kind = 'WebhookRefused'"
        )
        counted = await cursor.fetchone()
    assert counted["recorded"] + counted["rest"] == 61
    assert counted["recorded"] < 61


async def test_a_webhook_cannot_be_changed_afterwards(api, shop):
    await post(api, body_of())

    with pytest.raises(Exception, match="permission denied"):
        await shop.runtime.db.run(
            lambda tx: tx.execute("UPDATE payments_webhooks SET body = ''"), key="tamper"
        )
