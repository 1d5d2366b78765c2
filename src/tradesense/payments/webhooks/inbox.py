"""The verbs of the webhook inbox."""

import hashlib
from datetime import datetime

from tradesense import trail
from tradesense.infra.db import Transaction
from tradesense.kernel.events import Event
from tradesense.payments.model import (
    Webhook,
    WebhookApplied,
    WebhookReceived,
    WebhookRefused,
    WebhookRepeated,
)
from tradesense.payments.webhooks import store
from tradesense.trail.model import Fact

REFUSED_STREAM = "webhook:refused"


async def receive(tx: Transaction, *, webhook: Webhook, now: datetime) -> bool:
    """
    Keep a proven webhook as it came, once per event; False if we have it.

    Every attempt is on the trail, on the event's own stream: how often a provider calls must not
    change what a payment's stream says.
    """
    is_new = await store.add(tx, webhook)
    digest = hashlib.sha256(webhook.body).hexdigest()
    event: Event
    if is_new:
        event = WebhookReceived(webhook.provider, webhook.event_id, webhook.type, digest)
    else:
        event = WebhookRepeated(webhook.provider, webhook.event_id, digest)
    await _record(tx, stream_of(webhook.event_id), event, now)
    return is_new


async def receive_about(
    tx: Transaction, *, provider: str, object_ref: str, body: bytes, now: datetime
) -> bool:
    """
    Keep a webhook that says nothing but what it is about; False if one like it waits already.

    Such calls have no id of their own: they are numbered per object, and those that come before
    anybody has begun to look into the last one are that one. What comes later is looked into
    after it, so no change goes unseen, and a flood of calls becomes a few looks.
    """
    number = await store.next_number(tx, provider=provider, object_ref=object_ref)
    webhook = Webhook(
        provider=provider,
        event_id=f"{object_ref}.{number}",
        type="changed",
        object_ref=object_ref,
        body=body,
        signature="",
        received_at=now,
    )
    return await receive(tx, webhook=webhook, now=now)


async def refuse(
    tx: Transaction, *, provider: str, body: bytes, reason: str, unrecorded: int, now: datetime
) -> None:
    """Say on the trail that a call was not the provider's; its content is not kept."""
    digest = hashlib.sha256(body).hexdigest()
    await _record(tx, REFUSED_STREAM, WebhookRefused(provider, reason, digest, unrecorded), now)


async def finish(
    tx: Transaction, *, provider: str, event_id: str, replays: int, outcome: str, now: datetime
) -> None:
    """Note what came of a webhook since its last replay; a second time changes nothing."""
    if await store.finish(
        tx, provider=provider, event_id=event_id, replays=replays, outcome=outcome
    ):
        await _record(tx, stream_of(event_id), WebhookApplied(provider, event_id, outcome), now)


def stream_of(event_id: str) -> str:
    """Return the stream on which every attempt to deliver an event is told."""
    return f"webhook:{event_id}"


async def _record(tx: Transaction, stream: str, event: Event, now: datetime) -> None:
    await trail.record(tx, Fact(event=event, stream=stream, at=now, by="system:payments"))
