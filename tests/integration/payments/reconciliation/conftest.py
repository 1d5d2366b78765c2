"""A shop over the real database and the real sandbox, with a hand in every book."""

import pytest

from payment_books import BookShop, wall
from payment_sandbox import API_KEY, MOLLIE_KEY
from provider_books import MollieBooks, StripeBooks
from tradesense.infra import http
from tradesense.payments.providers.mollie import Mollie
from tradesense.payments.providers.stripe import Stripe


@pytest.fixture
async def books(request, runtime, clock, sandbox, database):
    """A shop that sells through Stripe; through Mollie where a test asks for `mollie`."""
    clock.set(wall())  # the provider lives in wall-clock time
    name = getattr(request, "param", "stripe")
    theirs = {"stripe": StripeBooks, "mollie": MollieBooks}[name](sandbox)
    async with http.client(runtime.policies[name]) as client:
        provider = {"stripe": stripe_of, "mollie": mollie_of}[name](client, sandbox)
        yield BookShop(runtime, provider, sandbox, theirs, database.owner)


def stripe_of(client, sandbox):
    return Stripe(client, api_key=API_KEY, base=sandbox.base)


def mollie_of(client, sandbox):
    return Mollie(
        client,
        api_key=MOLLIE_KEY,
        base=sandbox.base,
        home="http://shop.example",
        webhooks=lambda payment_id: f"http://127.0.0.1:{sandbox.webhook_port}/{payment_id}",
    )
