"""The verbs of the bus. Each takes the caller's transaction and never commits it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import psycopg
import structlog

from tradesense import trail
from tradesense.bus import rules, store
from tradesense.bus.model import DeadLetter, EntryDied, EntryReplayed, Wait
from tradesense.bus.subscription import Subscription
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import Conflict, NotFound
from tradesense.trail.model import Entry, Fact

BATCH = 100  # entries per commit: few enough to be quick, many enough to be cheap
DEAD_LIMIT = 1000

log = structlog.get_logger()


class UnknownDeadLetter(NotFound):
    """No such entry has died for this consumer."""

    code = "bus.unknown_dead_letter"


class NotDead(Conflict):
    """The entry is being delivered, or has been applied."""

    code = "bus.not_dead"


@dataclass(slots=True)
class _Round:
    """What one transaction has done for one consumer."""

    subscription: Subscription
    now: datetime
    heads: dict[str, int]
    waits: dict[str, Wait] = field(default_factory=dict)
    moved: dict[str, int] = field(default_factory=dict)


async def subscribe(tx: Transaction, subscriptions: Sequence[Subscription]) -> None:
    """Make consumers known, each from the first entry of the trail on. Said twice, done once."""
    for subscription in subscriptions:
        await store.subscribe(tx, subscription.name, subscription.kinds)


async def deliver(tx: Transaction, subscription: Subscription, *, now: datetime) -> int | None:
    """
    Apply what is due to a consumer: streams to try again, then sealed entries, in order.

    Returns the position it has looked up to, or None if another worker serves this consumer.
    """
    position = await store.lock_position(tx, subscription.name)
    if position is None:
        return None
    for wait in await store.list_due_waits(tx, subscription.name, limit=BATCH):
        await _retry(tx, subscription, wait, position=position, now=now)
    sealed = await trail.sealed_size(tx)
    entries = await trail.read_sealed(
        tx, after=position, limit=BATCH, kinds=list(subscription.kinds)
    )
    looked_up_to = sealed if len(entries) < BATCH else int(entries[-1].position or 0)
    if entries:
        streams = [entry.stream for entry in entries]
        waiting = await store.read_waiting(tx, subscription.name, streams)
        heads = await store.read_heads(tx, subscription.name, streams)
        made = _Round(subscription, now, heads)
        for entry in entries:
            if entry.stream not in waiting and entry.stream not in made.waits:
                await _apply(tx, made, entry, before=None)
        await _keep(tx, made)
    if looked_up_to > position:
        await store.save_position(tx, subscription.name, looked_up_to)
    return max(looked_up_to, position)


async def replay(
    tx: Transaction,
    *,
    consumer: str,
    entry_id: int,
    by: str,
    now: datetime,
    why: str | None = None,
) -> DeadLetter:
    """
    Deliver a dead entry again, under its id, and let its stream go on behind it; return its letter.

    `by` is the operator ("operator:jane"), `why` their reason. Raises UnknownDeadLetter, NotDead.
    """
    letter = await store.find_dead(tx, consumer, entry_id)
    if letter is None:
        raise UnknownDeadLetter(f"entry {entry_id} has not died for {consumer}")
    if not await store.revive(tx, consumer, entry_id):
        raise NotDead(f"entry {entry_id} is not dead for {consumer} any more")
    await trail.record(tx, _replayed(letter, by=by, now=now, why=why))
    return letter


async def replay_all(
    tx: Transaction,
    *,
    consumer: str | None = None,
    stream: str | None = None,
    by: str,
    now: datetime,
    why: str | None = None,
) -> list[DeadLetter]:
    """
    Do as `replay` with every dead entry of `consumer` and of `stream`; None means of all.

    Returns the letters of those that were dead, the oldest first, at most DEAD_LIMIT; what is
    being delivered again already is left alone.
    """
    letters = await store.list_dead(tx, limit=DEAD_LIMIT, consumer=consumer, stream=stream)
    # In one order, so that two who replay at once wait for each other instead of locking up.
    again = [
        letter
        for letter in sorted(letters, key=lambda one: (one.consumer, one.entry_id))
        if await store.revive(tx, letter.consumer, letter.entry_id)
    ]
    await trail.record(tx, *(_replayed(letter, by=by, now=now, why=why) for letter in again))
    return sorted(again, key=lambda one: one.died_at)


async def list_dead(
    tx: Transaction,
    *,
    limit: int = DEAD_LIMIT,
    consumer: str | None = None,
    stream: str | None = None,
) -> list[DeadLetter]:
    """
    Return at most `limit` dead letters that have not been applied since, the oldest first.

    Only those of `consumer` and of `stream`, where they are named.
    """
    return await store.list_dead(tx, limit=limit, consumer=consumer, stream=stream)


def _replayed(letter: DeadLetter, *, by: str, now: datetime, why: str | None) -> Fact:
    event = EntryReplayed(
        consumer=letter.consumer,
        entry_stream=letter.stream,
        entry_version=letter.version,
        entry_kind=letter.kind,
        why=why,
    )
    return Fact(event=event, stream=f"bus:{letter.consumer}", at=now, by=by)


async def _retry(
    tx: Transaction, subscription: Subscription, wait: Wait, *, position: int, now: datetime
) -> None:
    """Apply what a waiting stream has up to `position`, until done or in trouble again."""
    rest = await trail.read_stream(tx, wait.stream, after=wait.version - 1, limit=BATCH)
    passed = [e for e in rest if e.position is not None and e.position <= position]
    heads = await store.read_heads(tx, subscription.name, [wait.stream])
    made = _Round(subscription, now, heads)
    for entry in passed:
        if entry.kind in subscription.kinds and wait.stream not in made.waits:
            await _apply(tx, made, entry, before=wait)
    if wait.stream not in made.waits and len(passed) == BATCH:
        last = passed[-1]
        made.waits[wait.stream] = replace(
            wait, entry_id=last.entry_id, version=last.version, tries=0, retry_in_s=0.0
        )
    if wait.stream not in made.waits:
        await store.end_wait(tx, subscription.name, wait.stream)
    await _keep(tx, made)
    if wait.stream in made.moved:
        await store.mark_applied(tx, subscription.name, wait.stream, made.moved[wait.stream])


async def _apply(tx: Transaction, made: _Round, entry: Entry, *, before: Wait | None) -> None:
    """Apply one entry in a savepoint, unless it was applied before; note what came of it."""
    if entry.version <= made.heads.get(entry.stream, 0):
        return
    try:
        async with tx.transaction():
            await made.subscription.apply(tx, entry, made.now)
    except psycopg.OperationalError:
        raise  # the transaction's own trouble, not the entry's
    except Exception as error:  # noqa: BLE001 -- one entry's defect must not stop the others
        made.waits[entry.stream] = rules.after_failure(entry, error, before)
        log.warning(
            "entry not applied",
            consumer=made.subscription.name,
            stream=entry.stream,
            version=entry.version,
            trouble=str(error),
        )
        return
    made.heads[entry.stream] = made.moved[entry.stream] = entry.version


async def _keep(tx: Transaction, made: _Round) -> None:
    consumer = made.subscription.name
    if made.moved:
        await store.save_heads(tx, consumer, made.moved)
    for wait in made.waits.values():
        await store.save_wait(tx, consumer, wait)
        if rules.is_dead(wait):
            await store.bury(tx, consumer, wait)
            event = EntryDied(
                consumer=consumer,
                entry_stream=wait.stream,
                entry_version=wait.version,
                entry_kind=wait.kind,
            )
            fact = Fact(event=event, stream=f"bus:{consumer}", at=made.now, by="system:bus")
            await trail.record(tx, fact)
