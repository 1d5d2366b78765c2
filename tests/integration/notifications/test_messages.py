"""Facts become messages: to whom they concern, once, and to nobody else."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from integration.trail.facts import seal_now
from purchase_world import PLAN
from tradesense import notifications, payments, purchases, trail
from tradesense.app import errors
from tradesense.bus.jobs import deliver_due
from tradesense.identity.http import router as logins
from tradesense.kernel.ids import derive
from tradesense.notifications.http import router as messages
from tradesense.notifications.jobs import SUBSCRIPTION
from tradesense.payments.model import Attempt, AttemptStatus, PaymentReturned, Way
from tradesense.payments.outages import ProviderContained
from tradesense.payments.store import attempts
from tradesense.trail.model import Fact

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
ADA, BEN, EVE = (derive("a trader", name) for name in ("ada", "ben", "eve"))


@dataclass
class Post:
    """Records facts, and delivers them to notifications."""

    runtime: object
    sealer_db: object
    home: object

    async def buy(self, user_id, number=1):
        purchase_id = derive(user_id, "purchase", number)

        async def verb(tx):
            bought = await purchases.open_purchase(
                tx, purchase_id=purchase_id, user_id=user_id, plan=PLAN, now=NOW
            )
            await payments.request(
                tx,
                payment_id=bought.payment_id,
                purchase_id=bought.id,
                amount=bought.price,
                now=NOW,
            )
            asked = Attempt(
                payment_id=bought.payment_id,
                provider="stripe",
                number=1,
                status=AttemptStatus.ASKED,
                way=Way.DIRECT,
            )
            await attempts.save(tx, asked, look_in_s=60)
            return bought

        return await self.runtime.db.run(verb, key=f"buy {purchase_id}")

    async def tell(self, event, stream):
        fact = Fact(event=event, stream=stream, at=NOW, by="system:test")
        await self.runtime.db.run(lambda tx: trail.record(tx, fact), key=str(self.runtime.new_id()))
        await self.deliver()

    async def deliver(self):
        await seal_now(self.sealer_db, self.home)
        await deliver_due(self.runtime, [SUBSCRIPTION])

    async def told(self, user_id):
        async with self.runtime.db.reading() as tx:
            return [one.topic for one in await notifications.list_of(tx, user_id)]


@pytest.fixture
def post(runtime, sealer_db, tmp_path):
    return Post(runtime, sealer_db, tmp_path)


def returned(purchase):
    return PaymentReturned(
        payment_id=purchase.payment_id,
        purchase_id=purchase.id,
        amount_minor=54_000,
        currency="USD",
        provider_ref="pi_1",
        reason="paid twice",
    )


async def test_a_buyer_is_told_once_and_nobody_else_is(post):
    adas, bens = await post.buy(ADA), await post.buy(BEN)

    await post.tell(returned(adas), f"payment:{adas.payment_id}")
    await post.deliver()

    assert await post.told(ADA) == ["payment.returned"]
    assert await post.told(BEN) == []
    assert adas.id != bens.id


async def test_a_message_is_on_the_trail_with_its_cause(post, runtime):
    bought = await post.buy(ADA)
    await post.tell(returned(bought), f"payment:{bought.payment_id}")

    async with runtime.db.reading() as tx:
        (message,) = await notifications.list_of(tx, ADA)
        (entry,) = await trail.read_stream(tx, f"message:{message.message_id}")
    assert (entry.kind, entry.data["user_id"]) == ("MessageWritten", str(ADA))
    assert entry.cause == message.cause == f"payment:{bought.payment_id}#2"


async def test_everybody_who_waits_at_a_contained_provider_is_told(post):
    for who in (ADA, BEN):
        await post.buy(who)
        await post.buy(who, number=2)
    contained = ProviderContained(derive("outage"), "stripe", "its breaker is open")

    await post.tell(contained, "provider:stripe")
    await post.tell(
        ProviderContained(derive("outage", 2), "mollie", "its breaker is open"), "provider:mollie"
    )

    assert await post.told(ADA) == await post.told(BEN) == ["payment.delayed"]
    assert await post.told(EVE) == []


async def test_a_fact_about_a_strangers_payment_is_told_to_nobody(post, runtime):
    stranger = derive("a stranger's purchase")
    event = PaymentReturned(
        payment_id=stranger,
        purchase_id=stranger,
        amount_minor=1,
        currency="USD",
        provider_ref="pi_9",
        reason="paid twice",
    )

    await post.tell(event, f"payment:{stranger}")

    async with runtime.db.reading() as tx:
        cursor = await tx.execute("SELECT count(*) AS n FROM notifications_messages")
        assert (await cursor.fetchone())["n"] == 0


@pytest.fixture
async def api(runtime):
    app = FastAPI()
    app.state.runtime = runtime
    app.include_router(logins)
    app.include_router(messages)
    errors.install(app)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://platform") as client:
        yield client


async def test_a_trader_reads_their_own_messages_in_words(api, post):
    someone = {"email": "ada@example.com", "password": "a long enough password"}
    key = {"Idempotency-Key": "one signup of many, 8"}
    user_id = UUID((await api.post("/api/v1/signup", json=someone, headers=key)).json()["user_id"])
    bought, others = await post.buy(user_id), await post.buy(BEN)
    await post.tell(returned(bought), f"payment:{bought.payment_id}")
    await post.tell(returned(others), f"payment:{others.payment_id}")
    token = (await api.post("/api/v1/sessions", json=someone)).json()["token"]

    answer = await api.get("/api/v1/messages", headers={"Authorization": f"Bearer {token}"})

    (message,) = answer.json()["messages"]
    assert message["topic"] == "payment.returned"
    assert "540.00 USD" in message["text"]
    assert message["at"].endswith("+00:00")
    api.cookies.clear()
    assert (await api.get("/api/v1/messages")).status_code == 401
