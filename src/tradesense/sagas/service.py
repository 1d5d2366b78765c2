"""The verbs of sagas. Each takes the caller's transaction and never commits it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import structlog
from psycopg import AsyncCursor
from psycopg.rows import DictRow

from tradesense import trail
from tradesense.infra.db import Check, LeftUndone, Transaction, gathered, leave
from tradesense.kernel.canonical import canonical
from tradesense.kernel.errors import Conflict, InvariantBroken, NotFound
from tradesense.kernel.events import Event
from tradesense.sagas import moves, rules, store
from tradesense.sagas.definition import Definition, Opening
from tradesense.sagas.model import Data, Parked, Saga, Sort, State
from tradesense.sagas.moves import Moved
from tradesense.sagas.store import Asked, Save
from tradesense.trail.model import Fact

BY = "system:sagas"

log = structlog.get_logger()


class UnknownSaga(NotFound):
    """No saga has this id."""

    code = "sagas.unknown"


class SagaMismatch(Conflict):
    """The id names a saga of another kind already."""

    code = "sagas.mismatch"


class NotParked(Conflict):
    """Only a parked saga can be resumed."""

    code = "sagas.not_parked"


class DefinitionChanged(InvariantBroken):
    """A definition has other steps than when its version was first used."""

    code = "sagas.definition_changed"


async def start(
    tx: Transaction, *, kind: str, version: int, saga_id: UUID, data: Data, now: datetime
) -> None:
    """
    Begin a saga; a worker that knows (`kind`, `version`) advances it once `tx` commits.

    Said twice, it begins once. Raises SagaMismatch if the id is a saga of another kind.
    """
    saga = Saga(id=saga_id, kind=kind, version=version, data=dict(data))
    cursor = await _open(tx, moves.begun(saga), now)
    if await cursor.fetchone() is None:
        known = await store.find(tx, saga_id)
        if known is not None and known.kind != kind:
            raise SagaMismatch(f"saga {saga_id} is a {known.kind}, not a {kind}")


async def begin(
    tx: Transaction, opening: Opening, *, saga_id: UUID, data: Data, now: datetime
) -> None:
    """
    Begin a saga and make its first local steps, all of them in the caller's commit.

    A worker goes on after them. If one of them fails, all are undone and it is as if `start` had
    been said: a worker makes them, with all its means. The steps run before the instance is
    written. Said twice, it begins once. Raises SagaMismatch if the id is a saga of another kind.
    """
    saga = Saga(id=saga_id, kind=opening.kind, version=opening.version, data=dict(data))
    try:
        async with gathered(tx):
            moved = await moves.open_with(tx, opening, saga, now=now)
            leave(tx, _open_left, moved, now=now)
    except (moves.Stumbled, LeftUndone) as error:
        log.info("a saga's first steps are left to a worker", saga=str(saga_id), why=str(error))
        await start(tx, kind=saga.kind, version=saga.version, saga_id=saga_id, data=data, now=now)


async def _open_left(tx: Transaction, begun: Sequence[Moved], now: datetime) -> Check:
    cursors = [await _open(tx, each, now) for each in begun]

    async def check() -> None:
        for cursor in cursors:
            if await cursor.fetchone() is None:
                raise LeftUndone("the saga has begun before")

    return check


async def _open(tx: Transaction, begun: Moved, now: datetime) -> AsyncCursor[DictRow]:
    """Write an instance that nobody knows yet, with its stream; a row says that its id was free."""
    saga = begun.save.saga
    told = trail.extend({}, *(fact(saga.id, event, now=now) for event in begun.events))
    (head,) = told.heads.values()
    save = replace(begun.save, saga=replace(saga, told=head))
    return await store.insert(tx, save, told, now=now)


async def signal(tx: Transaction, *, saga_id: UUID, name: str, data: Data) -> bool:
    """
    Tell a saga that what it awaits, or will await, has happened; return whether this is news.

    The first signal of a name counts. Raises UnknownSaga.
    """
    saga = await store.lock(tx, saga_id)  # so that nobody starts to wait at this moment
    if saga is None:
        raise UnknownSaga(f"no saga {saga_id}")
    is_news = await store.insert_signal(tx, saga_id, name=name, data=data)
    if saga.waits_for == name:
        await store.wake(tx, saga_id)
    return is_news


async def resume(
    tx: Transaction, *, saga_id: UUID, by: str, now: datetime, why: str | None = None
) -> None:
    """
    Let a parked saga go on where it stopped, with all its tries.

    `by` is the operator ("operator:jane"), `why` their reason. Raises UnknownSaga, NotParked.
    """
    saga = await store.lock(tx, saga_id)
    if saga is None:
        raise UnknownSaga(f"no saga {saga_id}")
    if saga.state is not State.PARKED:
        raise NotParked(f"saga {saga_id} is {saga.state.value}")
    after, events = rules.resumed(saga, why=why)
    saved = Save(saga=after, sort=Sort.LOCAL, wake_in_s=0, asked=Asked.KEPT)
    await keep(tx, [(saved, events)], now=now, by=by)


async def find(tx: Transaction, saga_id: UUID) -> Saga | None:
    """Return a saga as it stands, or None."""
    return await store.find(tx, saga_id)


async def list_parked(tx: Transaction, *, limit: int = 100) -> list[Parked]:
    """Return at most `limit` sagas that wait for a person, the longest waiting first."""
    return await store.list_parked(tx, limit=limit)


async def pin(tx: Transaction, definitions: Sequence[Definition]) -> None:
    """
    Keep the steps of each definition, or raise DefinitionChanged if they differ from before.

    Names, sorts, undos and the pivot count; tries and deadlines may change under a version.
    """
    for definition in definitions:
        shape = canonical(rules.outline(definition.shape)).decode()
        kept = await store.pin(tx, kind=definition.kind, version=definition.version, shape=shape)
        if kept != shape:
            raise DefinitionChanged(
                f"the steps of {definition.kind} {definition.version} have changed; "
                "instances may be on their way: give the new steps a new version"
            )


async def keep(
    tx: Transaction,
    told: Sequence[tuple[Save, Sequence[Event]]],
    *,
    now: datetime,
    by: str = BY,
) -> None:
    """Write how instances stand that `tx` holds, and tell what has happened to each."""
    heads = {_stream(save.saga.id): save.saga.told for save, _ in told}
    facts = [fact(save.saga.id, event, now=now, by=by) for save, events in told for event in events]
    known = {stream: head for stream, head in heads.items() if head is not None}
    extension = trail.extend(known, *(each for each in facts if each.stream in known))
    saves = [
        replace(save, saga=replace(save.saga, told=extension.heads.get(_stream(save.saga.id))))
        for save, _ in told
    ]
    async with tx.pipeline():  # neither waits for what the other says
        await store.save(tx, saves)
        if extension.lines:
            await trail.append(tx, extension)
    await trail.record(tx, *(each for each in facts if each.stream not in known))


def _stream(saga_id: UUID) -> str:
    return f"saga:{saga_id}"


def fact(saga_id: UUID, event: Event, *, now: datetime, by: str = BY) -> Fact:
    """Return a fact of a saga's own stream."""
    return Fact(event=event, stream=_stream(saga_id), at=now, by=by)
