"""A provider's outage from its first failure to its end, as buyers and operators see it."""

import json
import subprocess
import sys
import time

import httpx
import pytest

from payment_sandbox import API_KEY
from platform_processes import processes
from purchase_world import PLAN

REST_S = 2
SWITCHED_WITHIN_S = 2.0  # the first sale through the second provider, once the breaker is open


@pytest.fixture
def platform(database, valkey_url, tmp_path):
    where = {
        "database_url": database.app, "owner_url": database.owner, "sealer_url": database.sealer,
        "redis_url": valkey_url, "home": tmp_path, "provider_rest_s": REST_S, "has_mollie": True,
    }  # fmt: skip
    with processes(**where) as lent:
        lent.start("sandbox", "api", "worker", "sealer")
        lent.wait_ready()
        yield lent


def sandbox(platform, method, **body):
    answer = httpx.request(
        method,
        f"{platform.sandbox}/sandbox/faults",
        json=body or None,
        headers={"Authorization": f"Bearer {API_KEY}"},
    )
    assert answer.status_code < 300, answer.text


def cut_off(platform, *paths):
    """Let the sandbox reset every connection about `paths`, before anything is done."""
    for path in paths:
        sandbox(platform, "POST", kind="reset", target=path, times=10_000)


def command(platform, *words):
    return subprocess.run(
        [sys.executable, "-m", "tradesense.app.cli", *words],
        env=platform.environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def incidents(platform):
    told = command(platform, "incidents", "list", "--json")
    return told.returncode, json.loads(told.stdout)


def until(condition, within_s, what):
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.1)
    return found


def offered_by(buyer, within_s):
    """Return who made the buyer's offer, once there is one."""

    def has_offer(seen):
        return seen["payment"] and seen["payment"]["provider"]

    return buyer.wait_for(has_offer, within_s)["payment"]["provider"]


def topics(buyer):
    told = buyer.client.get("/api/v1/messages").json()["messages"]
    return [message["topic"] for message in told]


def is_contained(platform):
    code, found = incidents(platform)
    return code == 1 and any(one["subject"] == "stripe" for one in found)


def test_an_outage_is_noticed_gone_around_told_and_recovered_from(platform):
    early = platform.buyer("early")
    early.order(PLAN)
    assert offered_by(early, 15) == "stripe"

    cut_off(platform, "* /v1/*")
    for number in range(3):
        unlucky = platform.buyer(f"unlucky{number}")
        unlucky.order(PLAN)
        assert offered_by(unlucky, 20) == "mollie"
    until(lambda: is_contained(platform), 20, "an open incident")

    late = platform.buyer("late")
    late.order(PLAN)
    ordered = time.monotonic()
    assert offered_by(late, 10) == "mollie"
    took_s = time.monotonic() - ordered
    print(f"the second provider's offer {took_s:.2f} s after the order")  # noqa: T201 -- shown
    assert took_s < SWITCHED_WITHIN_S
    until(lambda: "payment.delayed" in topics(early), 10, "a word to who waits")
    assert topics(late) == []

    sandbox(platform, "DELETE")
    until(lambda: not is_contained(platform), 60, "the end of the outage")
    _, (incident,) = incidents(platform)
    assert incident["state"] == "resolved"
    shown = json.loads(
        command(platform, "incidents", "show", incident["incident_id"], "--json").stdout
    )
    assert shown["timeline"][0]["kind"] == "ProviderContained"
    until(lambda: "payment.resumed" in topics(early), 10, "a word that it is over")
    early.pay()
    early.wait_for(lambda seen: seen["status"] == "active", 20)


def test_with_every_provider_away_orders_are_held_and_go_on_by_themselves(platform):
    cut_off(platform, "* /v1/*", "* /v2/*")
    held = [platform.buyer(f"held{number}") for number in range(4)]
    for buyer in held:
        buyer.order(PLAN)
    until(lambda: all("payment.held" in topics(buyer) for buyer in held), 40, "a word to each")
    assert all(buyer.purchase()["status"] == "awaiting_payment" for buyer in held)

    sandbox(platform, "DELETE")
    for buyer in held:
        assert offered_by(buyer, 60) in {"stripe", "mollie"}
