"""What stands still, over HTTP, for operators: dead letters of the bus, and parked sagas."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from tradesense import bus, sagas
from tradesense.identity.caller import OperatorFromRequest
from tradesense.infra.db import Transaction
from tradesense.infra.idempotency import OnceFromRequest
from tradesense.infra.runtime import FromRequest
from tradesense.operations.service import WHY_MAX
from tradesense.operations.stuck import service, view

router = APIRouter(prefix="/api/v1/operations", tags=["operations"])

LIST_MAX = 500
Name = Annotated[str, Field(min_length=1, max_length=200)]
Limit = Annotated[int, Query(ge=1, le=LIST_MAX)]
Why = Annotated[str, Field(max_length=WHY_MAX, examples=["the consumer is mended"])]


class Replay(BaseModel):
    """Which dead entries to deliver again: one of a consumer, a consumer's, a stream's, or all."""

    model_config = ConfigDict(extra="forbid", strict=True)

    why: Why
    entry_id: int | None = None
    consumer: Name | None = None
    stream: Name | None = None
    every: bool = False


class Resumption(BaseModel):
    """Why the saga may go on."""

    model_config = ConfigDict(extra="forbid", strict=True)

    why: Why


@router.get("/events/dead")
async def list_dead(
    _: OperatorFromRequest,
    runtime: FromRequest,
    *,
    consumer: Name | None = None,
    stream: Name | None = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """Return entries that a consumer gave up and has not applied since, the oldest first."""
    async with runtime.db.reading() as tx:
        letters = await bus.list_dead(tx, limit=limit, consumer=consumer, stream=stream)
    return {"dead": [view.show_letter(letter) for letter in letters]}


@router.post("/events/replays", status_code=202)
async def replay_dead(
    asked: Replay, caller: OperatorFromRequest, once: OnceFromRequest, runtime: FromRequest
) -> Response:
    """Have dead entries delivered again, under their ids; what was applied stays."""

    async def verb(tx: Transaction) -> dict[str, Any]:
        by = f"operator:{caller.user_id}"
        again = await service.replay_dead(tx, **asked.model_dump(), by=by, now=runtime.now())
        return {"replayed": len(again), "entries": [view.show_letter(each) for each in again]}

    return await once.answer(verb, principal=str(caller.user_id), status=202)


@router.get("/sagas/parked")
async def list_parked(
    _: OperatorFromRequest, runtime: FromRequest, *, limit: Limit = 100
) -> dict[str, Any]:
    """Return sagas that wait for a person, the longest waiting first."""
    async with runtime.db.reading() as tx:
        parked = await sagas.list_parked(tx, limit=limit)
    return {"parked": [view.show_parked(each) for each in parked]}


@router.get("/sagas/{saga_id}")
async def show_saga(saga_id: UUID, _: OperatorFromRequest, runtime: FromRequest) -> dict[str, Any]:
    """Return a saga and all that was told of it, oldest first."""
    async with runtime.db.reading() as tx:
        saga, told = await service.get_saga(tx, saga_id)
    return view.show_saga(saga, told)


@router.post("/sagas/{saga_id}/resumption")
async def resume_saga(
    saga_id: UUID,
    asked: Resumption,
    caller: OperatorFromRequest,
    once: OnceFromRequest,
    runtime: FromRequest,
) -> Response:
    """Let a parked saga go on where it stopped, with all its tries."""

    async def verb(tx: Transaction) -> dict[str, Any]:
        by = f"operator:{caller.user_id}"
        saga = await service.resume_saga(
            tx, saga_id=saga_id, why=asked.why, by=by, now=runtime.now()
        )
        return view.show_saga(saga)

    return await once.answer(verb, principal=str(caller.user_id))
