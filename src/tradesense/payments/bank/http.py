"""The bank over HTTP, for operators: statements, lines, matches and approvals, orders."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from tradesense.identity.caller import OperatorFromRequest
from tradesense.infra.db import Transaction
from tradesense.infra.idempotency import Answer, OnceFromRequest
from tradesense.infra.plain import Said
from tradesense.infra.runtime import FromRequest
from tradesense.kernel.canonical import jsonable
from tradesense.kernel.ids import derive
from tradesense.payments.bank.model import LineKind, MatchStatus, OutgoingStatus
from tradesense.payments.bank.service import matching, outgoing, statements
from tradesense.payments.bank.statements import Decimal, read_statements
from tradesense.payments.bank.statements.pain001 import write_pain001
from tradesense.payments.bank.store import lines as lines_store
from tradesense.payments.bank.store import matches as matches_store
from tradesense.payments.bank.store import outgoing as outgoing_store

router = APIRouter(prefix="/api/v1/operations/bank", tags=["operations"])

IDS_MAX = 100
Reason = Annotated[Said, Field(max_length=500)]


class Proposal(BaseModel):
    """What some lines are: a payment of these payments, a payout of this provider, or a fee."""

    model_config = ConfigDict(extra="forbid")

    kind: LineKind
    line_ids: tuple[UUID, ...] = Field(min_length=1, max_length=IDS_MAX)
    payment_ids: tuple[UUID, ...] = Field((), max_length=IDS_MAX)
    party: str = Field("", max_length=64, examples=["stripe"])
    reason: Reason


class Refusal(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Reason


class Export(BaseModel):
    model_config = ConfigDict(extra="forbid")

    currency: str = Field(max_length=3, examples=["EUR"])


@router.post("/statements", status_code=201)
async def import_statement(
    request: Request,
    caller: OperatorFromRequest,
    once: OnceFromRequest,
    runtime: FromRequest,
    decimal: Decimal = Decimal.POINT,
) -> Response:
    """
    Import a statement file, sent as the body: camt.053 (XML), or a table (CSV, UTF-8).

    All of it or nothing. One that was imported before is left as it is: `is_new` says so.
    """
    told = read_statements(await request.body(), decimal=decimal)

    async def verb(tx: Transaction) -> dict[str, Any]:
        done = await statements.import_statements(
            tx, told, by=f"operator:{caller.user_id}", now=runtime.now()
        )
        return {"statements": done}

    return await once.answer(verb, principal=f"user:{caller.user_id}", status=201)


@router.get("/lines")
async def list_lines(
    _: OperatorFromRequest,
    runtime: FromRequest,
    *,
    currency: Annotated[str | None, Query(max_length=3)] = None,
    since: date | None = None,
    until: date | None = None,
    only_unmatched: bool = False,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
) -> dict[str, Any]:
    """Return lines booked in [since, until), in the order of their statements."""
    async with runtime.db.reading() as tx:
        found = await lines_store.list_lines(
            tx,
            currency=currency,
            since=since,
            until=until,
            only_unmatched=only_unmatched,
            limit=limit,
        )
    return {"lines": jsonable(list(found))}


@router.get("/suggestions")
async def list_suggestions(_: OperatorFromRequest, runtime: FromRequest) -> dict[str, Any]:
    """Return what the lines that nobody knows yet may be; proposing one is a person's decision."""
    async with runtime.db.reading() as tx:
        return {"suggestions": jsonable(await matching.list_suggestions(tx))}


@router.get("/matches")
async def list_matches(
    _: OperatorFromRequest, runtime: FromRequest, status: MatchStatus | None = None
) -> dict[str, Any]:
    """Return matches, the newest first."""
    async with runtime.db.reading() as tx:
        return {"matches": jsonable(list(await matches_store.list_matches(tx, status=status)))}


@router.post("/matches", status_code=201)
async def propose_match(
    proposal: Proposal, caller: OperatorFromRequest, once: OnceFromRequest, runtime: FromRequest
) -> Response:
    """Propose what some lines are; another operator must approve."""
    match_id = derive(caller.user_id, "bank-match", once.key)

    async def verb(tx: Transaction) -> object:
        return await matching.propose(
            tx,
            match_id=match_id,
            kind=proposal.kind,
            line_ids=tuple(dict.fromkeys(proposal.line_ids)),
            payment_ids=tuple(dict.fromkeys(proposal.payment_ids)),
            party=proposal.party,
            reason=proposal.reason,
            by=f"operator:{caller.user_id}",
            now=runtime.now(),
        )

    return await once.answer(verb, principal=f"user:{caller.user_id}", status=201)


@router.post("/matches/{match_id}/approve")
async def approve_match(
    match_id: UUID, caller: OperatorFromRequest, once: OnceFromRequest, runtime: FromRequest
) -> Response:
    """Approve what another proposed: its payments are settled at once. 403 for one's own."""

    async def verb(tx: Transaction) -> dict[str, Any]:
        by = f"operator:{caller.user_id}"
        await matching.approve(tx, match_id=match_id, by=by, now=runtime.now())
        return {"match_id": str(match_id), "status": MatchStatus.APPROVED}

    return await once.answer(verb, principal=f"user:{caller.user_id}")


@router.post("/matches/{match_id}/reject")
async def reject_match(
    match_id: UUID,
    refusal: Refusal,
    caller: OperatorFromRequest,
    once: OnceFromRequest,
    runtime: FromRequest,
) -> Response:
    """Refuse a proposal, or take one's own back; its lines are free for another."""

    async def verb(tx: Transaction) -> dict[str, Any]:
        await matching.reject(
            tx,
            match_id=match_id,
            reason=refusal.reason,
            by=f"operator:{caller.user_id}",
            now=runtime.now(),
        )
        return {"match_id": str(match_id), "status": MatchStatus.REJECTED}

    return await once.answer(verb, principal=f"user:{caller.user_id}")


@router.get("/outgoing")
async def list_outgoing(
    _: OperatorFromRequest, runtime: FromRequest, status: OutgoingStatus | None = None
) -> dict[str, Any]:
    """Return what we send through the bank, the oldest first."""
    async with runtime.db.reading() as tx:
        return {"outgoing": jsonable(list(await outgoing_store.list_outgoing(tx, status=status)))}


@router.post("/outgoing/export")
async def export_outgoing(
    export: Export, caller: OperatorFromRequest, once: OnceFromRequest, runtime: FromRequest
) -> Response:
    """Return the transfers that wait as a file for the bank (pain.001), each in one file only."""
    message_id = f"TS{derive(caller.user_id, 'bank-export', once.key).hex}"

    async def verb(tx: Transaction) -> Answer:
        now = runtime.now()
        own, orders = await outgoing.export_outgoing(
            tx,
            currency=export.currency,
            message_id=message_id,
            by=f"operator:{caller.user_id}",
            now=now,
        )
        if not orders:
            return Answer.empty()
        written = write_pain001(own, orders, message_id=message_id, now=now)
        return Answer(200, written, (("content-type", "application/xml"),))

    return await once.answer(verb, principal=f"user:{caller.user_id}")
