"""
PostgreSQL and Valkey from wheels, for a machine that has only Python.

Owns     the folders `postgres` and `secrets` of the data folder.
Promises a server that dies with whoever started it, and starts again after any death.
Speaks   `prepare()`, `command()`, `wait_ready()`: the supervisor and the tests spawn it themselves.
"""

from tradesense.infra.embedded.command import Command
from tradesense.infra.embedded.postgres import Postgres
from tradesense.infra.embedded.secrets import Secrets
from tradesense.infra.embedded.valkey import Valkey

__all__ = ["Command", "Postgres", "Secrets", "Valkey"]
