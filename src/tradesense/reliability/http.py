"""Incidents over HTTP, for operators."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from tradesense.identity.caller import OperatorFromRequest
from tradesense.infra.db import Transaction
from tradesense.infra.idempotency import OnceFromRequest
from tradesense.infra.runtime import FromRequest
from tradesense.reliability import service, store
from tradesense.reliability.model import IncidentState

router = APIRouter(prefix="/api/v1/operations/incidents", tags=["operations"])

LIST_MAX = 500
Text = Annotated[str, Field(max_length=service.TEXT_MAX)]


class Note(BaseModel):
    """What somebody saw or did."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: Text


class Resolution(BaseModel):
    """How it ended."""

    model_config = ConfigDict(extra="forbid", strict=True)

    how: Text


class Review(BaseModel):
    """Where it came from, and what keeps it from coming again."""

    model_config = ConfigDict(extra="forbid", strict=True)

    cause: Text
    prevention: Text


@router.get("")
async def list_incidents(
    _: OperatorFromRequest,
    runtime: FromRequest,
    *,
    state: IncidentState | None = None,
    limit: Annotated[int, Query(ge=1, le=LIST_MAX)] = 100,
) -> dict[str, Any]:
    """Return incidents, the newest first."""
    async with runtime.db.reading() as tx:
        incidents = await store.list_incidents(tx, state=state, limit=limit)
    return {"incidents": [incident.facts() for incident in incidents]}


@router.get("/{incident_id}")
async def show_incident(
    incident_id: UUID, _: OperatorFromRequest, runtime: FromRequest
) -> dict[str, Any]:
    """Return an incident with its timeline, oldest first; moments in UTC."""
    async with runtime.db.reading() as tx:
        incident, moments = await service.get_timeline(tx, incident_id)
    return {**incident.facts(), "timeline": [moment.facts() for moment in moments]}


@router.post("/{incident_id}/notes", status_code=201)
async def note(
    incident_id: UUID,
    said: Note,
    caller: OperatorFromRequest,
    once: OnceFromRequest,
    runtime: FromRequest,
) -> Response:
    """Add to the timeline what you saw or did."""
    by = f"operator:{caller.user_id}"

    async def verb(tx: Transaction) -> dict[str, Any]:
        await service.note(tx, incident_id=incident_id, text=said.text, by=by, now=runtime.now())
        return {"incident_id": str(incident_id)}

    return await once.answer(verb, principal=str(caller.user_id), status=201)


@router.post("/{incident_id}/resolution")
async def resolve(
    incident_id: UUID,
    said: Resolution,
    caller: OperatorFromRequest,
    once: OnceFromRequest,
    runtime: FromRequest,
) -> Response:
    """Say that it is over, and how."""
    by = f"operator:{caller.user_id}"

    async def verb(tx: Transaction) -> dict[str, Any]:
        done = await service.resolve(
            tx, incident_id=incident_id, how=said.how, by=by, now=runtime.now()
        )
        return done.facts()

    return await once.answer(verb, principal=str(caller.user_id))


@router.post("/{incident_id}/review")
async def review(
    incident_id: UUID,
    said: Review,
    caller: OperatorFromRequest,
    once: OnceFromRequest,
    runtime: FromRequest,
) -> Response:
    """Write down what a resolved incident came from, and what keeps it from coming again."""
    by = f"operator:{caller.user_id}"

    async def verb(tx: Transaction) -> dict[str, Any]:
        done = await service.review(
            tx,
            incident_id=incident_id,
            cause=said.cause,
            prevention=said.prevention,
            by=by,
            now=runtime.now(),
        )
        return done.facts()

    return await once.answer(verb, principal=str(caller.user_id))
