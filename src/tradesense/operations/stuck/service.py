"""The verbs of operators on what stands still. Each takes the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tradesense import bus, sagas, trail
from tradesense.bus import DeadLetter
from tradesense.infra.db import Transaction
from tradesense.kernel.errors import Invalid
from tradesense.operations.service import require_reason
from tradesense.sagas import Saga
from tradesense.trail.model import Entry

ENTRY_MAX = 2**63 - 1  # what an entry's id is stored in


class UnclearReplay(Invalid):
    """It is not said which entries are meant."""

    code = "operations.unclear_replay"


async def get_saga(tx: Transaction, saga_id: UUID) -> tuple[Saga, Sequence[Entry]]:
    """Return a saga and all that was told of it, oldest first. Raises UnknownSaga."""
    saga = await sagas.find(tx, saga_id)
    if saga is None:
        raise sagas.UnknownSaga(f"no saga {saga_id}")
    return saga, await trail.read_stream(tx, f"saga:{saga_id}")


async def resume_saga(tx: Transaction, *, saga_id: UUID, why: str, by: str, now: datetime) -> Saga:
    """
    Let a parked saga go on where it stopped, with all its tries; return it as it stands then.

    Raises UnknownSaga, NotParked, WhyMissing.
    """
    reason = require_reason(why)
    await sagas.resume(tx, saga_id=saga_id, by=by, now=now, why=reason)
    saga, _ = await get_saga(tx, saga_id)
    return saga


async def replay_dead(
    tx: Transaction,
    *,
    entry_id: int | None,
    consumer: str | None,
    stream: str | None,
    every: bool,
    why: str,
    by: str,
    now: datetime,
) -> list[DeadLetter]:
    """
    Deliver dead entries again: one of a consumer, those of a consumer, of a stream, or `every` one.

    Returns their letters. Raises UnclearReplay, WhyMissing, and for a single entry
    UnknownDeadLetter and NotDead.
    """
    reason = require_reason(why)
    if entry_id is not None:
        if consumer is None or stream is not None or every:
            raise UnclearReplay("an entry is replayed for one consumer: name that, and no more")
        if not 0 < entry_id <= ENTRY_MAX:
            raise UnclearReplay(f"an entry's id is a number from 1 on, not {entry_id}")
        one = await bus.replay(tx, consumer=consumer, entry_id=entry_id, by=by, now=now, why=reason)
        return [one]
    if every == (consumer is not None or stream is not None):
        raise UnclearReplay("say which: an entry and its consumer, a consumer, a stream, or all")
    return await bus.replay_all(tx, consumer=consumer, stream=stream, by=by, now=now, why=reason)
