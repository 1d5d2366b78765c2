"""Operators and the webhook inbox: every attempt is visible, and any event is looked into again."""

import json
import time

import pytest

from payment_sandbox import WEBHOOK_SECRET
from tradesense.app.sandbox.deliveries import sign
from tradesense.payments import jobs
from tradesense.payments.webhooks import inbox
from tradesense.payments.webhooks import store as inbox_store

REPLAYS = "/api/v1/operations/webhooks/replays"


class NobodyKnows:
    """A provider that is asked about nothing: these events are about no payment."""

    name = "stripe"


@pytest.fixture
def api(visitor):
    return visitor


async def deliver(api, event_id, kind="plan.created"):
    event = {"id": event_id, "object": "event", "type": kind, "data": {"object": {}}}
    body = json.dumps(event).encode()
    now = int(time.time())  # noqa: TID251 -- signatures live in wall time
    headers = {"Stripe-Signature": sign(body, secret=WEBHOOK_SECRET, at=now)}
    assert (await api.post("/webhooks/stripe", content=body, headers=headers)).status_code == 200


async def listed(api, **query):
    answer = await api.get("/api/v1/operations/webhooks", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["webhooks"]


def asked(key="replay number one", **selection):
    body = {"why": "the provider was down", **selection}
    return {"json": body, "headers": {"Idempotency-Key": key}}


async def waiting(api):
    return sorted(one["event_id"] for one in await listed(api, is_waiting=True))


@pytest.fixture
async def looked_into(api, operator, runtime):
    """Four events, each with its outcome."""
    for number, kind in enumerate(["plan.created", "plan_x", "charge.failed", "charge.pending"]):
        await deliver(api, f"evt_{number}", kind)
    await jobs.settle_received(runtime, NobodyKnows())
    assert await waiting(api) == []
    return operator


@pytest.mark.parametrize(
    ("selection", "meant"),
    [
        ({"event_ids": ["evt_1"]}, ["evt_1"]),
        ({"event_ids": ["evt_3", "evt_0"]}, ["evt_0", "evt_3"]),
        ({"kinds": ["charge.*"]}, ["evt_2", "evt_3"]),
        ({"kinds": ["charge.failed", "plan.created"]}, ["evt_0", "evt_2"]),
        ({"kinds": ["plan.*"]}, ["evt_0"]),
        ({"kinds": ["plan_*"]}, ["evt_1"]),
        ({"event_ids": ["evt_2"], "kinds": ["charge.*"]}, ["evt_2"]),
        ({"kinds": ["plan.*", "charge.*"], "provider": "mollie"}, []),
    ],
)
@pytest.mark.usefixtures("looked_into")
async def test_webhooks_are_replayed_by_id_and_by_kind(api, selection, meant):
    answer = await api.post(REPLAYS, **asked(**selection))

    assert (answer.status_code, answer.json()["event_ids"]) == (202, meant)
    assert await waiting(api) == meant


@pytest.mark.usefixtures("looked_into")
async def test_webhooks_are_replayed_by_the_time_they_came(api, owner_db):
    await owner_db.run(
        lambda tx: tx.execute(
            "UPDATE payments_webhooks SET received_at = received_at - CASE event_id"
            " WHEN 'evt_1' THEN interval '2 days' WHEN 'evt_2' THEN interval '1 day'"
            " ELSE interval '0' END"
        ),
        key="a day passes",
    )
    (yesterdays, *_) = [one for one in await listed(api) if one["event_id"] == "evt_2"]
    until = yesterdays["received_at"]  # the end is not in the range

    answer = await api.post(REPLAYS, **asked(until=until))

    assert answer.json()["event_ids"] == ["evt_1"]
    answer = await api.post(REPLAYS, **asked("another key, 2", since=until))
    assert answer.json()["event_ids"] == ["evt_2", "evt_0", "evt_3"]


async def test_a_replay_is_looked_into_once_more_and_every_attempt_is_shown(
    api, looked_into, runtime
):
    await deliver(api, "evt_1", "plan_x")
    await api.post(REPLAYS, **asked(event_ids=["evt_1"]))
    await jobs.settle_received(runtime, NobodyKnows())

    shown = (await api.get("/api/v1/operations/webhooks/stripe/evt_1")).json()

    assert [one["kind"] for one in shown["attempts"]] == [
        "WebhookReceived", "WebhookApplied", "WebhookRepeated", "WebhookReplayed", "WebhookApplied",
    ]  # fmt: skip
    assert (shown["outcome"], shown["replays"]) == ("about no payment", 1)
    replayed = shown["attempts"][3]
    assert (replayed["by"], replayed["why"]) == (
        looked_into, "the provider was down",
    )  # fmt: skip


@pytest.mark.usefixtures("looked_into")
async def test_the_same_request_replays_once(api):
    answers = [await api.post(REPLAYS, **asked(kinds=["charge.*"])) for _ in range(3)]

    assert len({answer.content for answer in answers}) == 1
    assert [one["replays"] for one in await listed(api, kind="charge.*")] == [1, 1]


@pytest.mark.usefixtures("looked_into")
async def test_what_was_seen_before_a_replay_does_not_end_it(api, runtime):
    """Whoever asked the provider before the replay must not answer for it."""
    await api.post(REPLAYS, **asked("first replay", event_ids=["evt_0"]))
    (early,) = await runtime.db.repeat(
        lambda tx: inbox_store.claim_due(tx, provider="stripe", limit=5)
    )
    await api.post(REPLAYS, **asked("second replay", event_ids=["evt_0"]))

    await runtime.db.run(
        lambda tx: inbox.finish(
            tx,
            provider="stripe",
            event_id="evt_0",
            replays=early.replays,
            outcome="seen early",
            now=runtime.now(),
        ),
        key="late",
    )

    assert await waiting(api) == ["evt_0"]


@pytest.mark.parametrize(
    ("selection", "status", "says"),
    [
        ({}, 422, "say which webhooks"),
        ({"provider": "stripe"}, 422, "say which webhooks"),
        ({"event_ids": ["evt_0", "evt_9"]}, 404, "evt_9"),
        ({"event_ids": ["evt_0"], "kinds": ["charge.*"]}, 404, "evt_0"),
        ({"kinds": ["*"]}, 422, "a kind is a name"),
        ({"kinds": ["pay*ment"]}, 422, "a kind is a name"),
        ({"event_ids": ["evt_0"], "why": " "}, 422, "say why"),
        (
            {"since": "2026-11-02T00:00:00Z", "until": "2026-11-01T00:00:00Z"},
            422,
            "before it begins",
        ),
        ({"since": "2026-11-02T00:00:00"}, 422, "timezone"),
        ({"event_ids": ["x" * 101]}, 422, "100 characters"),
        ({"what": 1}, 422, "what"),
    ],
)
@pytest.mark.usefixtures("looked_into")
async def test_an_unclear_replay_is_refused_and_nothing_is_replayed(api, selection, status, says):
    answer = await api.post(REPLAYS, **asked(**selection))

    assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert await waiting(api) == []


@pytest.mark.usefixtures("looked_into")
async def test_pages_of_the_inbox_meet_without_gap_or_overlap(api):
    whole = [one["event_id"] for one in await listed(api)]
    first = [one["event_id"] for one in await listed(api, limit=3)]
    rest = [one["event_id"] for one in await listed(api, limit=3, after=first[-1])]

    assert (whole, first + rest) == (["evt_3", "evt_2", "evt_1", "evt_0"], whole)
    assert (await api.get("/api/v1/operations/webhooks?limit=501")).status_code == 422
    assert (await api.get("/api/v1/operations/webhooks?after=evt_9")).status_code == 404


@pytest.mark.usefixtures("olga")
async def test_the_inbox_is_for_operators(api):
    await deliver(api, "evt_0")

    answers = [
        await api.get("/api/v1/operations/webhooks"),
        await api.get("/api/v1/operations/webhooks/stripe/evt_0"),
        await api.post(REPLAYS, **asked(event_ids=["evt_0"])),
    ]

    assert [answer.status_code for answer in answers] == [403] * 3
