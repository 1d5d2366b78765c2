"""What the OpenAPI document says of unsafe routes, beside what the table of bad input says."""

from types import SimpleNamespace

from refusal_rows import ROUTES, Route
from spoilt_requests import resolved
from tradesense.app.api import create_app

SAFE = {"get", "head", "options"}
ALPACA = "refused in Alpaca's words and not as a problem: tests/e2e/test_bad_input.py"
# Unsafe routes of which nothing is asked here, and why.
ELSEWHERE = {
    "DELETE /api/v1/sessions/current": "it takes nothing: without a session nothing changes",
    "POST /v2/orders": ALPACA,
    "DELETE /v2/orders": "it takes nothing",
    "DELETE /v2/orders/{written}": ALPACA,
    "DELETE /v2/positions": ALPACA,
    "DELETE /v2/positions/{written}": ALPACA,
}
DOCUMENT = create_app(SimpleNamespace()).openapi()


def unsafe(document):
    """Every method and path that may change something."""
    return {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods.keys() - SAFE
    }


def untried(document):
    """What may change something, and is neither in the table nor tried elsewhere."""
    return unsafe(document) - {route.asked for route in ROUTES} - ELSEWHERE.keys()


def operation(route: Route):
    method, path = route.asked.split()
    return DOCUMENT["paths"][path][method.lower()]


def schema(route: Route):
    """The JSON object that a route takes, None if it takes none."""
    content = operation(route).get("requestBody", {}).get("content", {})
    found = content.get("application/json")
    return found and resolved(found["schema"], DOCUMENT)


def fields(route: Route):
    for name, field in (schema(route) or {"properties": {}})["properties"].items():
        shapes = field.get("anyOf", [field])
        yield name, next(each for each in shapes if each.get("type") != "null")
