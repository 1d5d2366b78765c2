"""
Our Stripe provider against a Stripe that is not ours: localstripe, in a process of its own.

It needs `make peers`. What localstripe does not do, and Stripe and our sandbox do:

| difference                                        | so here                               |
|---------------------------------------------------|---------------------------------------|
| no idempotency keys                               | nothing is repeated                   |
| no Checkout, no disputes                          | only the way DIRECT; no disputes      |
| no `amount_received`                              | what was received is read from refunds|
| refunds beyond the amount are made                | not asked for                         |
| a card cannot be named when confirming            | the buyer attaches it before          |
| cards declined at attaching are not at confirming | another test number is declined       |
| balance transactions cannot be asked for by time  | the books are not read                |
| no faults on demand                               | happy paths only                      |
| webhooks a second late, signed with that second   | still within the tolerance            |
"""

import asyncio
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from payment_sandbox import free_port
from tradesense.infra import http
from tradesense.infra.policies import own_policy
from tradesense.kernel.errors import NotFound
from tradesense.kernel.money import Money
from tradesense.payments.model import (
    IntentAsked,
    ProviderStatus,
    RefundAsked,
    RefundStatus,
)
from tradesense.payments.providers.stripe import Stripe
from tradesense.payments.webhooks.signature import find_flaw

PYTHON = Path(__file__).parents[3] / ".tools" / "peers" / "bin" / "python"
# Its own start listens on every address and keeps its memory in /tmp; this one does neither.
START = """
import sys
from aiohttp import web
from localstripe.resources import Store
from localstripe.server import app
Store.dump_to_disk = lambda self: None
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""
SECRET = "whsec_peer"


@dataclass
class Peer:
    base: str

    def ask(self, path, **form):
        answer = httpx.post(
            f"{self.base}{path}", data=form, headers={"Authorization": "Bearer sk_test_peer"}
        )
        return answer.status_code, answer.json() if answer.content else {}

    def pay(self, ref, number="4242424242424242"):
        """Pay as the buyer does: name a card, then confirm."""
        card = {"number": number, "exp_month": "12", "exp_year": "2040", "cvc": "123"}
        form = {"type": "card", **{f"card[{name}]": value for name, value in card.items()}}
        _, method = self.ask("/v1/payment_methods", **form)
        self.ask(f"/v1/payment_intents/{ref}", payment_method=method["id"])
        return self.ask(f"/v1/payment_intents/{ref}/confirm")


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    if not PYTHON.exists():
        pytest.skip("localstripe is not installed: make peers")
    port = free_port()
    home = tmp_path_factory.mktemp("peer")
    process = subprocess.Popen([PYTHON, "-c", START, str(port)], cwd=home, env={"HOME": str(home)})
    deadline = time.monotonic() + 20
    while not is_listening(port):
        assert process.poll() is None, "localstripe did not start"
        assert time.monotonic() < deadline, "localstripe does not listen"
        time.sleep(0.05)
    yield Peer(f"http://127.0.0.1:{port}")
    process.terminate()
    process.wait(timeout=10)


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
async def provider(peer):
    async with http.client(own_policy("tests")) as client:
        yield Stripe(client, api_key="sk_test_peer", base=peer.base)


@pytest.fixture
def asked(chance):
    payment_id, purchase_id = (UUID(int=chance.getrandbits(128)) for _ in range(2))
    return IntentAsked(payment_id=payment_id, purchase_id=purchase_id, amount=Money(54_000, "USD"))


async def test_an_offer_is_made_found_and_seen(provider, asked):
    offer = await provider.create_intent(asked)

    assert (offer.status, offer.amount_minor) == (ProviderStatus.OPEN, 54_000)
    assert (offer.currency, offer.payment_id) == ("USD", asked.payment_id)
    assert offer.client_secret
    assert await provider.find(asked.payment_id) == offer
    assert await provider.fetch(offer.ref) == offer


async def test_a_payment_is_seen_as_paid(provider, peer, asked):
    offer = await provider.create_intent(asked)
    assert peer.pay(offer.ref)[0] == 200

    assert (await provider.fetch(offer.ref)).status is ProviderStatus.SUCCEEDED


async def test_a_decline_is_seen_and_leaves_the_payment_open(provider, peer, asked):
    offer = await provider.create_intent(asked)
    assert peer.pay(offer.ref, "4000000000000341")[0] == 402

    seen = await provider.fetch(offer.ref)

    assert seen.status is ProviderStatus.OPEN
    assert (bool(seen.decline_id), seen.decline_reason) == (True, "card_declined")


async def test_an_authorised_payment_is_captured(provider, peer, asked):
    later = IntentAsked(
        payment_id=asked.payment_id,
        purchase_id=asked.purchase_id,
        amount=asked.amount,
        is_captured_later=True,
    )
    offer = await provider.create_intent(later)
    peer.pay(offer.ref)
    assert (await provider.fetch(offer.ref)).status is ProviderStatus.AUTHORISED

    taken = await provider.capture(offer.ref, 54_000)

    assert taken.status is ProviderStatus.SUCCEEDED


async def test_a_refund_is_made_once_and_is_part_of_the_view(provider, peer, asked, chance):
    offer = await provider.create_intent(asked)
    peer.pay(offer.ref)
    refund = RefundAsked(
        refund_id=UUID(int=chance.getrandbits(128)),
        provider_ref=offer.ref,
        amount_minor=1_000,
        currency="USD",
    )
    first, again = await provider.refund(refund), await provider.refund(refund)

    assert again == first  # found before it is asked for, so even without idempotency keys
    assert (first.status, first.amount_minor) == (RefundStatus.SUCCEEDED, 1_000)
    assert (await provider.fetch(offer.ref)).refunds == (first,)


async def test_an_offer_is_withdrawn(provider, asked):
    offer = await provider.create_intent(asked)

    assert (await provider.cancel(offer.ref)).status is ProviderStatus.CANCELLED


async def test_an_unknown_payment_is_not_found(provider):
    with pytest.raises(NotFound):
        await provider.fetch("pi_nobody")


async def test_its_webhooks_are_proven_by_their_signature(provider, peer, asked):
    with Listener() as listener:
        assert peer.ask("/_config/webhooks/ours", url=listener.url, secret=SECRET)[0] == 200
        offer = await provider.create_intent(asked)
        peer.pay(offer.ref)
        body, header = await listener.heard()

    now_s = time.time()  # noqa: TID251 -- the peer signs with the wall clock
    assert find_flaw(body, header, secrets=("whsec_new", SECRET), now_s=now_s) is None
    assert find_flaw(body, header, secrets=("whsec_new",), now_s=now_s)
    assert find_flaw(body + b" ", header, secrets=(SECRET,), now_s=now_s)


class Listener:
    """Takes calls and keeps them."""

    def __init__(self):
        self.calls = calls = []

        class Endpoint(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                calls.append((body, self.headers["Stripe-Signature"]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    async def heard(self):
        for _ in range(500):
            if self.calls:
                return self.calls[0]
            await asyncio.sleep(0.02)
        raise AssertionError("no call came")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
