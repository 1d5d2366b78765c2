"""
PostgreSQL. A `Transaction` is the right to write; only an edge opens one, by `run`.

`run` takes the verb as a function, so that it can be run again where it did not commit. Its
first statement inserts `key` into `infra_commits`: a key that is already there means that the
verb had committed before. The network is never awaited inside a transaction; `infra.http`
refuses to send while `inside_transaction` is set.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from tradesense.kernel.errors import Conflict, OutcomeUnknown, Unavailable

Transaction = AsyncConnection[DictRow]
T = TypeVar("T")

inside_transaction: ContextVar[bool] = ContextVar("inside_transaction", default=False)


class AlreadyCommitted(Conflict):
    """The verb of this key has committed before; nothing was done now."""

    code = "infra.already_committed"


class Database:
    """A pool of connections under one role."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[DictRow]]) -> None:
        self._pool = pool

    async def run(
        self, verb: Callable[[Transaction], Awaitable[T]], *, key: str, patience_s: float = 10.0
    ) -> T:
        """
        Run `verb` in one transaction and return once it is committed; once per `key`.

        Runs it again, for at most `patience_s`, where it surely did not commit. Raises
        AlreadyCommitted if `key` had committed before this call, Unavailable if it did not
        happen in time, OutcomeUnknown if nobody can say. What the verb raises rolls it back.
        """
        raise NotImplementedError

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Open a read-only transaction: one snapshot, no commit key."""
        raise NotImplementedError
        yield
