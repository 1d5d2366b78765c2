"""The whole application over a real database, asked as clients ask."""

from dataclasses import replace

import httpx
import pytest

from tradesense.app.api import create_app
from tradesense.app.logins import DEMO
from tradesense.infra.db import Database
from tradesense.infra.runtime import Runtime

LOGIN = {"email": "ada@example.com", "password": "a long and private password"}
HTML = {"accept": "text/html"}


@pytest.fixture
async def http(runtime):
    transport = httpx.ASGITransport(create_app(runtime), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_it_says_that_it_is_alive_and_ready(http):
    assert (await http.get("/healthz")).json() == {"status": "alive"}
    assert (await http.get("/readyz")).json() == {"status": "ready"}


async def test_it_is_alive_but_not_ready_without_its_database(runtime: Runtime):
    nowhere = "postgresql://nobody@127.0.0.1:9/none"
    async with Database.open(nowhere, name="test") as away:
        app = create_app(replace(runtime, db=away))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/readyz")).status_code == 503


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/v1/me"), ("GET", "/api/v1/purchases"), ("POST", "/api/v1/purchases")],
)
async def test_a_stranger_is_refused(http, method, path):
    answer = await http.request(method, path, json={"plan": "ftmo-2step-100k"})
    assert answer.status_code == 401


async def test_a_request_without_its_key_is_refused_and_changes_nothing(http):
    assert (await http.post("/api/v1/signup", json=LOGIN)).status_code == 400
    assert (await http.post("/api/v1/sessions", json=LOGIN)).status_code == 401


async def sign_up(http) -> None:
    answer = await http.post("/api/v1/signup", json=LOGIN, headers={"Idempotency-Key": "sign-up-1"})
    assert answer.status_code == 201


async def test_a_person_signs_in_by_the_form_and_out_again(http):
    await sign_up(http)
    assert (await http.get("/", headers=HTML)).headers["location"] == "/login"
    entered = await http.post("/login", data=LOGIN, headers=HTML)
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    shown = await http.get("/", headers=HTML)
    assert (shown.status_code, "No account yet" in shown.text) == (200, True)
    await http.post("/logout", headers=HTML)
    assert (await http.get("/", headers=HTML)).headers["location"] == "/login"


async def test_a_wrong_password_is_said_on_the_form(http):
    await sign_up(http)
    answer = await http.post("/login", data={**LOGIN, "password": "guess"}, headers=HTML)
    assert answer.status_code == 401
    assert "no account has this address and password" in answer.text


@pytest.mark.parametrize("origin", ["https://evil.example", "http://[", "null", "test"])
async def test_a_form_of_another_site_is_refused(http, origin):
    await sign_up(http)
    answer = await http.post("/login", data=LOGIN, headers={"origin": origin})
    assert answer.status_code == 403


async def test_a_body_has_an_end(http):
    answer = await http.post("/api/v1/signup", content=b"a" * 1_048_577)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_the_demo_login_is_filled_in_where_there_is_a_demo_only(runtime: Runtime):
    for demo in (True, False):
        app = create_app(replace(runtime, settings=replace(runtime.settings, demo=demo)))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            assert (DEMO.password in (await client.get("/login")).text) is demo


async def test_a_page_takes_nothing_from_elsewhere(http):
    answer = await http.get("/login")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "https://" not in answer.text


@pytest.mark.parametrize("page", ["", "/live"])
async def test_an_account_of_somebody_else_looks_like_none(http, page):
    await sign_up(http)
    await http.post("/login", data=LOGIN)
    path = f"/accounts/9ca1522f-8b0a-5a89-a61c-25a9bbb8b5c8{page}"
    answer = await http.get(path, headers=HTML)
    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["style.css", "live.js", "mark.svg"])
async def test_what_a_page_needs_is_served(http, path):
    assert (await http.get(f"/static/{path}")).status_code == 200


async def test_the_api_describes_itself(http):
    described = (await http.get("/openapi.json")).json()
    assert "/api/v1/purchases" in described["paths"]
