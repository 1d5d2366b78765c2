"""A provider that dies, and an operator who steps in, as the running processes show it."""

import json
import subprocess
import sys
import time

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from platform_processes import processes
from purchase_world import PLAN

REST_S = 3


@pytest.fixture
def stopped(database, valkey_url, tmp_path):
    """An instance none of whose processes run."""
    where = {
        "database_url": database.app, "owner_url": database.owner, "sealer_url": database.sealer,
        "redis_url": valkey_url, "home": tmp_path, "provider_rest_s": REST_S,
    }  # fmt: skip
    with processes(**where) as lent:
        yield lent


@pytest.fixture
def platform(stopped):
    stopped.start("sandbox", "api", "worker", "sealer")
    stopped.wait_ready()
    return stopped


def command(platform, *words):
    return subprocess.run(
        [sys.executable, "-m", "tradesense.app.cli", *words],
        env=platform.environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def until(condition, within_s, what):
    began = time.monotonic()
    while not (found := condition()):
        assert time.monotonic() - began < within_s, f"not within {within_s} s: {what}"
        time.sleep(0.05)
    return found, time.monotonic() - began


def metric(platform, name, **labels):
    text = httpx.get(f"{platform.base}/metrics").text
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == f"tradesense_policy_{name}" and sample.labels == labels:
                return sample.value
    return None


def states(platform, name):
    """State by process, as the command shows it."""
    listed = command(platform, "breakers", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    (one,) = [each for each in json.loads(listed.stdout)["breakers"] if each["name"] == name]
    return {each["process"]: each["state"] for each in one["processes"]}


def test_a_provider_that_dies_opens_the_breaker_and_one_that_is_back_closes_it(platform):
    stripe = {"process": "worker", "policy": "stripe"}
    platform.kill("sandbox")
    buyer = platform.buyer()
    buyer.order(PLAN)

    def is_open():
        return metric(platform, "state", **stripe, state="open")

    _, took_s = until(is_open, 30, "five failures")
    assert metric(platform, "opened_total", **stripe) >= 1
    assert metric(platform, "latency_seconds_count", process="api", policy="database") > 0
    assert metric(platform, "latency_seconds_count", process="sealer", policy="database") > 0
    shown = states(platform, "stripe")
    assert shown["worker"] in {"open", "half_open"}
    assert shown["api"] == "closed"  # it has made no call
    print(f"open {took_s:.1f} s after the order; the commands show {shown}")  # noqa: T201 -- shown
    platform.start("sandbox")
    until(lambda: metric(platform, "state", **stripe, state="closed"), 30, "a probe")
    buyer.pay()
    buyer.wait_for(lambda seen: seen["status"] == "active", 30)


def test_an_operator_stops_calls_in_every_process_within_two_seconds(platform, database):
    why = "the provider announced maintenance"
    forced = command(platform, "breakers", "force-open", "stripe", "--why", why, "--json")
    assert forced.returncode == 0, forced.stderr
    began = time.monotonic()
    for process in ("api", "worker"):
        at = {"process": process, "policy": "stripe", "state": "forced_open"}
        until(lambda at=at: metric(platform, "state", **at), 2, f"{process} follows")
    print(f"followed within {time.monotonic() - began:.2f} s")  # noqa: T201 -- pytest shows it
    buyer = platform.buyer()
    buyer.order(PLAN)
    refused = {"process": "worker", "policy": "stripe", "guard": "breaker"}
    until(lambda: metric(platform, "refusals_total", **refused), 15, "the worker is refused")
    made = metric(platform, "latency_seconds_count", process="worker", policy="stripe")
    time.sleep(1)
    assert metric(platform, "latency_seconds_count", process="worker", policy="stripe") == made
    assert not (buyer.purchase()["payment"] or {}).get("provider")
    platform.kill("worker")
    platform.start("worker")  # what stands survives a restart
    until(lambda: states(platform, "stripe").get("worker") == "forced_open", 15, "it is back")
    assert not (buyer.purchase()["payment"] or {}).get("provider")

    closed = command(platform, "breakers", "close", "stripe", "--why", "they are back")
    assert closed.returncode == 0, closed.stderr
    buyer.pay()
    buyer.wait_for(lambda seen: seen["status"] == "active", 60)
    with psycopg.connect(database.superuser) as conn:
        entries = conn.execute(
            "SELECT kind, convert_from(canonical, 'UTF8')::jsonb FROM trail_entries"
            " WHERE stream = 'breaker:stripe' ORDER BY version"
        ).fetchall()
    assert [kind for kind, _ in entries] == ["BreakerForcedOpen", "BreakerClosed"]
    assert [told["data"]["why"] for _, told in entries] == [why, "they are back"]
    assert all(told["by"].startswith("operator:") for _, told in entries)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("force-open", "strype", "--why", "x"), 2, "there is no breaker 'strype': stripe"),
        (("force-open", "database", "--why", "x"), 2, "the database has no breaker"),
        (("force-open", "stripe", "--why", " "), 2, "say why"),
        (("force-open", "stripe"), 2, "--why"),
        (("disable", "stripe", "--why", "x", "--for", "soon"), 2, "write 90s, 30m, 2h or 1d"),
        (("watch-only", "stripe", "--why", "x", "--for", "0s"), 2, "1 to 2592000 seconds"),
        (("show", "strype"), 2, "there is no breaker 'strype': stripe"),
    ],
)
def test_a_wrong_command_says_what_would_be_right_and_changes_nothing(
    database, stopped, words, code, said
):
    told = command(stopped, "breakers", *words)
    assert (told.returncode, said in told.stderr) == (code, True), told.stderr
    with psycopg.connect(database.superuser) as conn:
        assert conn.execute("SELECT count(*) FROM operations_breakers").fetchone() == (0,)


def test_an_operator_is_appointed_by_a_command_and_decides_over_http(platform, database):
    buyer = platform.buyer("grace")
    url, body = "/api/v1/operations/breakers/redis", {"state": "watch-only", "why": "a look"}
    headers = {"Idempotency-Key": "grace decides"}
    assert buyer.client.post(url, json=body, headers=headers).status_code == 403
    nobody = command(platform, "operators", "appoint", "nobody@example.com")
    assert (nobody.returncode, "no account" in nobody.stderr) == (2, True)
    for _ in range(2):
        assert command(platform, "operators", "appoint", "grace@example.com").returncode == 0
    assert buyer.client.post(url, json=body, headers=headers).status_code == 200
    until(lambda: states(platform, "redis")["worker"] == "metrics_only", 5, "the worker follows")
    with psycopg.connect(database.superuser) as conn:
        counted = conn.execute(
            "SELECT count(*) FROM trail_entries WHERE kind = 'OperatorAppointed'"
        ).fetchone()
    assert counted == (1,)
