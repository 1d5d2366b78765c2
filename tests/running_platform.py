"""A whole platform in processes of its own, for tests that end it in every way."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_PATIENCE_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(condition: Callable[[], object], *, within_s: float, what: str) -> float:
    """Wait for `condition`; return how long it took."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > within_s:
            raise AssertionError(f"not within {within_s:g} s: {what}")
        time.sleep(0.01)
    return time.monotonic() - begun


def is_alive(pid: int) -> bool:
    """Say whether `pid` runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def clean_environment() -> dict[str, str]:
    """What a person's shell would give the command, without any setting of ours."""
    ours = os.environ  # noqa: TID251 -- ditto
    return {name: text for name, text in ours.items() if not name.startswith("TRADESENSE_")}


def environment(home: Path, **changes: str) -> dict[str, str]:
    return {
        **clean_environment(),
        "TRADESENSE_HOME": str(home),
        "TRADESENSE_PORT": str(free_port()),
        "TRADESENSE_SANDBOX_PORT": str(free_port()),
        **changes,
    }


@dataclass
class Platform:
    """A started `tradesense up`; `said` is what it printed."""

    process: subprocess.Popen
    home: Path
    variables: dict[str, str]
    said: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.variables['TRADESENSE_PORT']}"

    def command(self, *words: str) -> subprocess.CompletedProcess:
        return run(self.variables, *words)

    def pids(self) -> dict[str, int]:
        """The process of each name that runs now."""
        known = json.loads((self.home / "run" / "processes.json").read_text())
        return {name: each["pid"] for name, each in known.items() if each["pid"]}

    def everything(self) -> set[int]:
        """Every process of this instance, PostgreSQL's children too."""
        return family(self.process.pid)

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def wait_ready(self) -> float:
        def ready_or_ended() -> bool:
            assert self.process.poll() is None, self.said.read_text()
            return self.is_ready()

        return until(ready_or_ended, within_s=START_PATIENCE_S, what="the first page")

    def stop(self, name: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(name)
        return self.process.wait(timeout=30)


def family(pid: int) -> set[int]:
    """`pid` and everything below it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        parents.setdefault(parent, []).append(int(entry.name))
    found, left = set(), [pid]
    while left:
        found.add(each := left.pop())
        left += parents.get(each, [])
    return found


def run(variables: dict[str, str], *words: str) -> subprocess.CompletedProcess:
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "tradesense.app.cli", *words],
        env=variables, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@contextmanager
def started(home: Path, **changes: str) -> Iterator[Platform]:
    """Start the platform on `home`; at the end it is stopped if the test has not done so."""
    variables = environment(home, **changes)
    said = home.with_name(f"{home.name}.said")
    with said.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tradesense.app.cli", "up"],
            env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    platform = Platform(process, home, variables, said)
    try:
        platform.wait_ready()
        yield platform
    finally:
        if process.poll() is None:
            platform.stop()
