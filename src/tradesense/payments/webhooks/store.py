"""The SQL of the webhook inbox."""

from collections.abc import Sequence
from dataclasses import dataclass

from tradesense.infra.db import Transaction
from tradesense.payments.model import Webhook


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A webhook that has not been looked into yet; `tries` counts this one."""

    event_id: str
    object_ref: str | None
    tries: int


async def add(tx: Transaction, webhook: Webhook) -> bool:
    """Keep a webhook as it came; False if this event is kept already."""
    cursor = await tx.execute(
        """
        WITH kept AS (
            INSERT INTO payments_webhooks
                (provider, event_id, type, object_ref, body, signature, received_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT DO NOTHING RETURNING provider, event_id
        )
        INSERT INTO payments_webhook_work (provider, event_id)
        SELECT provider, event_id FROM kept
        """,
        (
            webhook.provider,
            webhook.event_id,
            webhook.type,
            webhook.object_ref,
            webhook.body,
            webhook.signature,
            webhook.received_at,
        ),
    )
    return cursor.rowcount == 1


async def claim_due(tx: Transaction, *, provider: str, limit: int) -> Sequence[Due]:
    """
    Return webhooks to look into, and put the next try off by 2, 4, … 60 s.

    Whoever claims and dies leaves nothing to clean up: they fall due again by themselves.
    """
    cursor = await tx.execute(
        """
        WITH due AS (
            SELECT event_id FROM payments_webhook_work
            WHERE done_at IS NULL AND next_try_at <= clock_timestamp() AND provider = %(provider)s
            ORDER BY next_try_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
        ), claimed AS (
            UPDATE payments_webhook_work AS w
            SET tries = w.tries + 1, next_try_at = clock_timestamp()
                + make_interval(secs => least(60, 2 ^ least(w.tries + 1, 6)))
            FROM due WHERE w.provider = %(provider)s AND w.event_id = due.event_id
            RETURNING w.provider, w.event_id, w.tries
        )
        SELECT c.event_id, c.tries, h.object_ref
        FROM claimed c JOIN payments_webhooks h USING (provider, event_id)
        """,
        {"provider": provider, "limit": limit},
    )
    return [
        Due(event_id=row["event_id"], object_ref=row["object_ref"], tries=row["tries"])
        for row in await cursor.fetchall()
    ]


async def finish(tx: Transaction, *, provider: str, event_id: str, outcome: str) -> bool:
    """Note what came of a webhook; False if that was noted before."""
    cursor = await tx.execute(
        """
        UPDATE payments_webhook_work SET outcome = %s, done_at = clock_timestamp()
        WHERE provider = %s AND event_id = %s AND done_at IS NULL
        """,
        (outcome, provider, event_id),
    )
    return cursor.rowcount == 1
