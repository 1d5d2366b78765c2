"""A private, durable, migrated PostgreSQL for one benchmark: ours, with its default settings."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tradesense.app.migrations import upgrade
from tradesense.infra.embedded import Postgres
from tradesense.infra.embedded.postgres import APP, OWNER, SEALER

STOP_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Private:
    """A fresh instance: its data folder, and the addresses of its database by role."""

    home: Path
    app: str
    owner: str
    sealer: str

    def environment(self) -> dict[str, str]:
        """Return the variables under which our processes work on this instance."""
        return {
            "TRADESENSE_HOME": str(self.home),
            "TRADESENSE_DATABASE_URL": self.app,
            "TRADESENSE_OWNER_URL": self.owner,
            "TRADESENSE_SEALER_URL": self.sealer,
            "TRADESENSE_SECRET": "00" * 32,  # encrypts nothing that outlives the benchmark
            "TRADESENSE_LOG_LEVEL": "error",
        }


@contextmanager
def private_database() -> Iterator[Private]:
    """Run a server of our own for the length of the block; nothing of it remains."""
    # Not under a folder that only we may enter: as root the server runs as somebody else.
    home = Path(tempfile.mkdtemp(prefix="tradesense-bench-", dir="/var/tmp"))
    home.chmod(0o711)
    server = Postgres(home)
    server.prepare()
    with (home / "postgres.log").open("wb") as said:
        process = server.command().spawn(said.fileno())
    try:
        server.wait_ready_blocking()
        urls = Private(home, server.url(APP), server.url(OWNER), server.url(SEALER))
        upgrade(urls.owner, app_url=urls.app, sealer_url=urls.sealer)
        yield urls
    finally:
        process.send_signal(server.command().stop_signal)
        process.wait(STOP_TIMEOUT_S)
        shutil.rmtree(home)
