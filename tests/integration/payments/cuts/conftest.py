"""A market at a sandbox of its own, its first provider behind a proxy that cuts."""

from contextlib import asynccontextmanager

import pytest
from mollie.api.client import Client as MollieClient

from cut_world import Judge, Market
from cutting_proxy import cutting_proxy
from payment_sandbox import API_KEY, MOLLIE_KEY
from tradesense.infra import http
from tradesense.infra.policies import own_policy
from tradesense.payments.providers.mollie import Mollie
from tradesense.payments.providers.stripe import Stripe

PATIENCE_S = 2.0  # many times what the sandbox needs, for forty at once; a hang costs as much


def mollie_at(client, base):
    return Mollie(
        client, api_key=MOLLIE_KEY, base=base, home="http://shop.example",
        webhooks="http://127.0.0.1:9/webhooks/mollie?payment={}".format,
    )  # fmt: skip


def stripe_at(client, base):
    return Stripe(client, api_key=API_KEY, base=base)


@pytest.fixture
def judge(sandbox):
    client = MollieClient(api_endpoint=sandbox.base)
    client.set_api_key(MOLLIE_KEY)
    return Judge(sandbox, client)


@pytest.fixture
async def open_market(runtime, owner_db, sandbox):
    """Open a market whose `first` provider is cut, with the other one standing by or not."""
    makers = {"stripe": stripe_at, "mollie": mollie_at}
    sandbox.plant("lose_webhook", "*", times=10_000)  # whoever is cut off hears nothing either

    @asynccontextmanager
    async def opened(first, second=None):
        async with cutting_proxy(sandbox.port) as proxy:
            patient = http.client(own_policy("cuts"), timeout_s=PATIENCE_S)
            async with patient as cut_off, http.client(own_policy("cuts")) as calm:
                other = None if second is None else makers[second](calm, sandbox.base)
                cut = makers[first](cut_off, proxy.base)
                yield Market(runtime, owner_db, sandbox, proxy, cut, other)

    return opened
