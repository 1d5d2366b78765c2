"""
One sandbox process for the whole suite: its tests never meet each other's objects.

A test that asks for `shop` runs for every provider of ours, in every way of paying there, that
can what the test is marked to need.
"""

from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import pytest

from bank_firm import open_firm
from payment_sandbox import SandboxProcess
from payment_shops import (
    KINDS,
    OFFER,
    BankShop,
    OnlineShop,
    judged_by_mollie,
    judged_by_stripe,
    judged_by_tables,
    mollie_of,
    stripe_of,
)
from tradesense.infra import http
from tradesense.infra.policies import own_policy
from tradesense.infra.runtime import Runtime
from tradesense.kernel.money import Money
from tradesense.payments.model import IntentAsked, Way


def pytest_configure(config):
    config.addinivalue_line("markers", "needs(can): what a provider must be able to do")


def pytest_generate_tests(metafunc):
    """Run a test for each kind of shop that it may run for; some files name their own kinds."""
    if "kind" not in metafunc.fixturenames or hasattr(metafunc.module, "kind"):
        return
    needed = {mark.args[0] for mark in metafunc.definition.iter_markers("needs")}
    kinds = [kind for kind, can in KINDS.items() if needed <= can]
    metafunc.parametrize("kind", kinds, indirect=True)


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


@pytest.fixture
def kind(request):
    """Which provider, and how the buyer pays there."""
    return request.param


@pytest.fixture
async def shop(request, kind, clock, chance):
    def new_id():
        return UUID(int=chance.getrandbits(128))

    is_ours = kind.startswith("manual-")
    asked = IntentAsked(
        payment_id=new_id(),
        purchase_id=new_id(),
        amount=Money(54_000, "EUR" if is_ours else "USD"),
        way=Way(kind.partition("-")[2]),
        return_url="http://shop.example/back",
    )
    if is_ours:  # only these need a database
        settings, database = map(request.getfixturevalue, ("settings", "database"))
        async with Runtime.open(settings, name="test") as opened:
            runtime = replace(opened, now=clock.now, new_id=new_id)
            async with open_bank_shop(runtime, asked, database.superuser) as made:
                yield made
    else:
        sandbox = request.getfixturevalue("sandbox")
        async with open_online_shop(kind, sandbox, asked, new_id) as made:
            yield made
        sandbox.clear_faults()


@asynccontextmanager
async def open_bank_shop(runtime, asked, url):
    async with open_firm(runtime) as firm:
        yield BankShop(
            provider=firm.provider,
            asked=asked,
            firm=firm,
            new_id=runtime.new_id,
            **judged_by_tables(url),
        )


@asynccontextmanager
async def open_online_shop(kind, sandbox, asked, new_id):
    async with http.client(own_policy("tests")) as client:
        is_mollie = kind == "mollie-page"
        judged = judged_by_mollie(sandbox) if is_mollie else judged_by_stripe(sandbox.client())
        yield OnlineShop(
            provider=mollie_of(client, sandbox) if is_mollie else stripe_of(client, sandbox),
            sandbox=sandbox,
            asked=asked,
            offer_route=OFFER[kind],
            refund_route="POST /v2/payments/*/refunds" if is_mollie else "POST /v1/refunds",
            new_id=new_id,
            **judged,
        )
