"""Breakers over HTTP, for operators: how they stand, what is decided; books; what stands still."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from tradesense.identity.caller import OperatorFromRequest
from tradesense.infra import policies
from tradesense.infra.db import Transaction
from tradesense.infra.idempotency import OnceFromRequest
from tradesense.infra.runtime import FromRequest
from tradesense.operations import service, view
from tradesense.operations.books.http import router as books
from tradesense.operations.model import WAKE, Wanted
from tradesense.operations.stuck.http import router as stuck

router = APIRouter()
router.include_router(books)
router.include_router(stuck)
breakers = APIRouter(prefix="/api/v1/operations/breakers", tags=["operations"])


class Decision(BaseModel):
    """What the breaker shall do, why, and for how many seconds (none: until the next decision)."""

    model_config = ConfigDict(extra="forbid")

    state: Wanted
    why: str = Field(max_length=service.WHY_MAX, examples=["the provider announced maintenance"])
    for_s: int | None = Field(None, strict=True)


@breakers.get("")
async def list_breakers(_: OperatorFromRequest, runtime: FromRequest) -> dict[str, Any]:
    """Tell how each breaker stands: what was decided, and its state in each process."""
    async with runtime.db.reading() as tx:
        directives = await service.list_directives(tx)
    return {"breakers": view.show_breakers(directives, policies.read(runtime.settings.home))}


@breakers.post("/{name}")
async def direct_breaker(
    name: str,
    asked: Decision,
    caller: OperatorFromRequest,
    once: OnceFromRequest,
    runtime: FromRequest,
) -> Response:
    """Force a breaker open, disable it, only watch it, or close it; all processes follow."""
    now = runtime.now()

    async def verb(tx: Transaction) -> dict[str, Any]:
        decided = await service.direct(
            tx,
            policy=name,
            state=asked.state,
            why=asked.why,
            by=f"operator:{caller.user_id}",
            for_s=asked.for_s,
            now=now,
        )
        return view.show_directive(decided)

    answer = await once.answer(verb, principal=str(caller.user_id))
    await runtime.redis.publish(WAKE, b"")
    return answer


router.include_router(breakers)
