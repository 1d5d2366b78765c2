"""How soon a provider's webhook is answered, durably kept, at 200 calls a second."""

import asyncio
import hashlib
import hmac
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psycopg

from bench.harness import Row, show
from bench.servers import Private, private_database

RATE = 200  # calls per second, sent when they are due, whether or not the last was answered
WARM_S, MEASURED_S = 3, 20
P99_MS_MAX = 100.0
START_PATIENCE_S = 20
SECRET = "whsec_bench"  # noqa: S105 -- of this benchmark's own instance
CONNECTIONS = 50


def measure() -> list[Row]:
    """Return the answer times from the moment a call was due, and how many of them were kept."""
    with private_database() as database, _api(database) as base:
        times_ms = asyncio.run(_send_all(base))
        with psycopg.connect(database.owner) as connection:
            counted = connection.execute("SELECT count(*) FROM payments_webhooks").fetchone()
    kept = counted[0] if counted else 0
    cuts = statistics.quantiles(times_ms, n=100)
    sent = (WARM_S + MEASURED_S) * RATE
    return [
        Row(name=f"webhook answered, {RATE}/s, median", value=cuts[49], unit="ms"),
        Row(
            name=f"webhook answered, {RATE}/s, p99",
            value=cuts[98],
            unit="ms",
            against="100 ms",
            ratio=cuts[98] / P99_MS_MAX,
        ),
        Row(name="webhooks kept", value=kept, unit="", against="sent", ratio=kept / sent),
    ]


async def _send_all(base: str) -> list[float]:
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(base_url=base, limits=limits, timeout=30) as client:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with asyncio.TaskGroup() as group:
            sent = []
            for number in range((WARM_S + MEASURED_S) * RATE):
                due = begun + number / RATE
                await asyncio.sleep(due - loop.time())
                sent.append(group.create_task(_send(client, number, due)))
    return [task.result() for task in sent[WARM_S * RATE :]]


async def _send(client: httpx.AsyncClient, number: int, due: float) -> float:
    """Return the milliseconds from when the call was due to its answer."""
    event = {
        "id": f"evt_{number}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "data": {"object": {"id": f"pi_{number}", "object": "payment_intent", "pad": "x" * 2_000}},
    }
    body = json.dumps(event).encode()
    now = int(time.time())  # noqa: TID251 -- signatures live in wall time
    mac = hmac.digest(SECRET.encode(), b"%d." % now + body, hashlib.sha256).hex()
    headers = {"Stripe-Signature": f"t={now},v1={mac}"}
    answer = await client.post("/webhooks/stripe", content=body, headers=headers)
    if answer.status_code != httpx.codes.OK:
        raise RuntimeError(f"webhook {number}: {answer.status_code} {answer.text}")
    return (asyncio.get_running_loop().time() - due) * 1000


@contextmanager
def _api(database: Private) -> Iterator[str]:
    """Run the API process for the length of the block; yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    variables = {
        **os.environ,  # noqa: TID251 -- what a person's shell would give it
        **database.environment(),
        "TRADESENSE_PORT": str(port),
        "TRADESENSE_STRIPE_SECRET_KEY": "sk_test_bench",
        "TRADESENSE_STRIPE_WEBHOOK_SECRETS": SECRET,
    }
    command = [sys.executable, "-m", "tradesense.app.processes", "api"]
    process = subprocess.Popen(command, env=variables)  # noqa: S603 -- ours
    base = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(base)
        yield base
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _wait_until_ready(base: str) -> None:
    deadline = time.monotonic() + START_PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{base}/readyz").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError(f"no API at {base} within {START_PATIENCE_S} s")


if __name__ == "__main__":
    show(measure())
