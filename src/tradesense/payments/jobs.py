"""
What the worker does for payments, between transactions: ask providers, then settle.

Claims are pacing in database time, not locks: whoever claims and dies leaves work that falls due
again by itself. What fails is tried again with growing pauses; nothing is given up silently.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import structlog

from tradesense.infra.db import AlreadyCommitted, Transaction
from tradesense.infra.runtime import Runtime
from tradesense.kernel.errors import OutcomeUnknown, Unavailable
from tradesense.payments import refunds, rules, service, store
from tradesense.payments.model import (
    Payment,
    Provider,
    ProviderPayment,
    Refund,
    RefundAsked,
)
from tradesense.payments.providers import UnknownAtProvider
from tradesense.payments.providers.stripe import open_stripe
from tradesense.payments.webhooks import inbox
from tradesense.payments.webhooks import store as webhooks
from tradesense.payments.webhooks.store import Due

BATCH = 20
CALLS_MAX = 8  # at once, per provider and process

T = TypeVar("T")

log = structlog.get_logger()


def open_provider(runtime: Runtime) -> AbstractAsyncContextManager[Provider]:
    """Open whoever takes money for this instance."""
    return open_stripe(runtime.settings, runtime.policies)


async def is_due(tx: Transaction, provider: Provider) -> bool:
    """Return whether `do_due` would find anything to do; cheap."""
    return await store.is_anything_due(tx, provider.name)


async def do_due(runtime: Runtime, provider: Provider) -> int:
    """Do whatever is due now and return how much that was; a cheap question if it is nothing."""
    async with runtime.db.reading() as tx:
        if not await store.is_anything_due(tx, provider.name):
            return 0
    done = await settle_received(runtime, provider)
    done += await poll_unresolved(runtime, provider)
    return done + await send_refunds(runtime, provider)


async def settle_received(runtime: Runtime, provider: Provider) -> int:
    """Look into webhooks that have come: fetch what they are about, and settle that."""
    due = await runtime.db.repeat(
        lambda tx: webhooks.claim_due(tx, provider=provider.name, limit=BATCH)
    )
    return await _each(due, lambda webhook: _look_into(runtime, provider, webhook))


async def poll_unresolved(runtime: Runtime, provider: Provider) -> int:
    """
    Ask about open payments that have not been heard of for a while; withdraw those given up.

    So a lost webhook delays a payment by seconds, and loses none.
    """
    due = await runtime.db.repeat(
        lambda tx: store.claim_unheard(
            tx,
            provider=provider.name,
            limit=BATCH,
            soon_s=rules.POLL_SOON_S,
            polls_soon=rules.POLLS_SOON,
            later_s=rules.POLL_LATER_S,
        )
    )
    return await _each(due, lambda payment: _ask_about(runtime, provider, payment))


async def send_refunds(runtime: Runtime, provider: Provider) -> int:
    """Tell the provider of refunds that were decided, until it says what became of them."""
    due = await runtime.db.repeat(
        lambda tx: store.claim_refunds(tx, provider=provider.name, limit=BATCH)
    )
    return await _each(due, lambda refund: _send(runtime, provider, refund))


async def _look_into(runtime: Runtime, provider: Provider, webhook: Due) -> None:
    seen: ProviderPayment | None = None
    outcome = "about no payment"
    if webhook.object_ref is not None:
        try:
            seen = await provider.fetch(webhook.object_ref)
        except UnknownAtProvider:
            outcome = "unknown to the provider"

    async def verb(tx: Transaction) -> None:
        said = outcome if seen is None else await _settle(tx, runtime, seen)
        await inbox.finish(
            tx,
            provider=provider.name,
            event_id=webhook.event_id,
            replays=webhook.replays,
            outcome=said,
            now=runtime.now(),
        )

    key = f"payments:webhook:{provider.name}:{webhook.event_id}:{webhook.replays}"
    await runtime.db.run(verb, key=key)


async def _ask_about(runtime: Runtime, provider: Provider, payment: Payment) -> None:
    if payment.provider_ref is None:
        return
    ask = provider.cancel if payment.is_cancel_requested else provider.fetch
    seen = await ask(payment.provider_ref)
    await runtime.db.run(
        lambda tx: _settle(tx, runtime, seen), key=f"payments:poll:{runtime.new_id()}"
    )


async def _settle(tx: Transaction, runtime: Runtime, seen: ProviderPayment) -> str:
    """Settle whose payment it is, by what we told the provider; return what came of it."""
    payment = None
    if seen.payment_id is not None:
        payment = await store.find_payment(tx, seen.payment_id)
    if payment is None:
        return "not ours"
    outcome = await service.settle(tx, payment_id=payment.payment_id, seen=seen, now=runtime.now())
    return type(outcome).__name__.lower()


async def _send(runtime: Runtime, provider: Provider, refund: Refund) -> None:
    seen = await provider.refund(
        RefundAsked(
            refund_id=refund.refund_id,
            provider_ref=refund.provider_ref,
            amount_minor=refund.amount_minor,
            currency=refund.currency,
        )
    )
    await runtime.db.run(
        lambda tx: refunds.record_refund(
            tx, refund_id=refund.refund_id, seen=seen, now=runtime.now()
        ),
        key=f"payments:refund:{runtime.new_id()}",
    )


async def _each(due: Sequence[T], act: Callable[[T], Awaitable[None]]) -> int:
    """Act on each, a few at once; what fails is logged and falls due again by itself."""
    room = asyncio.Semaphore(CALLS_MAX)

    async def guarded(item: T) -> None:
        async with room:
            try:
                await act(item)
            except AlreadyCommitted:
                log.debug("payments.done_before", item=repr(item))
            except (Unavailable, OutcomeUnknown) as error:
                log.warning("payments.tried_in_vain", item=repr(item), error=str(error))
            except Exception:
                # One item's defect must not hold up the others.
                log.exception("payments.stuck", item=repr(item))

    async with asyncio.TaskGroup() as group:
        for item in due:
            group.create_task(guarded(item))
    return len(due)
