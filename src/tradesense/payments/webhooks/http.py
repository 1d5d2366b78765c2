"""The webhook inbox over HTTP, for operators: list, show, have looked into again."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from tradesense.identity.caller import OperatorFromRequest
from tradesense.infra.db import Transaction
from tradesense.infra.idempotency import OnceFromRequest
from tradesense.infra.plain import Moment
from tradesense.infra.runtime import FromRequest
from tradesense.payments.webhooks import replay
from tradesense.payments.webhooks.model import Selection

router = APIRouter(prefix="/api/v1/operations/webhooks", tags=["operations"])

IDS_MAX, KINDS_MAX = 500, 20
Name = Annotated[str, Field(min_length=1, max_length=100)]


class Replay(BaseModel):
    """Which webhooks to look into again: those that meet everything said; and why."""

    model_config = ConfigDict(extra="forbid")

    why: str = Field(max_length=replay.WHY_MAX, examples=["the provider was down until 14:00"])
    provider: Name | None = None
    event_ids: tuple[Name, ...] = Field((), max_length=IDS_MAX)
    kinds: tuple[Name, ...] = Field((), max_length=KINDS_MAX, examples=[["payment_intent.*"]])
    since: Moment | None = None
    until: Moment | None = None
    is_waiting: bool | None = None

    def selection(self) -> Selection:
        """Return which webhooks are meant."""
        return Selection(**self.model_dump(exclude={"why"}))


@router.get("")
async def list_webhooks(
    _: OperatorFromRequest,
    runtime: FromRequest,
    *,
    provider: Name | None = None,
    kind: Annotated[tuple[Name, ...], Query(max_length=KINDS_MAX)] = (),
    since: Moment | None = None,
    until: Moment | None = None,
    is_waiting: bool | None = None,
    limit: int = 100,
    after: Name | None = None,
) -> dict[str, Any]:
    """Return webhooks, the newest first; `after` is the `event_id` the last page ended with."""
    which = Selection(
        provider=provider, kinds=kind, since=since, until=until, is_waiting=is_waiting
    )
    async with runtime.db.reading() as tx:
        kept = await replay.list_webhooks(tx, which=which, limit=limit, after=after)
    return {"webhooks": [one.facts() for one in kept]}


@router.get("/{provider}/{event_id}")
async def show_webhook(
    provider: str, event_id: str, _: OperatorFromRequest, runtime: FromRequest
) -> dict[str, Any]:
    """Return a webhook and every attempt: received, repeated, looked into, replayed by whom."""
    async with runtime.db.reading() as tx:
        kept, attempts = await replay.show_webhook(tx, provider=provider, event_id=event_id)
    return {**kept.facts(), "attempts": [one.facts() for one in attempts]}


@router.post("/replays", status_code=202)
async def replay_webhooks(
    asked: Replay, caller: OperatorFromRequest, once: OnceFromRequest, runtime: FromRequest
) -> Response:
    """Have webhooks looked into again; the provider is asked how things stand now."""

    async def verb(tx: Transaction) -> dict[str, Any]:
        again = await replay.replay_webhooks(
            tx,
            which=asked.selection(),
            why=asked.why,
            by=f"operator:{caller.user_id}",
            now=runtime.now(),
        )
        return {"replayed": len(again), "event_ids": list(again)}

    return await once.answer(verb, principal=str(caller.user_id), status=202)
