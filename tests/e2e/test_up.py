"""`tradesense up`: one command starts everything, keeps it alive, and leaves nothing behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from running_platform import environment, free_port, is_alive, run, started, until

PROCESSES = {
    "postgres", "valkey", "sandbox", "api", "worker", "scheduler", "sealer", "feed", "engine",
}  # fmt: skip
MEMORY_MAX = 800_000_000


@pytest.fixture
def home():
    """A folder that the servers' user may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="tradesense-up-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder / "home"
    shutil.rmtree(folder)


def test_everything_runs_again_within_two_seconds_of_its_death(home):
    with started(home) as platform:
        until(lambda: platform.pids().keys() >= PROCESSES, within_s=20, what="every process runs")
        first = platform.pids()
        for name in sorted(PROCESSES):
            os.kill(first[name], signal.SIGKILL)
            took_s = until(
                lambda name=name: platform.pids().get(name, first[name]) != first[name],
                within_s=5,
                what=f"{name} runs again",
            )
            assert took_s < 2, name
            assert is_alive(platform.pids()[name])
        assert platform.pids()["supervisor"] == first["supervisor"]
        platform.wait_ready()

        shown = json.loads(platform.command("ps", "--json").stdout)
        assert {each["name"] for each in shown["processes"]} == PROCESSES | {"supervisor"}
        assert all(
            each["restarts"] >= 1 for each in shown["processes"] if each["name"] in PROCESSES
        )
        assert shown["pss_bytes"] < MEMORY_MAX

        second = platform.command("up")
        assert second.returncode == 2
        assert f"process {platform.process.pid}" in second.stderr
        assert platform.process.poll() is None

        everything = platform.everything()
        assert platform.stop() == 0
        assert not [pid for pid in everything if is_alive(pid)]
        assert platform.command("ps").returncode == 1


def test_nothing_outlives_a_killed_supervisor_and_a_new_one_goes_on(home):
    with started(home) as platform:
        everything = platform.everything()
        platform.process.kill()
        platform.process.wait()
        until(
            lambda: not [pid for pid in everything if is_alive(pid)],
            within_s=10,
            what="every process has ended",
        )
    with started(home) as platform:
        invariants = platform.command("invariants", "--json")
        assert invariants.returncode == 0, invariants.stdout
        assert json.loads(invariants.stdout)["kept"] > 0


def test_stopping_is_quick_also_while_a_page_listens(home):
    with started(home) as platform:
        begun = time.monotonic()
        assert platform.stop(signal.SIGTERM) == 0
        assert time.monotonic() - begun < 10


def test_a_port_in_use_is_named_with_its_variable(home):
    with started(home) as platform:
        other = platform.variables | {"TRADESENSE_HOME": str(home.with_name("other"))}
        refused = run(other, "up")
        assert refused.returncode == 2
        assert "TRADESENSE_PORT" in refused.stderr
        free = other | {"TRADESENSE_PORT": str(free_port())}
        assert "TRADESENSE_SANDBOX_PORT" in run(free, "up").stderr


def test_an_unknown_variable_is_refused_with_the_nearest_known_one(home):
    refused = run(environment(home, TRADESENSE_PROT="1"), "up")
    assert refused.returncode == 2
    assert "TRADESENSE_PROT" in refused.stderr
    assert "TRADESENSE_PORT" in refused.stderr
    assert not home.exists()


def test_a_file_in_the_place_of_the_data_folder_is_named(home):
    home.write_text("a file")
    refused = run(environment(home), "up")
    assert refused.returncode == 2
    assert str(home) in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must lend its servers another user")
def test_root_may_start_it_in_a_folder_that_nobody_else_can_enter(home):
    home.parent.chmod(0o700)
    with started(home) as platform:
        assert platform.is_ready()
    assert (home / "postgres").is_symlink()
    shutil.rmtree((home / "postgres").resolve().parent)


def test_real_servers_are_used_where_they_are_named(home, database, valkey_url):
    named = {
        "TRADESENSE_DATABASE_URL": database.app,
        "TRADESENSE_OWNER_URL": database.owner,
        "TRADESENSE_SEALER_URL": database.sealer,
        "TRADESENSE_REDIS_URL": valkey_url,
    }
    with started(home, **named) as platform:
        assert not {"postgres", "valkey"} & platform.pids().keys()
        assert not (home / "postgres").exists()
        assert platform.command("invariants").returncode == 0


def test_a_process_alone_says_what_it_needs(home):
    for name in ("api", "engine", "sandbox"):
        refused = run(environment(home), name)
        assert refused.returncode == 2
        assert "tradesense up" in refused.stderr
        assert "Traceback" not in refused.stderr


def listens_for_sigterm(pid: int) -> bool:
    """Say whether the process has come as far as catching SIGTERM, as the kernel knows it."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def test_a_process_runs_alone_beside_the_others(home):
    with started(home) as platform:
        first = platform.pids()["scheduler"]
        alone = subprocess.Popen(
            [sys.executable, "-m", "tradesense.app.cli", "scheduler"],
            env=platform.variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            until(lambda: listens_for_sigterm(alone.pid), within_s=20, what="it runs")
            with pytest.raises(subprocess.TimeoutExpired):
                alone.wait(timeout=2)  # it waits for the lease
            assert platform.pids()["scheduler"] == first
        finally:
            alone.send_signal(signal.SIGTERM)
        assert alone.wait(timeout=10) == 0


def test_migrations_that_fail_stop_the_start_and_say_why(home, database, valkey_url):
    named = {
        "TRADESENSE_DATABASE_URL": database.app,
        "TRADESENSE_OWNER_URL": "postgresql://nobody:x@127.0.0.1:9/none",
        "TRADESENSE_SEALER_URL": database.sealer,
        "TRADESENSE_REDIS_URL": valkey_url,
    }
    refused = run(environment(home, **named), "up")
    assert refused.returncode == 1
    assert "cannot reach the database as its owner" in refused.stderr
    assert "Traceback" not in refused.stderr
