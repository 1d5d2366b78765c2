"""Accidents on demand: each one that is planted happens, as often as asked for, and is counted."""

import asyncio
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
import stripe

from payment_sandbox import API_KEY, MOLLIE_KEY, WEBHOOK_SECRET

ORDER = {"amount": 54_000, "currency": "usd"}
INTENTS = "POST /v1/payment_intents"


def create(sandbox):
    return sandbox.client().v1.payment_intents.create(ORDER)


def met(sandbox):
    return [fault["met"] for fault in sandbox.planted()]


@pytest.mark.parametrize(
    ("kind", "status"), [("answer_500", 500), ("answer_503", 503), ("answer_429", 429)]
)
def test_a_refusal_happens_as_often_as_asked_for_and_does_nothing(sandbox, kind, status):
    sandbox.plant(kind, INTENTS, times=2)
    for _ in range(2):
        with pytest.raises(stripe.StripeError) as refused:
            create(sandbox)
        assert refused.value.http_status == status

    create(sandbox)

    assert len(sandbox.client().v1.payment_intents.list().data) == 1
    assert met(sandbox) == [2]


@pytest.mark.parametrize("path", ["/v1/payment_intents", "/v2/payments"])
@pytest.mark.parametrize("wish", [None, "7"])
def test_too_many_requests_may_come_with_a_wish(sandbox, path, wish):
    sandbox.plant("answer_429", f"GET {path}", retry_after=wish)
    key = API_KEY if path.startswith("/v1") else MOLLIE_KEY

    answer = httpx.get(f"{sandbox.base}{path}", headers={"Authorization": f"Bearer {key}"})

    assert answer.status_code == 429
    assert answer.headers.get("retry-after") == wish


@pytest.mark.parametrize(
    ("kind", "made"), [("reset", 0), ("reset_after", 1), ("hang", 0), ("hang_after", 1)]
)
def test_a_connection_may_break_before_or_after_the_effect(sandbox, kind, made):
    sandbox.plant(kind, INTENTS, delay_s=0.2)

    with pytest.raises(stripe.APIConnectionError):
        create(sandbox)

    assert len(sandbox.client().v1.payment_intents.list().data) == made
    assert met(sandbox) == [1]


def test_a_slow_answer_comes(sandbox):
    sandbox.plant("slow", INTENTS, delay_s=0.3)
    began = time.monotonic()

    assert create(sandbox).status == "requires_payment_method"

    assert time.monotonic() - began >= 0.3


def test_chance_follows_from_the_seed(sandbox):
    def outcomes():
        sandbox.clear_faults()
        sandbox.plant("answer_503", "GET /v1/charges", times=100, chance=0.5, seed=7)
        headers = {"Authorization": f"Bearer {API_KEY}"}
        return [
            httpx.get(f"{sandbox.base}/v1/charges", headers=headers).status_code for _ in range(20)
        ]

    first = outcomes()

    assert outcomes() == first
    assert set(first) == {200, 503}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"kind": "earthquake", "target": "*"}, "kind: one of"),
        ({"kind": "hang"}, "target"),
        ({"kind": "hang", "target": "*", "times": 0}, "times"),
        ({"kind": "hang", "target": "*", "times": 10_001}, "times"),
        ({"kind": "hang", "target": "*", "delay_s": 121}, "delay_s"),
        ({"kind": "hang", "target": "*", "chance": 2}, "chance"),
        ({"kind": "hang", "target": "*", "colour": "red"}, "unknown: colour"),
    ],
)
def test_faults_are_bounded(sandbox, asked, says):
    answer = httpx.post(
        f"{sandbox.base}/sandbox/faults", json=asked, headers={"Authorization": f"Bearer {API_KEY}"}
    )

    assert answer.status_code == 400
    assert says in answer.json()["error"]["message"]
    assert sandbox.planted() == []


def test_strangers_plant_nothing(sandbox):
    asked = {"kind": "hang", "target": "*"}

    assert httpx.post(f"{sandbox.base}/sandbox/faults", json=asked).status_code == 401
    assert sandbox.planted() == []


class Platform:
    """Takes every call, and says which it would have believed."""

    def __init__(self, port):
        self.calls = calls = []

        class Endpoint(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    event = stripe.Webhook.construct_event(
                        body, self.headers["Stripe-Signature"], WEBHOOK_SECRET
                    )
                    calls.append((event.type, True))
                except stripe.SignatureVerificationError as forged:
                    calls.append((str(forged), False))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Endpoint)
        self.thread = Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    async def heard(self, count):
        for _ in range(1_000):
            if len(self.calls) >= count:
                return self.calls[:count]
            await asyncio.sleep(0.01)
        raise AssertionError(f"only {self.calls}")


async def test_a_webhook_may_come_twice(sandbox):
    sandbox.plant("repeat_webhook", "payment_intent.created")
    with Platform(sandbox.webhook_port) as platform:
        create(sandbox)

        assert await platform.heard(2) == [("payment_intent.created", True)] * 2


async def test_a_webhook_may_come_late_and_in_another_order(sandbox):
    sandbox.plant("swap_webhooks", "payment_intent.created")
    with Platform(sandbox.webhook_port) as platform:
        intent = create(sandbox)
        sandbox.pay(intent.id)

        heard = await platform.heard(3)

    assert heard[-1] == ("payment_intent.created", True)


async def test_a_forged_webhook_comes_before_the_true_one(sandbox):
    sandbox.plant("forge_webhook", "payment_intent.created")
    with Platform(sandbox.webhook_port) as platform:
        create(sandbox)

        forged, true = await platform.heard(2)

    assert not forged[1]
    assert true == ("payment_intent.created", True)


async def test_a_signature_may_be_too_old(sandbox):
    sandbox.plant("skew_webhook", "payment_intent.created", skew_s=-3_600)
    with Platform(sandbox.webhook_port) as platform:
        create(sandbox)

        [(says, is_believed)] = await platform.heard(1)

    assert not is_believed
    assert "tolerance" in says
