"""The table of bad input covers every unsafe route with every kind that applies, and can fail."""

from types import SimpleNamespace

import httpx
import pytest
from fastapi import APIRouter

from refusal_document import DOCUMENT, ELSEWHERE, fields, unsafe, untried
from refusal_judging import faults
from refusal_rows import ROUTES
from tradesense.app.api import create_app

LONG = 200  # a text that may have so many characters is words for people, or one of NAMES
WORDS = {"reason", "why", "resolution", "how", "text", "cause", "prevention"}
NAMES = {"consumer", "stream", "email", "password", "return_url"}


def test_every_unsafe_route_is_in_the_table():
    assert untried(DOCUMENT) == set()


def test_the_table_has_no_route_that_is_gone():
    assert {route.asked for route in ROUTES} | ELSEWHERE.keys() == unsafe(DOCUMENT)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_route_without_rows_is_found(method):
    async def spend() -> None:
        """Change something."""

    router = APIRouter(prefix="/api/v1/planted")
    router.add_api_route("/{what}", spend, methods=[method])
    app = create_app(SimpleNamespace())
    app.include_router(router)
    assert untried(app.openapi()) == {f"{method} /api/v1/planted/{{what}}"}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.asked)
def test_a_route_has_a_row_of_each_kind_that_applies(route):
    kinds = [row.kind for row in route.rows]
    if "{" in route.asked:
        has_states = any(kind.startswith("wrong state") for kind in kinds)
        assert has_states or route.stateless, "say which state is wrong, or why none is"
    for name, field in fields(route):
        tried = [row.but[name] for row in route.rows if name in row.but]
        if field.get("type") == "integer":
            assert 0 in tried, f"{name}: try 0"
            assert any(value < 0 for value in tried), f"{name}: try less"
        if name == "currency":
            assert "XXX" in tried, "try an unknown currency"
        if name in WORDS:
            assert any(not str(value).strip() for value in tried), f"{name}: try a blank"
        is_long = field.get("maxLength", 0) >= LONG
        assert not is_long or name in WORDS | NAMES, f"{name}: words, or a name?"


@pytest.mark.parametrize(
    ("answer", "changed"),
    [
        (httpx.Response(200, json={}), ()),
        (httpx.Response(500, json={}), ()),
        (httpx.Response(422, json={"detail": "no problem"}), ()),
        (httpx.Response(422, text="no"), ()),
    ],
)
def test_an_answer_that_is_no_refusal_is_found(answer, changed):
    assert list(faults(answer, changed=changed))


PROBLEM = {"type": "urn:tradesense:x", "code": "x", "status": 422, "detail": "write it otherwise"}


@pytest.mark.parametrize(
    "but",
    [
        {"type": "about:blank"},
        {"status": 400},
        {"detail": ""},
        {"detail": "invalid"},
        {"detail": "this is our mistake; it has been reported"},
    ],
)
def test_a_problem_that_helps_nobody_is_found(but):
    how = {"headers": {"content-type": "application/problem+json"}}
    assert list(faults(httpx.Response(422, json=PROBLEM, **how))) == []
    assert len(list(faults(httpx.Response(422, json=PROBLEM | but, **how)))) == 1


def test_a_changed_table_is_found():
    how = {"headers": {"content-type": "application/problem+json"}}
    answer = httpx.Response(422, json=PROBLEM, **how)
    assert list(faults(answer, changed={"ledger_transfers"})) == ["it changed ledger_transfers"]
