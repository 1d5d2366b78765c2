"""Reconciliation over HTTP, for operators: cases, who looks after them, how they end, runs."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from tradesense.identity.caller import OperatorFromRequest
from tradesense.infra.db import Transaction
from tradesense.infra.idempotency import OnceFromRequest
from tradesense.infra.plain import Said
from tradesense.infra.runtime import FromRequest
from tradesense.kernel.errors import Invalid
from tradesense.kernel.money import MINOR_DIGITS, Money
from tradesense.payments.reconciliation import casework
from tradesense.payments.reconciliation.model import Case, CaseState
from tradesense.payments.reconciliation.store import cases, runs

router = APIRouter(prefix="/api/v1/operations/reconciliation", tags=["operations"])

TEXT_MAX = 500
LIMIT_MAX = 1_000


class BadCurrency(Invalid):
    """The ledger keeps no such currency."""

    code = "reconciliation.bad_currency"


class Assignment(BaseModel):
    """Who looks after the case; nobody said: whoever asks."""

    model_config = ConfigDict(extra="forbid")

    owner: Said | None = Field(None, max_length=100, examples=["operator:jane"])


class Resolution(BaseModel):
    """What the difference was, and whether it may stay as it is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    resolution: Said = Field(max_length=TEXT_MAX)
    is_accepted: bool = False


class Proposal(BaseModel):
    """The transfer that mends the case; another operator has to agree."""

    model_config = ConfigDict(extra="forbid", strict=True)

    debit: str = Field(max_length=100, examples=["unapplied:USD"])
    credit: str = Field(max_length=100, examples=["clearing:stripe:USD"])
    amount_minor: int = Field(gt=0, le=10**15)
    currency: str = Field(max_length=3, examples=["USD"])
    reason: Said = Field(max_length=TEXT_MAX)


@router.get("/cases")
async def list_cases(
    _: OperatorFromRequest,
    runtime: FromRequest,
    *,
    provider: Annotated[str | None, Query(max_length=100)] = None,
    state: Annotated[tuple[CaseState, ...], Query(max_length=4)] = (
        CaseState.OPEN,
        CaseState.ASSIGNED,
    ),
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 200,
) -> dict[str, Any]:
    """Return cases, the longest open first; by default those that somebody has to look after."""
    now = runtime.now()
    async with runtime.db.reading() as tx:
        found = await cases.list_cases(tx, provider=provider, states=state, limit=limit)
    return {"cases": [case.facts(now) for case in found]}


@router.get("/cases/{case_id}")
async def read_case(
    case_id: UUID, _: OperatorFromRequest, runtime: FromRequest
) -> dict[str, object]:
    async with runtime.db.reading() as tx:
        return (await casework.get(tx, case_id)).facts(runtime.now())


@router.get("/runs/{provider}/last")
async def read_last_run(
    provider: str, _: OperatorFromRequest, runtime: FromRequest
) -> dict[str, object]:
    """Return the newest complete run of a provider, or of `bank`, with its report."""
    async with runtime.db.reading() as tx:
        run = await runs.find_last(tx, provider)
    if run is None:
        raise casework.NeverRun(f"nothing was reconciled with {provider!r} yet")
    return run.facts()


@router.post("/cases/{case_id}/assignment")
async def assign_case(
    case_id: UUID,
    asked: Assignment,
    caller: OperatorFromRequest,
    once: OnceFromRequest,
    runtime: FromRequest,
) -> Response:
    """Give a case to an operator, or take it."""
    by, now = f"operator:{caller.user_id}", runtime.now()
    return await once.answer(
        _shown(
            lambda tx: casework.assign(
                tx, case_id=case_id, owner=asked.owner or by, by=by, now=now
            ),
            now,
        ),
        principal=by,
    )


@router.post("/cases/{case_id}/resolution")
async def resolve_case(
    case_id: UUID,
    asked: Resolution,
    caller: OperatorFromRequest,
    once: OnceFromRequest,
    runtime: FromRequest,
) -> Response:
    """Say what the difference was; found again, it opens again, unless it was accepted."""
    by, now = f"operator:{caller.user_id}", runtime.now()
    return await once.answer(
        _shown(
            lambda tx: casework.resolve(
                tx,
                case_id=case_id,
                resolution=asked.resolution,
                is_accepted=asked.is_accepted,
                by=by,
                now=now,
            ),
            now,
        ),
        principal=by,
    )


@router.post("/cases/{case_id}/correction", status_code=202)
async def propose_correction(
    case_id: UUID,
    asked: Proposal,
    caller: OperatorFromRequest,
    once: OnceFromRequest,
    runtime: FromRequest,
) -> Response:
    """Propose a transfer that mends the case; it waits for another operator."""
    if asked.currency not in MINOR_DIGITS:
        raise BadCurrency(f"unknown currency; known: {', '.join(MINOR_DIGITS)}")
    by, now = f"operator:{caller.user_id}", runtime.now()
    return await once.answer(
        _shown(
            lambda tx: casework.propose_correction(
                tx,
                case_id=case_id,
                debit=asked.debit,
                credit=asked.credit,
                amount=Money(asked.amount_minor, asked.currency),
                reason=asked.reason,
                by=by,
                now=now,
            ),
            now,
        ),
        principal=by,
        status=202,
    )


@router.post("/cases/{case_id}/correction/approval")
async def approve_correction(
    case_id: UUID, caller: OperatorFromRequest, once: OnceFromRequest, runtime: FromRequest
) -> Response:
    """Agree to what another operator proposed: the transfer is posted, the case is resolved."""
    by, now = f"operator:{caller.user_id}", runtime.now()
    return await once.answer(
        _shown(
            lambda tx: casework.approve_correction(tx, case_id=case_id, by=by, now=now),
            now,
        ),
        principal=by,
    )


def _shown(
    verb: Callable[[Transaction], Awaitable[Case]], now: datetime
) -> Callable[[Transaction], Awaitable[dict[str, object]]]:
    """Return `verb` with its case as the answer shows it."""

    async def shown(tx: Transaction) -> dict[str, object]:
        return (await verb(tx)).facts(now)

    return shown
