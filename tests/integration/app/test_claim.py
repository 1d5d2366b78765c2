"""The data folder and the ports are ours alone, or it is said clearly whose they are."""

import os
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tradesense.app.supervisor import HomeTaken, HomeUnusable, PortTaken
from tradesense.app.supervisor.claim import claimed, require_clock, require_free
from tradesense.infra.clock import DrivenClock
from tradesense.infra.settings import BadSetting

HOLD = """
import sys
from pathlib import Path
from tradesense.app.supervisor.claim import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(home) -> subprocess.Popen:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_second_instance_is_told_who_holds_the_folder(tmp_path):
    with hold(tmp_path) as holder:
        with pytest.raises(HomeTaken, match=f"process {holder.pid}"), claimed(tmp_path):
            pass
        holder.kill()


def test_a_killed_holder_blocks_nobody(tmp_path):
    with hold(tmp_path) as holder:
        holder.kill()
    with claimed(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "home").write_text("a file")
    with pytest.raises(HomeUnusable, match="TRADESENSE_HOME"), claimed(tmp_path / "home"):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(HomeUnusable, match="Permission denied"), claimed(tmp_path / "home"):
        pass


def test_a_port_in_use_is_named_with_the_variable_to_set():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"127.0.0.1:{port}.*TRADESENSE_PORT"):
            require_free("127.0.0.1", port, "TRADESENSE_PORT")


@pytest.mark.parametrize("host", ["nonsense.invalid", "999.1.1.1", "192.0.2.1", "a" * 300, "::g"])
def test_a_host_that_is_not_this_machine_is_named_with_its_variable(host):
    with pytest.raises(BadSetting, match=r"TRADESENSE_HOST=.* is no address of this machine"):
        require_free(host, 8000, "TRADESENSE_PORT")


def test_a_driven_clock_that_nobody_made_is_said_before_anything_starts(settings):
    with pytest.raises(BadSetting, match="TRADESENSE_CLOCK=driven needs a clock"):
        require_clock(replace(settings, clock="driven"))
    (settings.home / "clock").write_bytes(b"short")
    with pytest.raises(BadSetting, match="TRADESENSE_CLOCK=driven needs a clock"):
        require_clock(replace(settings, clock="driven"))


def test_prices_of_the_past_need_a_driven_clock(settings, tmp_path):
    with pytest.raises(BadSetting, match="TRADESENSE_PRICES holds the past"):
        require_clock(replace(settings, prices=(tmp_path,)))
    DrivenClock.create(settings.home / "clock", datetime(2014, 5, 2, tzinfo=UTC))
    require_clock(replace(settings, prices=(tmp_path,), clock="driven"))


def test_a_free_port_is_fine():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    require_free("127.0.0.1", port, "TRADESENSE_PORT")
