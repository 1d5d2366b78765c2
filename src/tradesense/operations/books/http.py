"""The books over HTTP, for operators: amounts in minor units, moments in UTC."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from tradesense import ledger
from tradesense.identity.caller import OperatorFromRequest
from tradesense.infra.db import Transaction
from tradesense.infra.idempotency import OnceFromRequest
from tradesense.infra.plain import Moment
from tradesense.infra.runtime import FromRequest
from tradesense.kernel.instants import rfc3339
from tradesense.operations.books import service, view
from tradesense.operations.service import WHY_MAX

router = APIRouter(prefix="/api/v1/operations/books", tags=["operations"])

VERSION_MAX = 2**63 - 1  # what a version's column holds


class Closing(BaseModel):
    """The period that shall take nothing any more, and why: `2026-10`, `2026-10-31` or `2026`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    period: str = Field(max_length=10, examples=["2026-10"])
    why: str = Field(max_length=WHY_MAX, examples=["reported to the accountant"])


@router.get("/chart")
async def show_chart(_: OperatorFromRequest) -> dict[str, Any]:
    """Return which book accounts there may be."""
    return {"chart": view.show_chart()}


@router.get("/accounts/{account}/balance")
async def show_balance(
    account: str,
    _: OperatorFromRequest,
    runtime: FromRequest,
    *,
    as_of: Moment | None = None,
    known_at: Moment | None = None,
) -> dict[str, Any]:
    """Return what an account holds: now, just after `as_of`, or as it was known at `known_at`."""
    async with runtime.db.reading() as tx:
        balance = await service.get_balance(tx, account, as_of=as_of, known_at=known_at)
    return view.show_balance(account, balance, as_of=as_of, known_at=known_at)


@router.get("/accounts/{account}/statement")
async def show_statement(
    account: str,
    _: OperatorFromRequest,
    runtime: FromRequest,
    *,
    since: Moment | None = None,
    until: Moment | None = None,
    limit: Annotated[int, Query(ge=1, le=service.LINES_MAX)] = 50,
    after: Annotated[int | None, Query(ge=1, le=VERSION_MAX)] = None,
) -> dict[str, Any]:
    """Return lines, the newest first; `after` is the `version` the last page ended with."""
    async with runtime.db.reading() as tx:
        lines = await service.get_statement(
            tx, account, since=since, until=until, limit=limit, after=after
        )
    return {"account": account, "lines": [view.show_statement_line(line) for line in lines]}


@router.get("/trial-balance")
async def show_trial_balance(
    _: OperatorFromRequest, runtime: FromRequest, *, as_of: Moment | None = None
) -> dict[str, Any]:
    """Return every account that ever moved; per currency, debits minus credits are zero."""
    async with runtime.db.reading() as tx:
        lines = await ledger.trial_balance(tx, as_of=as_of)
    return view.show_trial_balance(lines)


@router.get("/ages")
async def show_ages(_: OperatorFromRequest, runtime: FromRequest) -> dict[str, Any]:
    """Return since when something stands on accounts that money only passes through."""
    now = runtime.now()
    async with runtime.db.reading() as tx:
        ages = await service.list_passing(tx)
    return {"ages": [view.show_age(age, now) for age in ages]}


@router.post("/closings", status_code=201)
async def close_books(
    asked: Closing, caller: OperatorFromRequest, once: OnceFromRequest, runtime: FromRequest
) -> Response:
    """Close a period that is over; nothing becomes effective in it any more, and it stays so."""

    async def verb(tx: Transaction) -> dict[str, Any]:
        until = await service.close_books(
            tx,
            period=asked.period,
            why=asked.why,
            by=f"operator:{caller.user_id}",
            now=runtime.now(),
        )
        return {"closed_until": rfc3339(until)}

    return await once.answer(verb, principal=str(caller.user_id), status=201)
