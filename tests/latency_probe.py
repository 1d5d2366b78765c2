"""
How long a request takes to a server that others keep busy, measured from a process of its own.

`python tests/latency_probe.py URL` asks one after the other until its input closes, then prints
the latencies in milliseconds, as JSON.
"""

import http.client
import json
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


@contextmanager
def probing(url: str) -> Iterator[list[float]]:
    """Measure `url` for the length of the block; the list holds milliseconds afterwards."""
    with subprocess.Popen(
        [sys.executable, __file__, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it has begun
        measured: list[float] = []
        try:
            yield measured
        finally:
            output, _ = process.communicate()
            measured += json.loads(output)


def percentile(measured: list[float], share: float) -> float:
    return sorted(measured)[int(share * (len(measured) - 1))]


def probe(url: str) -> list[float]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    connection.connect()
    print("begun", flush=True)  # noqa: T201 -- whoever waits for us reads it
    measured = []
    while not select.select([sys.stdin], [], [], 0.003)[0]:
        began = time.perf_counter()
        connection.request("GET", parts.path)
        connection.getresponse().read()
        measured.append((time.perf_counter() - began) * 1000)
    return measured


if __name__ == "__main__":
    print(json.dumps(probe(sys.argv[1])))  # noqa: T201 -- as above
