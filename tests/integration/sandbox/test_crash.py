"""The sandbox killed at the worst moments: what it acknowledged is there, and is done once."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import stripe

from payment_sandbox import MOLLIE_KEY

ORDER = {"amount": 54_000, "currency": "usd"}


def charges_of(sandbox, intent_id):
    return sandbox.client().v1.charges.list({"payment_intent": intent_id}).data


def test_killed_between_effect_and_answer_the_same_key_charges_once(sandbox):
    client = sandbox.client()
    intent = client.v1.payment_intents.create(ORDER, {"idempotency_key": "create"})
    sandbox.plant("die_before_answer", "POST /v1/payment_intents/*/confirm")
    confirm = (intent.id, {"payment_method": "pm_card_visa"}, {"idempotency_key": "confirm"})
    with pytest.raises(stripe.APIConnectionError):
        client.v1.payment_intents.confirm(*confirm)
    assert sandbox.wait_dead() == -9

    sandbox.start()
    again = sandbox.client().v1.payment_intents.confirm(*confirm)

    assert again.status == "succeeded"
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert len(charges_of(sandbox, intent.id)) == 1


def test_mollie_killed_between_effect_and_answer_refunds_once(sandbox):
    def ask(path, body, key):
        headers = {"Authorization": f"Bearer {MOLLIE_KEY}", "Idempotency-Key": key}
        return httpx.post(f"{sandbox.base}{path}", json=body, headers=headers)

    amount = {"currency": "USD", "value": "540.00"}
    order = {"amount": amount, "description": "Challenge", "redirectUrl": "http://shop.example"}
    payment = ask("/v2/payments", order, "create").json()["id"]
    sandbox.pay(payment)
    refund = (f"/v2/payments/{payment}/refunds", {"amount": amount}, "refund")
    sandbox.plant("die_before_answer", f"POST {refund[0]}")
    with pytest.raises(httpx.TransportError):
        ask(*refund)
    assert sandbox.wait_dead() == -9

    sandbox.start()
    again = ask(*refund)

    assert again.status_code == 201
    assert again.json()["amount"] == amount


def test_what_was_acknowledged_survives_every_kill(sandbox):
    acknowledged = []
    for number in range(5):
        made = sandbox.client().v1.payment_intents.create(
            ORDER, {"idempotency_key": f"order-{number}"}
        )
        acknowledged.append(made.id)
        sandbox.kill()
        sandbox.start()

    listed = sandbox.client().v1.payment_intents.list({"limit": 100}).data
    assert [intent.id for intent in listed] == acknowledged[::-1]


class Platform:
    """Something that listens where the sandbox sends its webhooks, and may refuse them."""

    def __init__(self, port, *, refuses):
        self.taken, self.refused = [], []
        platform = self

        class Endpoint(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stripe.Webhook.construct_event(
                    body, self.headers["Stripe-Signature"], "whsec_tests"
                )
                event = json.loads(body)
                refusing = len(platform.refused) < refuses
                (platform.refused if refusing else platform.taken).append(event["type"])
                self.send_response(500 if refusing else 200)
                self.end_headers()

            def log_message(self, *_):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Endpoint)
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    async def wait_for(self, count):
        for _ in range(1_000):
            if len(self.taken) >= count:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"only {self.taken}")


async def test_webhooks_are_tried_until_they_are_taken(sandbox):
    with Platform(sandbox.webhook_port, refuses=3) as platform:
        sandbox.client().v1.payment_intents.create(ORDER)
        await platform.wait_for(1)

    assert platform.refused == ["payment_intent.created"] * 3
    assert platform.taken == ["payment_intent.created"]


async def test_webhooks_that_wait_survive_a_kill(sandbox):
    intent = sandbox.client().v1.payment_intents.create(ORDER)
    sandbox.pay(intent.id)
    sandbox.kill()
    sandbox.start()

    with Platform(sandbox.webhook_port, refuses=0) as platform:
        await platform.wait_for(3)

    assert set(platform.taken) >= {"charge.succeeded", "payment_intent.succeeded"}


async def test_a_lost_webhook_is_never_sent(sandbox):
    sandbox.plant("lose_webhook", "payment_intent.created")
    with Platform(sandbox.webhook_port, refuses=0) as platform:
        intent = sandbox.client().v1.payment_intents.create(ORDER)
        sandbox.pay(intent.id)
        await platform.wait_for(2)

    assert sorted(platform.taken) == ["charge.succeeded", "payment_intent.succeeded"]
