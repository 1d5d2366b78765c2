"""A payment that is asked for and offered, without any provider; and the sandbox with an API."""

import asyncio
from dataclasses import dataclass, replace
from uuid import UUID

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from payment_sandbox import SandboxProcess
from tradesense import ledger, payments, trail
from tradesense.app import errors
from tradesense.infra import http
from tradesense.infra.runtime import Runtime
from tradesense.kernel.money import Money
from tradesense.payments.attempts.rules import Candidate
from tradesense.payments.attempts.service import begin
from tradesense.payments.http import router
from tradesense.payments.model import ProviderPayment, ProviderStatus
from tradesense.payments.providers.stripe import TARIFF, Stripe

PRICE = Money(54_000, "USD")


@dataclass
class Shop:
    """The verbs of payments, each in a transaction of its own."""

    runtime: Runtime
    payment_id: UUID
    purchase_id: UUID

    async def run(self, verb, **arguments):
        return await self.runtime.db.run(
            lambda tx: verb(tx, now=self.runtime.now(), **arguments), key=str(self.runtime.new_id())
        )

    async def request(self, amount=PRICE):
        return await self.run(
            payments.request,
            payment_id=self.payment_id,
            purchase_id=self.purchase_id,
            amount=amount,
        )

    async def offer(self, seen):
        await self.begin(seen.provider)
        return await self.run(payments.record_offer, payment_id=self.payment_id, seen=seen)

    async def begin(self, provider="stripe"):
        """Commit to asking a provider, as `make_offer` does before it calls."""
        takes = Candidate(name=provider, tariff=TARIFF, is_admitting=True)
        return await self.run(begin, payment_id=self.payment_id, candidates=[takes])

    async def settle(self, seen):
        return await self.run(payments.settle, payment_id=self.payment_id, seen=seen)

    async def give_up(self, **arguments):
        return await self.run(
            payments.give_up, payment_id=self.payment_id, reason="no challenge", **arguments
        )

    @property
    def asked(self):
        return payments.IntentAsked(
            payment_id=self.payment_id, purchase_id=self.purchase_id, amount=PRICE
        )

    def seen(self, **changes):
        """What a provider shows of this payment: open, unless told otherwise."""
        view = ProviderPayment(
            provider="stripe",
            ref="pi_1",
            payment_id=self.payment_id,
            status=ProviderStatus.OPEN,
            amount_minor=54_000,
            received_minor=0,
            currency="USD",
            client_secret="pi_1_secret",
            pay_url="http://pay.example/pi_1",
        )
        return replace(view, **changes)

    def paid(self, **changes):
        return self.seen(
            **{"status": ProviderStatus.SUCCEEDED, "received_minor": 54_000, **changes}
        )

    async def payment(self):
        async with self.runtime.db.reading() as tx:
            return await payments.find_payment(tx, self.payment_id)

    async def refunds(self):
        async with self.runtime.db.reading() as tx:
            return await payments.list_refunds(tx, self.payment_id)

    async def facts(self, stream=None):
        async with self.runtime.db.reading() as tx:
            entries = await trail.read_stream(tx, stream or f"payment:{self.payment_id}")
        return [entry.kind for entry in entries]

    async def balance(self, account):
        async with self.runtime.db.reading() as tx:
            return (await ledger.balance_of(tx, account)).minor


@pytest.fixture
def shop(runtime):
    return Shop(runtime, runtime.new_id(), runtime.new_id())


def app_of(runtime):
    app = FastAPI()
    app.state.runtime = runtime
    app.include_router(router)
    errors.install(app)
    return app


@pytest.fixture
async def api(runtime):
    """The webhook endpoint, without a network."""
    transport = httpx.ASGITransport(app_of(runtime), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://platform") as client:
        yield client


@pytest.fixture
def sandbox(tmp_path):
    process = SandboxProcess(tmp_path / "sandbox-home")
    process.start()
    yield process
    if process.process.poll() is None:
        process.stop()


@pytest.fixture
async def provider(sandbox, runtime):
    async with http.client(runtime.policies["stripe"]) as client:
        yield Stripe(client, api_key="sk_test_tests", base=sandbox.base)


@pytest.fixture
async def listening(runtime, sandbox):
    """The webhook endpoint where the sandbox calls it, over real HTTP."""
    config = uvicorn.Config(
        app_of(runtime), port=sandbox.webhook_port, log_config=None, lifespan="off", ws="none"
    )
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server
    server.should_exit = True
    await serving
