"""How long the platform takes from `tradesense up` to its first page, and its memory then."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from bench.harness import Row, show

PATIENCE_S = 60
MEMORY_MB_MAX = 800.0


def measure() -> list[Row]:
    """Start it three times on one data folder: the first start makes the database."""
    home = Path(tempfile.mkdtemp(prefix="tradesense-bench-", dir="/var/tmp"))
    home.chmod(0o711)
    try:
        cold_s, _ = _start(home)
        warm = [_start(home) for _ in range(2)]
    finally:
        shutil.rmtree(home)
    warm_s = min(took_s for took_s, _ in warm)
    memory_mb = max(memory for _, memory in warm)
    return [
        Row(name="first page, new data folder", value=cold_s, unit="s"),
        Row(name="first page, warm", value=warm_s, unit="s", against="10 s", ratio=warm_s / 10),
        Row(
            name="memory of all processes",
            value=memory_mb,
            unit="MB (PSS)",
            against="800 MB",
            ratio=memory_mb / MEMORY_MB_MAX,
        ),
    ]


def _start(home: Path) -> tuple[float, float]:
    """Return seconds to the first page, and megabytes of all processes five seconds later."""
    ports = {"TRADESENSE_PORT": str(_free_port()), "TRADESENSE_SANDBOX_PORT": str(_free_port())}
    own = {"TRADESENSE_HOME": str(home), "TRADESENSE_DEMO": "yes", **ports}
    variables = {**os.environ, **own}  # noqa: TID251 -- what a person's shell would give it
    begun = time.monotonic()
    tradesense = [sys.executable, "-m", "tradesense.app.cli"]
    process = subprocess.Popen([*tradesense, "up"], env=variables, stdout=subprocess.DEVNULL)  # noqa: S603 -- ours
    try:
        _wait_for(f"http://127.0.0.1:{ports['TRADESENSE_PORT']}/login")
        took_s = time.monotonic() - begun
        time.sleep(5)
        told = subprocess.run(  # noqa: S603 -- ours
            [*tradesense, "ps", "--json"], env=variables, check=True, capture_output=True
        )
        return took_s, json.loads(told.stdout)["pss_bytes"] / 1e6
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 -- our own address
                return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError(f"no page at {url} within {PATIENCE_S} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    show(measure())
