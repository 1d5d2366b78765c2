"""What a visitor of a demonstration sees: an account that is bought, traded, and alive."""

import json
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from running_platform import Platform, started, until
from tradesense.app.logins import DEMO

HTML = {"accept": "text/html"}


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="tradesense-demo-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder / "home"
    shutil.rmtree(folder)


@contextmanager
def signed_in(platform: Platform) -> Iterator[httpx.Client]:
    login = {"email": DEMO.email, "password": DEMO.password}
    # Not by trying: failed logins are counted, and the demo trader comes from the same address.
    until((platform.home / "demo.json").exists, within_s=60, what="the demo trader has bought")
    with httpx.Client(base_url=platform.url, timeout=20, headers=HTML) as http:
        assert http.post("/login", data=login).status_code == 303
        yield http


def account_page(http: httpx.Client) -> str:
    """The address of the newest account, once there is one."""
    until(
        lambda: "/accounts/" in http.get("/").headers.get("location", ""),
        within_s=60,
        what="the account is open",
    )
    return http.get("/").headers["location"]


def events(http: httpx.Client, path: str, *, wanted: int) -> tuple[list[dict], list[str]]:
    """The first `wanted` dots of the chart, and the panels that came with them."""
    points: list[dict] = []
    panels: list[str] = []
    name = ""
    with http.stream("GET", f"{path}/live") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: ") and name == "point":
                points.append(json.loads(line.removeprefix("data: ")))
            elif line.startswith("data: "):
                panels.append(line.removeprefix("data: "))
            elif not line:
                name = ""
                if len(points) >= wanted:
                    return points, panels
    raise AssertionError("the stream ended")


def has_traded(http: httpx.Client, path: str) -> bool:
    return 'id="f-1"' in http.get(path).text


def test_the_page_is_alive_and_a_restart_buys_nothing_twice(home):
    with started(home, TRADESENSE_DEMO="yes") as platform, signed_in(platform) as http:
        path = account_page(http)
        until(lambda: has_traded(http, path), within_s=60, what="the first fill")
        page = http.get(path).text
        assert "FTMO-style, two steps, 100,000 USD" in page
        assert "Permitted loss now" in page
        assert "00:00 Europe/Prague" in page
        history = json.loads(re.search(r'id="history">(.*?)</script>', page, re.DOTALL)[1])
        assert {each["kind"] for each in history["limits"]} == {"daily", "overall", "target"}
        seconds = [each["time"] for each in history["points"]]
        assert seconds == sorted(set(seconds))

        points, panels = events(http, path, wanted=6)
        assert len({each["equity"] for each in points}) > 1  # it moves with the prices
        assert [each["time"] for each in points] == sorted(each["time"] for each in points)
        assert "Latest fills" in "\n".join(panels)

        for name in ("demo", "api"):
            os.kill(platform.pids()[name], signal.SIGKILL)
        platform.wait_ready()
        events(http, path, wanted=2)
    with started(home, TRADESENSE_DEMO="yes") as platform, signed_in(platform) as http:
        assert account_page(http) == path
        accept = {"accept": "application/json"}
        assert len(http.get("/api/v1/purchases", headers=accept).json()) == 1
        evidence = http.get(f"/api/v1{path}/evidence", headers=accept)
        assert evidence.content.startswith(b"PK")
        assert platform.command("invariants").returncode == 0
