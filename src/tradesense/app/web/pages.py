"""Pages for people: sign in, the live page of an account, and its stream of changes."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from pydantic import ValidationError

from tradesense.app.logins import DEMO
from tradesense.app.web import live, reading
from tradesense.app.web.rendering import HERE, TEMPLATES
from tradesense.app.web.view import dot
from tradesense.identity import http as identity
from tradesense.identity.caller import CallerFromRequest, MaybeCaller
from tradesense.infra.runtime import FromRequest
from tradesense.kernel.errors import Forbidden, Throttled, Unauthenticated

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

STATIC = HERE / "static"
SEE_OTHER = 303
# Nothing from elsewhere, and no frame of another site's; the chart sets styles of its own.
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class FromElsewhere(Forbidden):
    """A form of another site was sent here."""

    code = "web.from_elsewhere"


@router.get("/")
async def index(caller: MaybeCaller, runtime: FromRequest, request: Request) -> Response:
    """Lead to the newest account, or to signing in."""
    if caller is None:
        return RedirectResponse("/login", SEE_OTHER)
    async with runtime.db.reading() as tx:
        tabs = await reading.list_tabs(tx, user_id=caller.user_id)
    if not tabs:
        return _page(request, "empty.html", {"demo": runtime.settings.demo})
    return RedirectResponse(f"/accounts/{tabs[-1].account_id}", SEE_OTHER)


@router.get("/login")
async def show_login(request: Request, runtime: FromRequest) -> Response:
    return _login(request, demo=runtime.settings.demo, email="", error="")


@router.post("/login")
async def sign_in(
    request: Request,
    runtime: FromRequest,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    """Sign in by the form: the session comes as a cookie."""
    _require_own_form(request)
    answer = RedirectResponse("/", SEE_OTHER)
    try:
        login = identity.Login.model_validate({"email": email, "password": password})
        await identity.sign_in(login, request, answer, runtime)
    except (Unauthenticated, Throttled, ValidationError) as error:
        said = "that is too long" if isinstance(error, ValidationError) else str(error)
        return _login(request, demo=runtime.settings.demo, email=email, error=said)
    return answer


@router.post("/logout")
async def sign_out(request: Request, runtime: FromRequest) -> Response:
    _require_own_form(request)
    answer = RedirectResponse("/login", SEE_OTHER)
    await identity.sign_out(request, answer, runtime)
    return answer


@router.get("/accounts/{account_id}")
async def show_account(
    account_id: UUID, caller: CallerFromRequest, runtime: FromRequest, request: Request
) -> Response:
    """Show one account of the caller; another's looks like none."""
    async with runtime.db.reading() as tx:
        tabs = await reading.list_tabs(tx, user_id=caller.user_id)
        view = await reading.get_view(tx, account_id, user_id=caller.user_id, now=runtime.now())
        past = await reading.list_points(tx, account_id, view=view)
    history = {
        "points": [dot(point, view.currency) for point in past],
        "limits": view.limits(),
    }
    return _page(request, "account.html", {"view": view, "accounts": tabs, "history": history})


@router.get("/accounts/{account_id}/live")
async def stream_account(
    account_id: UUID, caller: CallerFromRequest, runtime: FromRequest
) -> Response:
    """Tell of every change of the account, as server-sent events, until the reader leaves."""
    async with runtime.db.reading() as tx:  # a stream that has begun could not say 404
        await reading.get_view(tx, account_id, user_id=caller.user_id, now=runtime.now())
    events = live.changes(runtime, account_id, user_id=caller.user_id)
    # `no-transform`: a proxy that compresses would hold events back.
    headers = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


def _login(request: Request, *, demo: bool, email: str, error: str) -> Response:
    shown = {"demo": DEMO if demo else None, "email": email or (DEMO.email if demo else "")}
    return _page(request, "login.html", {**shown, "error": error}, 401 if error else 200)


def _page(
    request: Request, template: str, shown: Mapping[str, object], status: int = 200
) -> Response:
    headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"}
    answer: Response = TEMPLATES.TemplateResponse(
        request, template, dict(shown), status, headers={**headers, "Cache-Control": "no-store"}
    )
    return answer


def _require_own_form(request: Request) -> None:
    """Raise FromElsewhere for a form that another site's page sent."""
    origin = request.headers.get("origin")
    if origin is not None and _host_of(origin) != request.headers.get("host"):
        raise FromElsewhere("this form was sent from another site; sign in on ours")


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""  # no site's: browsers write better ones
