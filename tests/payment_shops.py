"""
Each payment provider of ours in one way of paying, with a buyer and a judge behind it.

What a provider cannot by its nature is said once, in `KINDS`: a test that needs it is marked
`needs(Can.IT)`, and runs for the others.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from uuid import UUID

import psycopg
import pytest
from mollie.api.client import Client as MollieClient

from bank_firm import Firm
from bank_statements import Entry
from payment_sandbox import API_KEY, MOLLIE_KEY, SandboxProcess
from tradesense.payments.model import IntentAsked, Provider, ProviderPayment, RefundAsked
from tradesense.payments.providers.mollie import Mollie
from tradesense.payments.providers.stripe import Stripe


class Can(Enum):
    """What not every provider can."""

    FAIL = auto()  # it is called over a wire, and has trouble of its own
    RESERVE = auto()  # money is held at the buyer's bank first, and captured later
    CARD = auto()  # the buyer's bank may ask, dispute, or send a refund back
    TAKE_ANY_AMOUNT = auto()  # the buyer decides how much comes


ONLINE = frozenset({Can.FAIL, Can.RESERVE, Can.CARD})
TRANSFER = frozenset({Can.TAKE_ANY_AMOUNT})
KINDS = {
    "stripe-direct": ONLINE,
    "stripe-page": ONLINE,
    "mollie-page": ONLINE,
    "manual-direct": TRANSFER,
    "manual-page": TRANSFER,
}
OFFER = {
    "stripe-direct": "POST /v1/payment_intents",
    "stripe-page": "POST /v1/checkout/sessions",
    "mollie-page": "POST /v2/payments",
}


def needs(can: Can) -> pytest.MarkDecorator:
    """Run the test for those providers only that can do this by their nature."""
    return pytest.mark.needs(can)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A provider, what it is asked for, and how the test looks behind it."""

    provider: Provider
    asked: IntentAsked
    new_id: Callable[[], UUID]
    count_offers: Callable[[UUID], int]
    count_refunds: Callable[[str], int]

    @property
    def currency(self) -> str:
        return self.asked.amount.currency

    async def offered(self, **changes: object) -> ProviderPayment:
        return await self.provider.create_intent(replace(self.asked, **changes))

    def refund_of(self, seen: ProviderPayment, amount_minor: int = 54_000) -> RefundAsked:
        return RefundAsked(
            refund_id=self.new_id(),
            provider_ref=seen.ref,
            amount_minor=amount_minor,
            currency=seen.currency,
        )


@dataclass(frozen=True, kw_only=True)
class OnlineShop(Shop):
    """One whose provider is the sandbox; its official client is the judge."""

    sandbox: SandboxProcess
    offer_route: str
    refund_route: str

    async def paid(self, method: str = "pm_card_visa", **changes: object) -> ProviderPayment:
        offer = await self.offered(**changes)
        self.sandbox.pay(offer.ref, method)
        return await self.provider.fetch(offer.ref)


@dataclass(frozen=True, kw_only=True)
class BankShop(Shop):
    """One whose provider is our own bank account; its statement and our tables are the judge."""

    firm: Firm

    async def paid(self, amount: str = "540.00") -> ProviderPayment:
        """Let the buyer transfer `amount`, the bank say so, and two people match it."""
        offer = await self.offered()
        await self.firm.expect(self.asked, offer)
        await self.transfer(offer, amount)
        return await self.provider.fetch(offer.ref)

    async def transfer(self, offer: ProviderPayment, amount: str) -> None:
        lines = await self.firm.bank_says(Entry(amount=amount, text="transfer"))
        await self.firm.approve(await self.firm.propose(lines, [offer]))


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


def judged_by_tables(url):
    """Count what our tables hold of bank transfers: what is asked for, and what is to be sent."""

    def count(query, value):
        with psycopg.connect(url) as conn:
            [[found]] = conn.execute(query, [value]).fetchall()
        return found

    offers = "SELECT count(*) FROM payments_bank_offers WHERE payment_id = %s"
    orders = "SELECT count(*) FROM payments_bank_outgoing WHERE refers_to = %s"
    return {
        "count_offers": lambda payment_id: count(offers, payment_id),
        "count_refunds": lambda ref: count(orders, ref),
    }
