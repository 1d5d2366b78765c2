"""
Which error becomes which answer. The only place that knows both.

Ours speak problem+json (RFC 9457); under `/v2` clients of Alpaca read `{code, message}`; a person
with a browser gets a page.
"""

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from tradesense.kernel.errors import (
    Conflict,
    Forbidden,
    InvariantBroken,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Throttled,
    TradeSenseError,
    Unauthenticated,
    Unavailable,
)
from tradesense.resilience.idempotency import StillServed

log = logging.getLogger(__name__)

# Read from the top: the first family that matches wins.
STATUS: dict[type[TradeSenseError], int] = {
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Throttled: 429,
    Rejected: 422,
    OutcomeUnknown: 503,
    Unavailable: 503,
    InvariantBroken: 500,
    TradeSenseError: 500,
}
RETRY_AFTER_S = 1  # long enough for a fail-over's first attempt, short enough for a person
HTTP_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}
CHALLENGE = 'Bearer realm="tradesense"'
# Alpaca's clients read a number of eight digits that begins with the status.
ALPACA_CODES = {401: 40110000, 403: 40310000, 404: 40410000, 405: 40510000, 409: 40910000}
ALPACA_CODES |= {422: 42210000, 429: 42910000, 500: 50010000, 503: 50310000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What went wrong, before it is put into the words of one kind of client."""

    status: int
    code: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[Mapping[str, str], ...] = ()

    @property
    def title(self) -> str:
        return HTTPStatus(self.status).phrase


def install(app: FastAPI) -> None:
    """Make every error of `app` an answer that says who must act."""

    async def answer(request: Request, error: Exception) -> Response:
        return render(request, problem(error))

    for kind in (TradeSenseError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)


def problem(error: Exception) -> Problem:
    """Return what `error` means to a caller; what is ours to mend is logged, not told."""
    match error:
        case TradeSenseError():
            return _ours(error)
        case RequestValidationError():
            fields = tuple(_field(part) for part in error.errors())
            detail = "; ".join(f"{part['field']}: {part['detail']}" for part in fields)
            return Problem(status=422, code="invalid", detail=detail, fields=fields)
        case HTTPException():
            code = HTTP_CODES.get(error.status_code, "http")
            detail = str(error.detail)
            if error.status_code == HTTPStatus.BAD_REQUEST and isinstance(
                error.__cause__, Exception
            ):
                detail = (
                    "the body cannot be read; send JSON in UTF-8, without absurd numbers or depth"
                )
            if error.status_code == HTTPStatus.NOT_FOUND:
                detail = "there is nothing at this address; /docs lists what there is"
            return Problem(
                status=error.status_code, code=code, detail=detail, headers=error.headers or {}
            )
        case _:
            log.error("unexpected error", exc_info=error)
            return _broken("internal")


def _ours(error: TradeSenseError) -> Problem:
    status = next(code for family, code in STATUS.items() if isinstance(error, family))
    headers: dict[str, str] = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = CHALLENGE
    elif isinstance(error, Throttled | StillServed):
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    elif isinstance(error, OutcomeUnknown | Unavailable):
        log.warning("not available: %s", error)
        headers["Retry-After"] = str(RETRY_AFTER_S)
    elif not isinstance(error, Rejected):
        log.error("a promise is broken", exc_info=error)
        return _broken(error.code)
    return Problem(
        # A leaf may know better than its family: a missing header is 400, not 422.
        status=getattr(error, "http_status", status),
        code=error.code,
        detail=_detail(error),
        headers=headers,
    )


def _detail(error: TradeSenseError) -> str:
    if isinstance(error, OutcomeUnknown):
        return "it may have happened; ask again with the same key to find out"
    if isinstance(error, Unavailable):
        return "it did not happen; ask again, with the same key"
    return str(error)


def _broken(code: str) -> Problem:
    return Problem(status=500, code=code, detail="this is our mistake; it has been reported")


def _field(part: Mapping[str, Any]) -> Mapping[str, str]:
    if part["type"] == "json_invalid":
        why, where_at = part.get("ctx", {}).get("error", ""), part["loc"][-1]
        return {"field": "body", "detail": f"is no JSON, from character {where_at} on: {why}"}
    if part["type"] == "model_attributes_type" and tuple(part["loc"]) == ("body",):
        return {"field": "body", "detail": "send a JSON object, as Content-Type: application/json"}
    where = [str(step) for step in part["loc"] if step not in {"body", "query", "path", "header"}]
    return {"field": ".".join(where) or "body", "detail": str(part["msg"])}


def render(request: Request, found: Problem) -> Response:
    """Return the answer in the words that this caller understands."""
    path = request.url.path
    if path == "/v2" or path.startswith("/v2/"):
        code = ALPACA_CODES.get(found.status, found.status * 100_000)
        body = {"code": code, "message": found.detail}
        return JSONResponse(body, found.status, headers=dict(found.headers))
    if _is_page(request):
        if found.status == HTTPStatus.UNAUTHORIZED:
            return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
        return _page(request, found)
    body = {
        "type": f"urn:tradesense:{found.code}",
        "title": found.title,
        "status": found.status,
        "detail": found.detail,
        "code": found.code,
    }
    if found.fields:
        body["errors"] = list(found.fields)
    return JSONResponse(
        body, found.status, headers=dict(found.headers), media_type="application/problem+json"
    )


def _is_page(request: Request) -> bool:
    is_api = request.url.path.startswith(("/api/", "/webhooks/"))
    return not is_api and "text/html" in request.headers.get("accept", "")


def _page(request: Request, found: Problem) -> Response:
    from tradesense.app.web.rendering import TEMPLATES  # noqa: PLC0415 -- only people's errors need it

    answer: Response = TEMPLATES.TemplateResponse(
        request, "error.html", {"problem": found}, found.status, headers=dict(found.headers)
    )
    return answer
