"""
One sandbox process for the whole suite: its tests never meet each other's objects.

A `Shop` is one of our providers, in one way of paying, and its official client as the judge.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from mollie.api.client import Client as MollieClient

from payment_sandbox import API_KEY, MOLLIE_KEY, SandboxProcess
from tradesense.infra import http
from tradesense.infra.policies import own_policy
from tradesense.kernel.money import Money
from tradesense.payments.model import IntentAsked, Provider, ProviderPayment, RefundAsked, Way
from tradesense.payments.providers.mollie import Mollie
from tradesense.payments.providers.stripe import Stripe

OFFER = {
    "stripe-direct": "POST /v1/payment_intents",
    "stripe-page": "POST /v1/checkout/sessions",
    "mollie-page": "POST /v2/payments",
}


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox"))
    process.start()
    yield process
    assert process.stop() == 0


@pytest.fixture
def client(sandbox):
    return sandbox.client()


@pytest.fixture
def key(request, chance):
    """An idempotency key of this test's own."""
    return f"{request.node.name}-{chance.getrandbits(64):x}"


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A provider, what it is asked for, and how the test looks behind it."""

    provider: Provider
    sandbox: SandboxProcess
    asked: IntentAsked
    offer_route: str
    refund_route: str
    new_id: Callable[[], UUID]
    count_offers: Callable[[UUID], int]
    count_refunds: Callable[[str], int]

    async def offered(self, **changes: object) -> ProviderPayment:
        return await self.provider.create_intent(replace(self.asked, **changes))

    async def paid(self, method: str = "pm_card_visa", **changes: object) -> ProviderPayment:
        offer = await self.offered(**changes)
        self.sandbox.pay(offer.ref, method)
        return await self.provider.fetch(offer.ref)

    def refund_of(self, seen: ProviderPayment, amount_minor: int = 54_000) -> RefundAsked:
        return RefundAsked(
            refund_id=self.new_id(),
            provider_ref=seen.ref,
            amount_minor=amount_minor,
            currency=seen.currency,
        )


@pytest.fixture(params=list(OFFER))
def kind(request):
    """Which provider, and how the buyer pays there."""
    return request.param


@pytest.fixture
async def shop(kind, sandbox, chance):
    def new_id():
        return UUID(int=chance.getrandbits(128))

    way = Way(kind.partition("-")[2])
    async with http.client(own_policy("tests")) as client:
        is_mollie = kind == "mollie-page"
        judged = judged_by_mollie(sandbox) if is_mollie else judged_by_stripe(sandbox.client())
        yield Shop(
            provider=mollie_of(client, sandbox) if is_mollie else stripe_of(client, sandbox),
            sandbox=sandbox,
            asked=IntentAsked(
                payment_id=new_id(),
                purchase_id=new_id(),
                amount=Money(54_000, "USD"),
                way=way,
                return_url="http://shop.example/back",
            ),
            offer_route=OFFER[kind],
            refund_route="POST /v2/payments/*/refunds" if is_mollie else "POST /v1/refunds",
            new_id=new_id,
            **judged,
        )
    sandbox.clear_faults()


def stripe_of(client, sandbox):
    return Stripe(client, api_key=API_KEY, base=sandbox.base)


def mollie_of(client, sandbox, key=MOLLIE_KEY):
    def webhooks(payment_id):
        return f"http://127.0.0.1:{sandbox.webhook_port}/webhooks/mollie?payment={payment_id}"

    return Mollie(
        client, api_key=key, base=sandbox.base, home="http://shop.example", webhooks=webhooks
    )


def mollie_client(sandbox):
    """Mollie's official client."""
    client = MollieClient(api_endpoint=sandbox.base)
    client.set_api_key(MOLLIE_KEY)
    return client


def judged_by_mollie(sandbox):
    """Count what a Mollie holds, by its official client."""
    client = mollie_client(sandbox)

    def count_offers(payment_id):
        made = client.payments.list(limit=250)
        return sum(
            (one.metadata or {}).get("tradesense_payment") == str(payment_id) for one in made
        )

    def count_refunds(ref):
        return len(client.payments.get(ref).refunds.list())

    return {"count_offers": count_offers, "count_refunds": count_refunds}


def judged_by_stripe(client):
    """Count what a Stripe holds, by its official client."""

    def count_offers(payment_id):
        made = [
            *client.v1.payment_intents.list({"limit": 100}).auto_paging_iter(),
            *client.v1.checkout.sessions.list({"limit": 100}).auto_paging_iter(),
        ]
        return len(
            {
                one.metadata.to_dict()["tradesense_payment"]
                for one in made
                if one.metadata.to_dict().get("tradesense_payment") == str(payment_id)
            }
        )

    def count_refunds(ref):
        if ref.startswith("cs_"):
            ref = client.v1.checkout.sessions.retrieve(ref).payment_intent
        return len(client.v1.refunds.list({"payment_intent": ref}).data)

    return {"count_offers": count_offers, "count_refunds": count_refunds}
