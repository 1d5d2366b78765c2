"""The SQL of the webhook inbox."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tradesense.infra.db import Transaction
from tradesense.payments.model import Webhook
from tradesense.payments.webhooks.model import Kept, Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A webhook that has not been looked into yet; `tries` counts this one."""

    event_id: str
    object_ref: str | None
    tries: int
    replays: int


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


async def next_number(tx: Transaction, *, provider: str, object_ref: str) -> int:
    """Return the number of an object's webhook that nobody has begun to look into, or a new one."""
    cursor = await tx.execute(
        """
        WITH RECURSIVE numbers (n) AS (
            SELECT 1
            UNION ALL
            SELECT n + 1 FROM numbers JOIN payments_webhook_work w
                ON w.provider = %s AND w.event_id = %s || '.' || n
            WHERE w.tries > 0 OR w.done_at IS NOT NULL
        )
        SELECT max(n) AS n FROM numbers
        """,
        (provider, object_ref),
    )
    row = await cursor.fetchone()
    return 1 if row is None else int(row["n"])


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
            RETURNING w.provider, w.event_id, w.tries, w.replays
        )
        SELECT c.event_id, c.tries, c.replays, h.object_ref
        FROM claimed c JOIN payments_webhooks h USING (provider, event_id)
        """,
        {"provider": provider, "limit": limit},
    )
    return [Due(**row) for row in await cursor.fetchall()]


async def finish(
    tx: Transaction, *, provider: str, event_id: str, replays: int, outcome: str
) -> bool:
    """
    Note what came of a webhook; False if that was noted before.

    Whoever looked into it before the last replay notes nothing: it is looked into again.
    """
    cursor = await tx.execute(
        """
        UPDATE payments_webhook_work SET outcome = %s, done_at = clock_timestamp()
        WHERE provider = %s AND event_id = %s AND replays = %s AND done_at IS NULL
        """,
        (outcome, provider, event_id, replays),
    )
    return cursor.rowcount == 1


Place = tuple[datetime, str]
"""Where a webhook stands in the order of receipt."""

# What a selection means; every parameter may be NULL, which leaves its line out.
_MEANT = """
    (%(provider)s::text IS NULL OR h.provider = %(provider)s)
    AND (%(event_ids)s::text[] IS NULL OR h.event_id = ANY (%(event_ids)s))
    AND (%(kinds)s::text[] IS NULL OR h.type LIKE ANY (%(kinds)s))
    AND (%(since)s::timestamptz IS NULL OR h.received_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR h.received_at < %(until)s)
    AND (%(is_waiting)s::boolean IS NULL OR (w.done_at IS NULL) = %(is_waiting)s)
"""


async def list_kept(
    tx: Transaction, which: Selection, *, limit: int, before: Place | None
) -> list[Kept]:
    """Return webhooks that are meant, the newest first, those before the given place."""
    moment, event_id = before or (None, None)
    cursor = await tx.execute(
        f"""
        SELECT h.provider, h.event_id, h.type, h.object_ref, h.received_at,
               octet_length(h.body) AS body_bytes, w.tries, w.replays,
               CASE WHEN w.done_at IS NULL THEN w.next_try_at END AS next_try_at,
               w.outcome, w.done_at
        FROM payments_webhooks h JOIN payments_webhook_work w USING (provider, event_id)
        WHERE (%(moment)s::timestamptz IS NULL
               OR (h.received_at, h.event_id) < (%(moment)s, %(event_id)s)) AND {_MEANT}
        ORDER BY h.received_at DESC, h.event_id DESC LIMIT %(limit)s
        """,  # noqa: S608 -- a constant
        {**_parameters(which), "moment": moment, "event_id": event_id, "limit": limit},
    )
    return [Kept(**row) for row in await cursor.fetchall()]


async def find_place(tx: Transaction, event_id: str) -> Place | None:
    """Return where an event stands in the order of receipt."""
    cursor = await tx.execute(
        "SELECT received_at, event_id FROM payments_webhooks WHERE event_id = %s LIMIT 1",
        (event_id,),
    )
    row = await cursor.fetchone()
    return None if row is None else (row["received_at"], row["event_id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A webhook that will be looked into again."""

    provider: str
    event_id: str
    replays: int


async def replay(tx: Transaction, which: Selection, *, limit: int) -> list[Again]:
    """Make at most `limit` webhooks due now, as if they had just come, in the order they came."""
    cursor = await tx.execute(
        f"""
        WITH meant AS (
            SELECT provider, event_id, h.received_at
            FROM payments_webhooks h JOIN payments_webhook_work w USING (provider, event_id)
            WHERE {_MEANT}
            ORDER BY h.received_at, event_id LIMIT %(limit)s FOR UPDATE OF w
        ), again AS (
            UPDATE payments_webhook_work AS w
            SET replays = w.replays + 1, tries = 0, next_try_at = clock_timestamp(),
                outcome = NULL, done_at = NULL
            FROM meant WHERE (w.provider, w.event_id) = (meant.provider, meant.event_id)
            RETURNING w.provider, w.event_id, w.replays, meant.received_at
        )
        SELECT provider, event_id, replays FROM again ORDER BY received_at, event_id
        """,  # noqa: S608 -- a constant
        {**_parameters(which), "limit": limit},
    )
    return [Again(**row) for row in await cursor.fetchall()]


def _parameters(which: Selection) -> dict[str, object]:
    return {
        "provider": which.provider,
        "event_ids": list(which.event_ids) or None,
        "kinds": [_like(kind) for kind in which.kinds] or None,
        "since": which.since,
        "until": which.until,
        "is_waiting": which.is_waiting,
    }


def _like(kind: str) -> str:
    """Return a kind as SQL's LIKE has it: only a star at the end stands for anything."""
    escaped = kind.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.removesuffix("*") + "%" if escaped.endswith("*") else escaped
