"""The verbs of notifications. Each takes the caller's transaction and never commits it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tradesense import challenges, payments, purchases, trail
from tradesense.infra.db import Transaction
from tradesense.kernel.ids import derive
from tradesense.notifications import rules, store
from tradesense.notifications.model import Message, MessageWritten
from tradesense.notifications.rules import Whom
from tradesense.trail.model import Entry, Fact


async def hear(tx: Transaction, entry: Entry, now: datetime) -> None:
    """Write down what a fact means to whom it concerns; the same fact says it once."""
    telling = rules.TELLINGS[entry.kind]
    cause = f"{entry.stream}#{entry.version}"
    messages = [
        Message(
            message_id=derive("message", cause, str(user_id)),
            user_id=user_id,
            topic=telling.topic,
            data=entry.data,
            cause=cause,
            written_at=now,
        )
        for user_id in await _find_people(tx, telling.whom, entry)
    ]
    if not messages:
        return
    new = await store.add(tx, messages)
    await trail.record(
        tx,
        *(
            Fact(
                event=MessageWritten(message.message_id, message.user_id, message.topic),
                stream=f"{telling.stream}:{message.message_id}",
                at=now,
                by="system:notifications",
                cause=cause,
            )
            for message in messages
            if message.message_id in new
        ),
    )


async def _find_people(tx: Transaction, whom: Whom, entry: Entry) -> Sequence[UUID]:
    """Return who is told; nobody where the fact is about a stranger's payment."""
    match whom:
        case Whom.BUYER:
            purchase_id = UUID(str(entry.data["purchase_id"]))
            return await purchases.list_buyers(tx, [purchase_id])
        case Whom.TRADER:
            challenge_id = UUID(str(entry.data["challenge_id"]))
            trader = await challenges.find_trader(tx, challenge_id)
            return [] if trader is None else [trader]
        case Whom.BUYERS_AT:
            provider = str(entry.data["provider"])
            return await purchases.list_buyers(
                tx, await payments.list_purchases_open_at(tx, provider)
            )
