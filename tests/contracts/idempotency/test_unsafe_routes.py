"""Every route of ours that changes something serves a request once, or is exempt for a reason."""

import ast
import inspect
import textwrap
from types import SimpleNamespace

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute, iter_route_contexts

from tradesense.app.api import create_app
from tradesense.infra.idempotency import OnceFromRequest
from tradesense.infra.idempotency.edge import once_from_request

SAFE = {"GET", "HEAD", "OPTIONS"}  # RFC 9110, section 9.2.1; TRACE is served nowhere

EVENT_ID = "the provider's event id is the key: kept once, answered 200 again"
NO_EVENT = "Mollie names a payment, no event: calls nobody has begun to look into are one"
ALPACA = "Alpaca's clients send no keys; `client_order_id` is the key, taken twice it is 422"
CANCEL = "Alpaca's clients send no keys; what is canceled cannot be so again"
CLOSE = "as at Alpaca: all of a position is closed once; a share of it, each time it is asked for"
LOGIN = "a session is no effect to keep; a stored answer would be a second way to its token"
LOGOUT = "ending a session that has ended changes nothing"

# The documented list: docs/decisions/once-per-key.md says the same in words.
EXEMPT = {
    ("POST", "/webhooks/stripe"): EVENT_ID,
    ("POST", "/webhooks/mollie"): NO_EVENT,
    ("POST", "/v2/orders"): ALPACA,
    ("DELETE", "/v2/orders"): CANCEL,
    ("DELETE", "/v2/orders/{written}"): CANCEL,
    ("DELETE", "/v2/positions"): CLOSE,
    ("DELETE", "/v2/positions/{written:path}"): CLOSE,
    ("POST", "/api/v1/sessions"): LOGIN,
    ("POST", "/login"): LOGIN,
    ("DELETE", "/api/v1/sessions/current"): LOGOUT,
    ("POST", "/logout"): LOGOUT,
}
MOUNTED = {"/static"}  # files, to be read


def unsafe_routes(app):
    """Each (method, path, route) of `app` that may change something."""
    for context in iter_route_contexts(app.routes):
        methods = getattr(context.original_route, "methods", None)
        if (
            methods is None
            and hasattr(context.original_route, "app")
            and context.path not in MOUNTED
        ):
            is_socket = type(context.original_route).__name__.endswith("WebSocketRoute")
            methods = set() if is_socket else {"ANY"}  # another application: who knows
        for method in sorted((methods or set()) - SAFE):
            yield method, context.path, context.original_route


def serves_once(route):
    """Whether the endpoint asks for Once, and has it answer."""
    if not isinstance(route, APIRoute):
        return False
    names = {each.name for each in route.dependant.dependencies if each.call is once_from_request}
    tree = ast.parse(textwrap.dedent(inspect.getsource(route.endpoint)))
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"answer", "run"}
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in names
        for node in ast.walk(tree)
    )


def unguarded(app):
    """What is neither served once nor exempt."""
    return [
        f"{method} {path}"
        for method, path, route in unsafe_routes(app)
        if (method, path) not in EXEMPT and not serves_once(route)
    ]


@pytest.fixture
def ours():
    return create_app(SimpleNamespace())


def test_every_unsafe_route_of_ours_serves_once_or_is_exempt(ours):
    assert unguarded(ours) == []


def test_the_walk_sees_the_routes_that_matter(ours):
    seen = {(method, path): serves_once(route) for method, path, route in unsafe_routes(ours)}
    assert seen["POST", "/api/v1/purchases"]
    assert seen["POST", "/api/v1/signup"]
    assert seen["POST", "/api/v1/challenges/{challenge_id}/keys"]
    assert seen["DELETE", "/api/v1/keys/{key_id}"]
    assert len(seen) >= len(EXEMPT) + 4


def test_nothing_is_exempt_that_is_gone_or_served_once(ours):
    seen = {(method, path): route for method, path, route in unsafe_routes(ours)}
    assert [each for each in EXEMPT if each not in seen or serves_once(seen[each])] == []


async def bare(_: Request) -> Response:
    return Response()


async def asks_and_forgets(once: OnceFromRequest) -> Response:
    return Response(once.key)


async def serves(once: OnceFromRequest) -> Response:
    async def verb(_):
        return {}

    return await once.answer(verb, principal="anybody")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("endpoint", [bare, asks_and_forgets])
def test_a_planted_route_is_found(ours, method, endpoint):
    router = APIRouter(prefix="/api/v1/planted")
    router.add_api_route("/here", endpoint, methods=[method], response_model=None)
    ours.include_router(router)
    assert unguarded(ours) == [f"{method} /api/v1/planted/here"]


def test_a_planted_route_below_the_framework_is_found(ours):
    ours.router.add_route("/raw", bare, methods=["POST"])
    ours.mount("/other", FastAPI())
    assert unguarded(ours) == ["POST /raw", "ANY /other"]


def test_a_route_that_serves_once_is_fine(ours):
    ours.add_api_route("/api/v1/fine", serves, methods=["POST"], response_model=None)
    assert unguarded(ours) == []


def test_the_key_is_described_wherever_it_is_asked_for(ours):
    paths = ours.openapi()["paths"]
    for method, path, route in unsafe_routes(ours):
        if serves_once(route):
            told = {each["name"]: each for each in paths[path][method.lower()]["parameters"]}
            assert "24 hours" in told["Idempotency-Key"]["description"]
