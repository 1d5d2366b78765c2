"""Every SQL statement of this module."""

import json
from collections.abc import Sequence
from uuid import UUID

from tradesense.infra.db import Transaction
from tradesense.kernel.canonical import canonical
from tradesense.notifications.model import Message


async def add(tx: Transaction, messages: Sequence[Message]) -> set[UUID]:
    """Write messages; return the ids of those that were not there before."""
    cursor = await tx.execute(
        """
        INSERT INTO notifications_messages (message_id, user_id, topic, data, cause, written_at)
        SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::jsonb[], %s::text[],
                             %s::timestamptz[])
        ON CONFLICT DO NOTHING RETURNING message_id
        """,
        (
            [message.message_id for message in messages],
            [message.user_id for message in messages],
            [message.topic for message in messages],
            [canonical(message.data).decode() for message in messages],
            [message.cause for message in messages],
            [message.written_at for message in messages],
        ),
    )
    return {row["message_id"] for row in await cursor.fetchall()}


async def list_of(tx: Transaction, user_id: UUID, *, limit: int = 100) -> list[Message]:
    """Return what a person was told, the newest first."""
    cursor = await tx.execute(
        """
        SELECT message_id, user_id, topic, data::text AS data, cause, written_at
        FROM notifications_messages WHERE user_id = %s
        ORDER BY written_at DESC, message_id LIMIT %s
        """,
        (user_id, limit),
    )
    return [Message(**{**row, "data": json.loads(row["data"])}) for row in await cursor.fetchall()]
