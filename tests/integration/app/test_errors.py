"""Every error becomes an answer that says who must act, in the words of whoever asked."""

import logging

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from tradesense.app import errors
from tradesense.kernel.errors import (
    Conflict,
    Forbidden,
    Invalid,
    InvariantBroken,
    NotFound,
    OutcomeUnknown,
    Throttled,
    TimedOut,
    Unauthenticated,
    Unavailable,
)

RAISED = {
    "unauthenticated": Unauthenticated("sign in first"),
    "forbidden": Forbidden("not yours"),
    "gone": NotFound("no such plan"),
    "conflict": Conflict("said twice"),
    "throttled": Throttled("too often", retry_after_s=1.2),
    "invalid": Invalid("quantity is negative"),
    "away": Unavailable("connection refused at 10.0.0.7"),
    "late": TimedOut("the pool is empty"),
    "unknown": OutcomeUnknown("no answer to COMMIT"),
    "broken": InvariantBroken("account 7 has two verdicts"),
    "bug": ZeroDivisionError("division by zero"),
}


class Order(BaseModel):
    symbol: str
    qty: int


def app() -> FastAPI:
    made = FastAPI()

    @made.get("/api/raise/{name}")
    @made.get("/v2/raise/{name}")
    @made.get("/pages/raise/{name}")
    def fail(name: str) -> None:
        raise RAISED[name]

    @made.post("/api/orders")
    @made.post("/v2/orders")
    def order(order: Order) -> Order:
        return order

    errors.install(made)
    return made


@pytest.fixture
async def http():
    transport = httpx.ASGITransport(app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.mark.parametrize(
    ("name", "status", "detail"),
    [
        ("unauthenticated", 401, "sign in first"),
        ("forbidden", 403, "not yours"),
        ("gone", 404, "no such plan"),
        ("conflict", 409, "said twice"),
        ("throttled", 429, "too often"),
        ("invalid", 422, "quantity is negative"),
        ("away", 503, "it did not happen; ask again, with the same key"),
        ("late", 503, "it did not happen; ask again, with the same key"),
        ("unknown", 503, "it may have happened; ask again with the same key to find out"),
        ("broken", 500, "this is our mistake; it has been reported"),
        ("bug", 500, "this is our mistake; it has been reported"),
    ],
)
async def test_an_error_becomes_a_problem_document(http, name, status, detail):
    answer = await http.get(f"/api/raise/{name}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["detail"]) == (status, detail)
    assert body["type"] == f"urn:tradesense:{body['code']}"
    assert body["title"]


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("unauthenticated", 401, 40110000), ("gone", 404, 40410000), ("invalid", 422, 42210000)],
)
async def test_alpaca_clients_read_code_and_message(http, name, status, code):
    answer = await http.get(f"/v2/raise/{name}")
    assert answer.status_code == status
    assert answer.json() == {"code": code, "message": str(RAISED[name])}


async def test_a_caller_is_told_when_to_ask_again(http):
    assert (await http.get("/api/raise/throttled")).headers["retry-after"] == "2"
    assert (await http.get("/api/raise/away")).headers["retry-after"] == "1"
    assert (await http.get("/v2/raise/unknown")).headers["retry-after"] == "1"


async def test_a_stranger_is_told_how_to_say_who_they_are(http):
    answer = await http.get("/api/raise/unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_what_is_ours_to_mend_is_logged_and_not_told(http, caplog):
    with caplog.at_level(logging.ERROR):
        answer = await http.get("/api/raise/broken")
    assert "two verdicts" not in answer.text
    assert "two verdicts" in caplog.text


async def test_a_wrong_field_is_named(http):
    answer = await http.post("/api/orders", json={"symbol": "EUR/USD", "qty": "many"})
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == ["qty"]
    assert "qty" in answer.json()["detail"]
    assert "qty" in (await http.post("/v2/orders", json={"symbol": "EUR/USD"})).json()["message"]


async def test_a_body_that_is_no_json_is_refused(http):
    answer = await http.post(
        "/api/orders", content=b"{", headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("body: is no JSON, from character 1 on: ")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"qty":' * 100_000,
        b'{"qty": ' + b"9" * 5_000 + b"}",
        b'{"symbol": "\xe9"}',
    ],
    ids=["deep list", "deep object", "endless number", "latin-1"],
)
async def test_a_body_that_cannot_be_read_is_refused_with_what_can(http, body):
    answer = await http.post(
        "/api/orders", content=body, headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert "send JSON in UTF-8" in answer.json()["detail"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_of_another_kind_is_refused_with_the_right_one(http, kind):
    headers = {"content-type": kind} if kind else {}
    answer = await http.post("/api/orders", content=b'{"qty": 1}', headers=headers)
    assert answer.status_code == 422
    assert "send a JSON object, as Content-Type: application/json" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/api/nothing", "/v2/nothing", "/nothing"])
async def test_an_address_that_leads_nowhere_says_so(http, path):
    answer = await http.get(path)
    assert answer.status_code == 404
    assert "/docs" in answer.text


async def test_a_wrong_method_is_refused(http):
    answer = await http.get("/api/orders")
    assert answer.status_code == 405
    assert answer.json()["code"] == "method_not_allowed"


async def test_a_person_gets_a_page(http):
    answer = await http.get("/pages/raise/gone", headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert "no such plan" in answer.text
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_person_who_is_nobody_yet_is_led_to_signing_in(http):
    answer = await http.get("/pages/raise/unauthenticated", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


async def test_a_page_never_runs_what_an_error_says(http):
    answer = await http.get("/<script>alert(1)</script>", headers={"accept": "text/html"})
    assert "<script>alert" not in answer.text
