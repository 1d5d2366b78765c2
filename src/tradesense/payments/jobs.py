"""
What the worker does for payments, between transactions: ask providers, then settle.

Claims are pacing in database time, not locks: whoever claims and dies leaves work that falls due
again by itself. What fails is tried again with growing pauses; nothing is given up silently.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

import structlog

from tradesense.infra.db import AlreadyCommitted, Transaction
from tradesense.infra.runtime import Runtime
from tradesense.kernel.errors import OutcomeUnknown, Rejected, Unavailable
from tradesense.payments import opening, rules, service
from tradesense.payments.attempts import service as attempting
from tradesense.payments.attempts.offering import make_offer
from tradesense.payments.attempts.registry import Providers
from tradesense.payments.model import (
    Attempt,
    AttemptStatus,
    Provider,
    ProviderPayment,
    ProviderStatus,
    Refund,
    RefundAsked,
)
from tradesense.payments.providers import UnknownAtProvider
from tradesense.payments.refunds import following as refunds
from tradesense.payments.store import attempts
from tradesense.payments.store import payments as store
from tradesense.payments.store import refunds as refund_store
from tradesense.payments.store.due import Due, find_due
from tradesense.payments.webhooks import inbox
from tradesense.payments.webhooks import store as webhooks
from tradesense.payments.webhooks.store import Due as DueWebhook

BATCH = 20
CALLS_MAX = 8  # at once, per provider and process

T = TypeVar("T")

log = structlog.get_logger()

open_providers = opening.open_providers


async def list_due(tx: Transaction, providers: Providers) -> Due:
    """Return where `do_due_at` and `grant_wishes` would find anything to do; cheap."""
    return await find_due(tx, [provider.name for provider in providers])


async def do_due(runtime: Runtime, providers: Providers) -> int:
    """Do whatever is due now and return how much that was; a cheap question if it is nothing."""
    async with runtime.db.reading() as tx:
        found = await list_due(tx, providers)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(do_due_at(runtime, provider))
            for provider in providers
            if provider.name in found.providers
        ]
        if found.has_wishes:
            tasks.append(group.create_task(grant_wishes(runtime, providers)))
    return sum(task.result() for task in tasks)


async def do_due_at(runtime: Runtime, provider: Provider) -> int:
    """Do what is due at one provider: one that hangs must not hold up what others answer."""
    done = await settle_received(runtime, provider)
    done += await poll_unresolved(runtime, provider)
    return done + await send_refunds(runtime, provider)


async def grant_wishes(runtime: Runtime, providers: Providers) -> int:
    """Make offers to buyers who want another way to pay; the offers before are then withdrawn."""
    due = await runtime.db.repeat(
        lambda tx: attempts.claim_wishes(tx, limit=BATCH, pause_s=rules.WISH_PAUSE_S)
    )
    return await _each(due, lambda payment_id: _grant(runtime, providers, payment_id))


async def _grant(runtime: Runtime, providers: Providers, payment_id: UUID) -> None:
    seen = await make_offer(runtime, providers, payment_id)
    now = runtime.now()

    async def verb(tx: Transaction) -> None:
        if seen is not None:
            await attempting.record_offer(tx, payment_id=payment_id, seen=seen, now=now)
        # Granted, refused, or no longer to be granted: no wish stays open.
        await attempting.refuse_wish(tx, payment_id=payment_id, reason=None, now=now)

    await runtime.db.run(verb, key=f"payments:wish:{runtime.new_id()}")


async def settle_received(runtime: Runtime, provider: Provider) -> int:
    """Look into webhooks that have come: fetch what they are about, and settle that."""
    due = await runtime.db.repeat(
        lambda tx: webhooks.claim_due(tx, provider=provider.name, limit=BATCH)
    )
    return await _each(due, lambda webhook: _look_into(runtime, provider, webhook))


async def poll_unresolved(runtime: Runtime, provider: Provider) -> int:
    """
    Ask about open offers that have not been heard of for a while; withdraw those not wanted.

    So a lost webhook delays a payment by seconds, and loses none.
    """
    due = await runtime.db.repeat(
        lambda tx: attempts.claim_due(
            tx,
            provider=provider.name,
            limit=BATCH,
            soon_s=rules.POLL_SOON_S,
            polls_soon=rules.POLLS_SOON,
            later_s=rules.POLL_LATER_S,
        )
    )
    return await _each(due, lambda look: _ask_about(runtime, provider, *look))


async def send_refunds(runtime: Runtime, provider: Provider) -> int:
    """Tell the provider of refunds that were decided, until it says what became of them."""
    due = await runtime.db.repeat(
        lambda tx: refund_store.claim_refunds(tx, provider=provider.name, limit=BATCH)
    )
    return await _each(due, lambda refund: _send(runtime, provider, refund))


async def _look_into(runtime: Runtime, provider: Provider, webhook: DueWebhook) -> None:
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


async def _ask_about(runtime: Runtime, provider: Provider, attempt: Attempt, looks: int) -> None:
    seen = await _view(runtime, provider, attempt)
    if seen is None:
        await runtime.db.repeat(
            lambda tx: attempting.close_unknown(
                tx, payment_id=attempt.payment_id, provider=provider.name, looks=looks
            )
        )
        return
    await runtime.db.run(
        lambda tx: _settle(tx, runtime, seen), key=f"payments:poll:{runtime.new_id()}"
    )


async def _view(runtime: Runtime, provider: Provider, attempt: Attempt) -> ProviderPayment | None:
    """Return what became of an attempt, withdrawn or captured if it shall be; None for nothing."""
    if attempt.ref is None or attempt.status is AttemptStatus.UNKNOWN:
        found = await provider.find(attempt.payment_id)
        if found is None or found.status is not ProviderStatus.OPEN:
            return found
        return await provider.cancel(found.ref)  # shown to nobody, and not needed any more
    if attempt.status is AttemptStatus.WITHDRAWING:
        return await provider.cancel(attempt.ref)
    async with runtime.db.reading() as tx:
        payment = await store.find_payment(tx, attempt.payment_id)
    if payment is not None and payment.is_capture_requested:
        try:
            return await provider.capture(attempt.ref, payment.amount.minor)
        except Rejected as error:
            # Reserved no longer, or not at all: what it is now decides, as with any other look.
            log.warning("payments.not_captured", ref=attempt.ref, trouble=str(error))
    return await provider.fetch(attempt.ref)


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
    asked = RefundAsked(
        refund_id=refund.refund_id,
        provider_ref=refund.provider_ref,
        amount_minor=refund.amount_minor,
        currency=refund.currency,
    )
    try:
        seen = await provider.refund(asked)
    except Rejected as error:
        refused = f"{error.code}: {error}"
        await runtime.db.run(
            lambda tx: refunds.note_refused(
                tx, refund_id=refund.refund_id, reason=refused, now=runtime.now()
            ),
            key=f"payments:refund:{runtime.new_id()}",
        )
        return
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
