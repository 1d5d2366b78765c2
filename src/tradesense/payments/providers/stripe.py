"""
Stripe, through its official package over our own HTTP client.

A person pays a Checkout Session, a program a Payment Intent. A payment's reference is that of
what we made, `cs_...` or `pi_...`; the intent that a paid session has is looked up when needed,
and one that belongs to a session is shown under the session's reference.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx

from tradesense.infra import http
from tradesense.infra.settings import Settings
from tradesense.payments.model import (
    IntentAsked,
    Movement,
    ProviderPayment,
    ProviderRefund,
    ProviderStatus,
    RefundAsked,
    Tariff,
    Way,
)
from tradesense.payments.providers import ProviderFailed, ProviderRefused
from tradesense.payments.providers.attempts import attempt
from tradesense.payments.providers.metadata import REFUND
from tradesense.payments.providers.stripe_shapes import (
    PROVIDER,
    intent_params,
    is_disputed,
    is_session,
    read_dispute,
    read_intent,
    read_movement,
    read_refund,
    read_session,
    session_params,
    way_of,
)
from tradesense.payments.providers.stripe_wire import explained, stripe_client
from tradesense.resilience import Policies

# How far back a lost answer is looked for; an older offer is harmless: nobody was told of it.
LOOK_BACK = 1_000
CALLS_AT_ONCE = 8
REFS_KEPT_MAX = 10_000

# https://stripe.com/pricing (US cards, 2.9 % + 30 cents); only for choosing between providers.
TARIFF = Tariff(
    currencies=frozenset({"EUR", "GBP", "JPY", "KWD", "USD"}),
    ways=frozenset(Way),
    fee_bp=290,
    fee_minor=30,
)

_ENDED = frozenset({ProviderStatus.SUCCEEDED, ProviderStatus.CANCELLED})
_OF_SESSION = ["payment_intent.latest_charge"]
_OF_INTENT = ["latest_charge"]


@asynccontextmanager
async def open_stripe(settings: Settings, policies: Policies) -> AsyncIterator["Stripe"]:
    """Open Stripe, or what stands in for it at `settings.stripe_api_base`."""
    async with http.client(policies[PROVIDER]) as client:
        yield Stripe(client, api_key=settings.stripe_secret_key, base=settings.stripe_api_base)


class Stripe:
    """`payments.model.Provider`."""

    name = PROVIDER
    tariff = TARIFF

    def __init__(self, client: httpx.AsyncClient, *, api_key: str, base: str) -> None:
        self._v1 = stripe_client(client, api_key=api_key, base=base).v1
        # An intent belongs to its session for ever: asked once, remembered within bounds.
        self._refs: dict[str, str] = {}

    async def create_intent(self, asked: IntentAsked) -> ProviderPayment:
        async def create(key: str) -> ProviderPayment:
            options: Any = {"idempotency_key": key}
            with explained():
                if asked.way is Way.PAGE:
                    page: Any = session_params(asked)
                    session = await self._v1.checkout.sessions.create_async(page, options)
                    return read_session(session.to_dict())
                direct: Any = intent_params(asked)
                intent = await self._v1.payment_intents.create_async(direct, options)
                return read_intent(intent.to_dict())

        return await attempt(
            create, lambda: self.find(asked.payment_id), f"payment:{asked.payment_id}"
        )

    async def find(self, payment_id: UUID) -> ProviderPayment | None:
        return await self._find_intent(payment_id) or await self._find_session(payment_id)

    async def fetch(self, ref: str) -> ProviderPayment:
        with explained():
            if is_session(ref):
                return await self._view_of_session(ref)
            found = await self._v1.payment_intents.retrieve_async(ref, {"expand": _OF_INTENT})
            intent = found.to_dict()
        if way_of(intent) is Way.PAGE:
            session = await self._session_of(ref)
            if session is not None:
                with explained():
                    return await self._view_of_session(session)
        with explained():
            return await self._with_history(read_intent(intent), intent)

    async def capture(self, ref: str, amount_minor: int) -> ProviderPayment:
        intent = await self._intent_of(ref)

        async def take(key: str) -> ProviderPayment:
            with explained():
                await self._v1.payment_intents.capture_async(
                    intent, {"amount_to_capture": amount_minor}, {"idempotency_key": key}
                )
            return await self.fetch(ref)

        try:
            return await attempt(take, lambda: self._ended(ref), f"capture:{intent}:{amount_minor}")
        except ProviderRefused:
            ended = await self._ended(ref)  # captured before, by a call we never heard of
            if ended is None or ended.status is not ProviderStatus.SUCCEEDED:
                raise
            return ended

    async def cancel(self, ref: str) -> ProviderPayment:
        try:
            return await attempt(
                lambda key: self._withdraw(ref, key), lambda: self._ended(ref), f"cancel:{ref}"
            )
        except (ProviderRefused, ProviderFailed):
            # Paid or cancelled before, or not cancelled yet: the caller sees, and asks again.
            return await self.fetch(ref)

    async def refund(self, asked: RefundAsked) -> ProviderRefund:
        intent = await self._intent_of(asked.provider_ref)
        # Looked for first: a refund that is underway for days outlives its key.
        earlier = await self._find_refund(intent, asked.refund_id)
        if earlier is not None:
            return earlier

        async def create(key: str) -> ProviderRefund:
            with explained():
                made = await self._v1.refunds.create_async(
                    {
                        "payment_intent": intent,
                        "amount": asked.amount_minor,
                        "metadata": {REFUND: str(asked.refund_id)},
                    },
                    {"idempotency_key": key},
                )
                return read_refund(made.to_dict())

        return await attempt(
            create,
            lambda: self._find_refund(intent, asked.refund_id),
            f"refund:{asked.refund_id}",
        )

    async def list_movements(self, *, since: datetime, until: datetime) -> Sequence[Movement]:
        with explained():
            page = await self._v1.balance_transactions.list_async(
                {
                    "created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())},
                    "expand": ["data.source"],
                    "limit": 100,
                }
            )
            lines = [read_movement(line.to_dict()) async for line in page.auto_paging_iter()]
        refs = await self._refs_of({line.payment_ref for line in lines if line.payment_ref})
        return [
            replace(line, payment_ref=refs.get(line.payment_ref or "")) for line in reversed(lines)
        ]

    async def _find_intent(self, payment_id: UUID) -> ProviderPayment | None:
        with explained():
            page = await self._v1.payment_intents.list_async({"limit": 100})
            looked_at = 0
            async for intent in page.auto_paging_iter():
                seen = read_intent(intent.to_dict())
                if seen.payment_id == payment_id:
                    return await self.fetch(seen.ref)
                looked_at += 1
                if looked_at >= LOOK_BACK:
                    break
        return None

    async def _find_session(self, payment_id: UUID) -> ProviderPayment | None:
        with explained():
            page = await self._v1.checkout.sessions.list_async({"limit": 100})
            looked_at = 0
            async for session in page.auto_paging_iter():
                seen = read_session(session.to_dict())
                if seen.payment_id == payment_id:
                    return await self.fetch(seen.ref)
                looked_at += 1
                if looked_at >= LOOK_BACK:
                    break
        return None

    async def _view_of_session(self, ref: str) -> ProviderPayment:
        found = await self._v1.checkout.sessions.retrieve_async(ref, {"expand": _OF_SESSION})
        session = found.to_dict()
        return await self._with_history(read_session(session), session.get("payment_intent"))

    async def _with_history(
        self, seen: ProviderPayment, intent: Mapping[str, Any] | None
    ) -> ProviderPayment:
        """Add refunds and disputes to a view; before money has come there are none."""
        if intent is None or seen.status is not ProviderStatus.SUCCEEDED:
            return seen
        of: Any = {"payment_intent": intent["id"], "limit": 100}
        refunds = await self._v1.refunds.list_async(of)
        seen = replace(
            seen,
            refunds=tuple([read_refund(one.to_dict()) async for one in refunds.auto_paging_iter()]),
        )
        if not is_disputed(intent):
            return seen
        disputes = await self._v1.disputes.list_async(of)
        return replace(
            seen,
            disputes=tuple(
                [read_dispute(one.to_dict(), seen.ref) async for one in disputes.auto_paging_iter()]
            ),
        )

    async def _ended(self, ref: str) -> ProviderPayment | None:
        seen = await self.fetch(ref)
        return seen if seen.status in _ENDED else None

    async def _withdraw(self, ref: str, key: str) -> ProviderPayment:
        options: Any = {"idempotency_key": key}
        intent = ref
        if is_session(ref):
            with explained():
                found = await self._v1.checkout.sessions.retrieve_async(ref)
                session = found.to_dict()
                if session["status"] == "open":
                    await self._v1.checkout.sessions.expire_async(ref, {}, options)
            if session["status"] != "complete":
                return await self.fetch(ref)
            intent = session["payment_intent"]
        with explained():
            await self._v1.payment_intents.cancel_async(intent, {}, options)
        return await self.fetch(ref)

    async def _intent_of(self, ref: str) -> str:
        """Return the payment intent behind a reference. Raises ProviderRefused if unpaid."""
        if not is_session(ref):
            return ref
        with explained():
            session = (await self._v1.checkout.sessions.retrieve_async(ref)).to_dict()
        intent = session.get("payment_intent")
        if intent is None:
            raise ProviderRefused(f"nobody has paid {ref} yet")
        return str(intent)

    async def _session_of(self, intent: str) -> str | None:
        """Return the checkout session that an intent belongs to."""
        with explained():
            page = await self._v1.checkout.sessions.list_async(
                {"payment_intent": intent, "limit": 1}
            )
            return str(page.data[0].id) if page.data else None

    async def _refs_of(self, intents: AbstractSet[str]) -> dict[str, str]:
        """Return the reference under which we know each intent: its session's, or its own."""
        room = asyncio.Semaphore(CALLS_AT_ONCE)

        async def look(intent: str) -> tuple[str, str]:
            if intent not in self._refs:
                async with room:
                    self._refs[intent] = await self._session_of(intent) or intent
                while len(self._refs) > REFS_KEPT_MAX:
                    self._refs.pop(next(iter(self._refs)))
            return intent, self._refs[intent]

        async with asyncio.TaskGroup() as group:
            looked = [group.create_task(look(intent)) for intent in intents]
        return dict(task.result() for task in looked)

    async def _find_refund(self, intent: str, refund_id: UUID) -> ProviderRefund | None:
        with explained():
            page = await self._v1.refunds.list_async({"payment_intent": intent, "limit": 100})
            async for refund in page.auto_paging_iter():
                seen = read_refund(refund.to_dict())
                if seen.refund_id == refund_id:
                    return seen
        return None
