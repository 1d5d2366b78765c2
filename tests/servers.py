"""
The PostgreSQL and the Valkey of one test run, shared by all its workers.

Whoever needs them first starts a keeper: `python tests/servers.py FOLDER PID`. It starts both,
migrates the template database, says so in FOLDER/ready, and stops both when process PID (pytest
itself) has ended, however it ended.
"""

import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tradesense.app.migrations import upgrade
from tradesense.infra.embedded import Postgres, Valkey
from tradesense.infra.embedded.postgres import APP, OWNER, SEALER, SUPERUSER

# Nothing of a test run need survive a power cut; what is acknowledged still survives kill -9.
QUICK = {"fsync": "off", "full_page_writes": "off"}
START_TIMEOUT_S = 60
ROOM = 2 * 1024**3  # bytes: two workers' databases, and the log between checkpoints, ten times over
TEMPLATE = "tradesense"


@dataclass(frozen=True)
class Servers:
    """Addresses of the servers; those of databases end in a slash."""

    app: str
    owner: str
    sealer: str
    superuser: str
    valkey: str


def start_once(folder: Path, pytest_pid: int) -> Servers:
    """Return the run's servers, started now if we are the first to ask."""
    folder.mkdir(parents=True, exist_ok=True)
    ready = folder / "ready"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            _start_keeper(folder, pytest_pid, ready)
    return Servers(**json.loads(ready.read_text()))


def _start_keeper(folder: Path, pytest_pid: int, ready: Path) -> None:
    said = folder / "said.log"
    with said.open("wb") as output:
        keeper = subprocess.Popen(
            [sys.executable, __file__, str(folder), str(pytest_pid)],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + START_TIMEOUT_S
    while not ready.exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the test servers did not start:\n{said.read_text()[-3000:]}")
        time.sleep(0.02)
    keeper.returncode = 0  # it outlives us on purpose: no ResourceWarning


def _quick_place() -> str:
    """
    Return where the servers keep their data.

    In memory if it is roomy: a copy of the template takes 20 ms there, 350 on disk. Not in
    pytest's folder: it is private, and PostgreSQL, when we are root, is somebody else.
    """
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free >= ROOM
    return str(memory) if roomy else "/var/tmp"


def keep(folder: Path, pytest_pid: int) -> None:
    """Run the servers until process `pytest_pid` ends."""
    watched = os.pidfd_open(pytest_pid)
    home = Path(tempfile.mkdtemp(prefix="tradesense-tests-", dir=_quick_place()))
    home.chmod(0o711)
    postgres, valkey = Postgres(home, settings=QUICK), Valkey(home)
    running = []
    try:
        for server in (postgres, valkey):
            server.prepare()
            running.append(server.command().spawn())
        postgres.wait_ready_blocking()
        valkey.wait_ready_blocking()
        upgrade(postgres.url(OWNER), app_url=postgres.url(APP), sealer_url=postgres.url(SEALER))
        roles = {"app": APP, "owner": OWNER, "sealer": SEALER, "superuser": SUPERUSER}
        urls = {name: postgres.url(role, "") for name, role in roles.items()}
        draft = folder / "draft"
        draft.write_text(json.dumps({**urls, "valkey": valkey.url()}))
        draft.rename(folder / "ready")
        select.select([watched], [], [])
    finally:
        for process in running:
            process.send_signal(signal.SIGINT)
        for process in running:
            process.wait(timeout=20)
        shutil.rmtree(home)


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]))
